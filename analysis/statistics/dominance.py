"""Which of many points no other one dominates."""

import moocore
import numpy as np
from numpy.typing import NDArray

from analysis.axes import Points


def nondominated(points: Points) -> NDArray[np.bool_]:
    """Mask (n,) of the rows of minimised `points` (n, m) that no other row dominates.

    x dominates y when x <= y in every objective and x < y in one, so equal rows do not dominate each other
    and all of them stay: the answer does not depend on the order of the rows. Rows with NaN or infinities
    are out.
    """
    # moocore lets NaN through (and lets it dominate), so only finite rows may reach it.
    rows = np.flatnonzero(finite(points))
    rows = rows[_contenders(points[rows])]
    mask = np.zeros(len(points), dtype=bool)
    mask[rows] = moocore.is_nondominated(points[rows], keep_weakly=True)
    return mask


_PIVOTS = 4


def _contenders(points: Points) -> NDArray[np.int_]:
    """The rows of finite points (n, m) that are not worse in every objective than one of a few points.

    These few are those with the largest boxes behind them. In all but odd cases next to no rows are left to compare.
    """
    rows, columns = np.arange(len(points)), points.T.copy()
    if len(rows) <= _PIVOTS:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        volumes = np.prod([column.max() - column for column in columns], axis=0)
    for pivot in points[np.argpartition(-volumes, _PIVOTS)[:_PIVOTS]]:
        stays = np.logical_or.reduce([column <= value for column, value in zip(columns, pivot, strict=True)])
        rows, columns = rows[stays], columns[:, stays]
    return rows


def finite(points: Points) -> NDArray[np.bool_]:
    """Mask (n,) of the rows without NaN and infinities; by columns, which are few and long."""
    mask: NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(column) for column in points.T])
    return mask
