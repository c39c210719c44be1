"""What a reproduction found, as a file: numbers, and what they were made with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study.api.comparison import Number

FILE = "reproduction.json"


@dataclass(frozen=True)
class Row:
    """One published result and what became of it.

    Attributes:
        settings: what the row takes of the preset, and what was changed beside it, key=value each.
        status: "complete", or why it is not.
        full: run with the published settings to the last epoch, on the data that they name.
        data: their name and how they lie here, "cifar10 (Parquet, JPEG re-encoded images)".
        stand_in: on small generated files, since the data are not here; nothing can be learned of its numbers.
        epochs: that were trained, of ``published_epochs``.
        failed: seeds without an outcome.
        verdict: `verdict_of` its numbers where it is full and complete, else "partial".
        seconds_per_epoch: of one seed.
        code: the sources that trained, as a hash; ``same_code``: whether they are those of the recorded commit.
        numbers: by column of a study's trials.
    """

    label: str
    source: str
    settings: tuple[str, ...]
    status: str
    full: bool = False
    data: str = ""
    stand_in: bool = False
    epochs: int = 0
    published_epochs: int = 0
    seeds: int = 0
    failed: int = 0
    verdict: str = "partial"
    seconds_per_epoch: float | None = None
    machine: str = ""
    code: str = ""
    same_code: bool = False
    finished: str = ""
    numbers: Mapping[str, Number] | None = None


@dataclass(frozen=True)
class Reproduction:
    """All rows of a preset, with what has to be said beside them."""

    name: str
    notes: str
    command: str
    commit: str | None
    date: str
    versions: Mapping[str, str]
    differs: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def written(found: Reproduction, folder: Path) -> Path:
    """The file that keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
    return file


def commit() -> str | None:
    """Of the repository that this code lies in, with -dirty where its sources differ; None where it is installed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    sources = ("study", "trainables", "search_spaces")
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *sources)
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}-dirty" if changed else head


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
