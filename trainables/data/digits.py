"""scikit-learn's handwritten digits."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from trainables.data.dataset import Task
from trainables.data.parts import Found, Part, Request
from trainables.errors import StudyError


def read(request: Request, *, image: bool = False, task: Task | None = None) -> Found:
    """1797 digits of 8x8 pixels scaled to 0..1, as (64,) or with image: true as (1, 8, 8)."""
    if task == "regression":
        raise StudyError("task: expected classification or reconstruction for digits, got regression")
    values, labels = _digits()
    x = (values / 16).astype(np.float32).reshape(-1, *((1, 8, 8) if image else (64,)))
    if task == "reconstruction":
        return Found("scikit-learn", task, {"train": Part(x)}, normalise=False)
    parts = {"train": Part(x, labels.astype(np.int64))}
    return Found("scikit-learn", "classification", parts, tuple("0123456789"), normalise=False)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """As scikit-learn's load_digits gives them, without what else it imports: a second of every process's start."""
    package = find_spec("sklearn")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz" if package and package.origin else None
    if file is None or not file.exists():
        from sklearn.datasets import load_digits

        values, labels = load_digits(return_X_y=True)
        return values, labels
    with gzip.open(file, "rt") as text:
        table = np.loadtxt(text, delimiter=",")
    return table[:, :-1], table[:, -1]
