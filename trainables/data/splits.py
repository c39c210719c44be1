"""Which files belong to which split, from their names as the Hugging Face hub and most archives use them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from trainables.errors import StudyError

_SPLITS = {"train": "train", "training": "train", "test": "test"}
_SPLITS |= dict.fromkeys(("validation", "valid", "val", "dev"), "validation")
_UNUSED = {"extra", "unsupervised"}  # SVHN's easy extra images; pages without labels


def split_of(name: str) -> str | None:
    """The split a file or folder is named after (`train-00000-of-00002`, `test`, `val`), None if none."""
    word = re.split(r"[-_.]", name.lower())[0]
    return _SPLITS.get(word, word if word in _UNUSED else None)


def by_split(path: Path, suffix: str) -> dict[str, list[Path]]:
    """Files ending in `suffix` under the folder `path` by split; all under "train" if none names a split.

    A lone validation split is what such a set publishes for testing: it is returned as "test".
    """
    if path.is_file():
        return {"train": [path]}
    splits: dict[str | None, list[Path]] = defaultdict(list)
    for file in sorted(path.rglob(f"*{suffix}")):
        inside = file.parent.name if file.parent != path else ""
        splits[split_of(file.stem) or split_of(inside)].append(file)
    return _tidy(path, splits)


def folders_by_split(path: Path) -> dict[str, list[Path]]:
    """As `by_split` for the folders directly in `path`; other folders are classes and stand for "train"."""
    splits: dict[str | None, list[Path]] = defaultdict(list)
    for folder in sorted(f for f in path.iterdir() if f.is_dir()):
        splits[split_of(folder.name)].append(folder)
    return {"train": [path]} if set(splits) <= {None} else _tidy(path, splits)


def _tidy(path: Path, splits: dict[str | None, list[Path]]) -> dict[str, list[Path]]:
    if set(splits) <= {None}:
        named = {"train": splits[None]}
    else:
        if None in splits:
            odd = splits[None][0].relative_to(path)
            raise StudyError(f"{path}: {odd} names no split (train, validation, test), but others do")
        named = {split: files for split, files in splits.items() if split and split not in _UNUSED}
        if "train" not in named:
            raise StudyError(f"{path}: expected a train split, found {', '.join(sorted(named)) or 'none'}")
    for split, files in named.items():
        homes = sorted({str(file.parent.relative_to(path)) for file in files})
        if len(homes) > 1:
            raise StudyError(f"{path} holds several data sets, name one of them: {', '.join(homes)} ({split})")
    if "validation" in named and "test" not in named:
        named["test"] = named.pop("validation")
    return named
