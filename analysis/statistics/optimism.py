"""How much better networks look for having been chosen: their validation scores against their test scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.statistics.definitions import admissible, configurations, front_mask, runs


@dataclass(frozen=True)
class Optimism:
    """Mean of validation minus test score (of losses: test minus validation), so that above 0 validation looks better.

    Attributes:
        selected: over the configurations on the methods' fronts, each search's own, which validation data chose; `of`
            them.
        others: over all other admissible configurations, which nobody chose: how the two splits differ.
    """

    selected: float
    others: float
    of: int

    @property
    def by_selection(self) -> float:
        """What choosing on validation data added."""
        return self.selected - self.others


def optimism(trials: pd.DataFrame, score: str = "accuracy", count: str = "neurons") -> Optimism | None:
    """Optimism of the fronts in a score and a count; None without test scores on both sides."""
    (axis,) = axes_of((score,))
    rows = configurations(trials)
    rows = rows[admissible(rows, (score, count)) & rows[axis.test].notna().to_numpy()]
    gaps = (rows[axis.column] - rows[axis.test]).to_numpy(np.float64) * (1.0 if axis.maximise else -1.0)
    chosen = np.zeros(len(rows), dtype=bool)
    for own in rows.groupby([runs(rows), "method"], observed=True).indices.values():
        chosen[own] = front_mask(rows.iloc[own], (score, count))
    if chosen.all() or not chosen.any():
        return None
    return Optimism(float(gaps[chosen].mean()), float(gaps[~chosen].mean()), int(chosen.sum()))
