"""scikit-learn's handwritten digits."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.data.dataset import Task
from trainables.data.parts import Found, Part, Request
from trainables.errors import StudyError


def read(request: Request, *, image: bool = False, task: Task | None = None) -> Found:
    """1797 digits of 8x8 pixels scaled to 0..1, as (64,) or with image: true as (1, 8, 8)."""
    if task == "regression":
        raise StudyError("task: expected classification or reconstruction for digits, got regression")
<<<<<<< HEAD
    values, labels = _digits()
=======
    values, labels = _table()
>>>>>>> 58b5662 (The page shows what tests of a study say: arrows to test scores, standard error, tolerance; searches are not pooled)
    x = (values / 16).astype(np.float32).reshape(-1, *((1, 8, 8) if image else (64,)))
    if task == "reconstruction":
        return Found("scikit-learn", task, {"train": Part(x)}, normalise=False)
    parts = {"train": Part(x, labels.astype(np.int64))}
    return Found("scikit-learn", "classification", parts, tuple("0123456789"), normalise=False)


<<<<<<< HEAD
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
=======
def _table() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The (1797, 64) grey values from 0 to 16 and the labels, as `sklearn.datasets.load_digits` reads them.

    From its file without the package where it lies where it did: that loads scipy and pandas, a second of every start.
    """
    package = find_spec("sklearn")
    file = Path(package.origin).parent / "datasets/data/digits.csv.gz" if package and package.origin else Path()
    if not file.is_file():
        from sklearn.datasets import load_digits

        return load_digits(return_X_y=True)  # type: ignore[no-any-return]
    with gzip.open(file, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)
>>>>>>> 58b5662 (The page shows what tests of a study say: arrows to test scores, standard error, tolerance; searches are not pooled)
