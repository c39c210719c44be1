"""Data sets of the Hugging Face hub, fetched once as Parquet in the layout every other image set here has."""

from __future__ import annotations

from pathlib import Path

from trainables.data import cache
from trainables.errors import StudyError


def fetch(name: str, *, revision: str | None = None) -> Path:
    """The folder of SPLIT.parquet files of "owner/set" or "owner/set:configuration", downloaded if need be.

    Kept until deleted: pin `revision` for a study that should mean the same next year. ValueError when the
    `datasets` library is missing or cannot load the set.
    """

    def fetched(folder: Path) -> None:
        try:
            import datasets
        except ImportError as error:
            raise StudyError(f"data: hub:{name} needs the datasets library: pip install 'study[hub]'") from error
        where, _, configuration = name.partition(":")
        try:
            splits = datasets.load_dataset(where, configuration or None, revision=revision)
        except (OSError, ValueError, RuntimeError) as error:
            raise StudyError(f"data: hub:{name} cannot be loaded: {error}") from error
        for split, examples in splits.items():
            examples.to_parquet(str(folder / f"{split}.parquet"))

    return cache.kept(cache.folder() / "hub" / cache.fingerprint(name, revision), fetched)
