"""How each example was answered, unpacked: what paired tests and intervals over examples are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis.statistics.definitions import CONFIGURATION

Matrix = NDArray[np.float32]

_SAME = 1e-3
"""Ratios of sums of float32 that differ by this share are one number."""


@dataclass(frozen=True)
class Answers:
    """Row i of each matrix is of the trial `trials[i]`.

    Attributes:
        trials: names.
        validation, test: (n, N) and (n, M); 1 where an example is answered rightly and 0 where not, or its squared
            error. The mean of a row is the score.
        right: whether they say right or wrong, so that more is better.
    """

    trials: tuple[str, ...]
    validation: Matrix
    test: Matrix
    right: bool

    def of_score(self, trials: pd.DataFrame, score: str) -> Answers | None:
        """The same in parts of which this score is the mean; None where it is no mean over the examples recorded.

        The loss of a regression is its squared error, and nmse is that over a number which the split alone decides: the
        mean square of its targets. Of a classification rights and wrongs are recorded, not each example's loss.

        Args:
            trials: with validation and test columns of the score, of which `self` has answers.
            score: the name of an objective.
        """
        if self.right or score != "nmse":
            return self if score in (("accuracy",) if self.right else ("mse", "loss")) else None
        own = trials.set_index("trial").reindex(list(self.trials))
        scaled = []
        for split, matrix in (("val", self.validation), ("test", self.test)):
            ratio = (own[f"{split}_nmse"] / matrix.mean(axis=1, dtype=np.float64)).dropna()
            ratio = ratio[np.isfinite(ratio)]
            if ratio.empty or np.ptp(ratio) > _SAME * ratio.max():
                return None
            scaled.append((matrix * ratio.median()).astype(np.float32))
        return replace(self, validation=scaled[0], test=scaled[1])

    def of(self, rows: pd.DataFrame, trials: pd.DataFrame) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
        """Validation and test answers of configurations, the means over their trials, and which of them are known.

        Args:
            rows: of `configurations(trials)`.
        """
        place = {name: index for index, name in enumerate(self.trials)}
        members = _members(rows, trials)
        known = np.array([bool(names) and all(name in place for name in names) for names in members], dtype=bool)
        index = [[place[name] for name in names] for names, there in zip(members, known, strict=True) if there]
        if not index:
            return self.validation[:0], self.test[:0], known
        means = [np.stack([matrix[own].mean(axis=0) for own in index]) for matrix in (self.validation, self.test)]
        return means[0], means[1], known


def _members(rows: pd.DataFrame, trials: pd.DataFrame) -> list[list[str]]:
    """The complete trials of each configuration."""
    if "configuration" not in trials or (rows["seeds"] == 1).all():
        return [[str(name)] for name in rows["trial"]]
    keys = [name for name in CONFIGURATION if name in trials]
    complete = trials[trials["status"] == "COMPLETE"]
    found = complete.groupby(keys, observed=True)["trial"].apply(lambda names: [str(name) for name in names]).to_dict()
    return [found.get(tuple(key), []) for key in rows[keys].itertuples(index=False, name=None)]


def unpacked(table: pa.Table, among: Iterable[str] | None = None) -> Answers | None:
    """The answers in a table of `StudyDirectory.answers`; None where there are none, or not of one and the same split.

    Args:
        among: trials that are wanted; None for all.
    """
    wanted = None if among is None else set(among)
    names, validation, test, sizes, tasks = list[str](), list[bytes](), list[bytes](), set(), set()
    columns = [table[name].to_pylist() for name in table.column_names]
    for trial, task, val_examples, test_examples, val, tested in zip(*columns, strict=True):
        if val is None or tested is None or (wanted is not None and trial not in wanted):
            continue
        names.append(trial)
        validation.append(val)
        test.append(tested)
        sizes.add((val_examples, test_examples))
        tasks.add(task)
    if not names or len(sizes) != 1 or len(tasks) != 1:
        return None
    right = tasks == {"classification"}
    (counts,) = sizes
    parts = [_matrix(part, count, right) for part, count in zip((validation, test), counts, strict=True)]
    return Answers(tuple(names), parts[0], parts[1], right)


def _matrix(rows: list[bytes], count: int, right: bool) -> Matrix:
    whole = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1)
    if right:
        return np.unpackbits(whole, axis=1, count=count).astype(np.float32)
    return whole.view("<f4").astype(np.float32)
