"""Small tables that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from trainables.data.dataset import Task
from trainables.data.parts import Found, Part, Request
from trainables.errors import StudyError


def wine(request: Request, *, task: Task | None = None) -> Found:
    """178 wines of three growers, 13 measurements each."""
    from sklearn.datasets import load_wine

    return _classes("wine", load_wine(), task)


def breast_cancer(request: Request, *, task: Task | None = None) -> Found:
    """569 tumours, 30 measurements of cell nuclei each."""
    from sklearn.datasets import load_breast_cancer

    return _classes("breast_cancer", load_breast_cancer(), task)


def diabetes(request: Request, *, task: Task | None = None) -> Found:
    """442 patients, 10 measurements each; what is predicted is the progression of the disease a year later."""
    from sklearn.datasets import load_diabetes

    if task not in (None, "regression"):
        raise StudyError(f"task: expected regression for diabetes, got {task}")
    found = load_diabetes()
    x, y = found.data.astype(np.float32), found.target.astype(np.float32).reshape(-1, 1)
    return Found("scikit-learn", "regression", {"train": Part(x, y)})


def _classes(name: str, found: object, task: Task | None) -> Found:
    if task not in (None, "classification"):
        raise StudyError(f"task: expected classification for {name}, got {task}")
    x, y = np.asarray(found.data, dtype=np.float32), np.asarray(found.target, dtype=np.int64)  # type: ignore[attr-defined]
    return Found("scikit-learn", "classification", {"train": Part(x, y)}, tuple(map(str, found.target_names)))  # type: ignore[attr-defined]
