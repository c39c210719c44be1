"""Whether the methods' order by hypervolume depends on where its box ends."""

from collections.abc import Sequence

import pandas as pd

from analysis.axes import axes_of
from analysis.palette import in_order, title
from analysis.statistics import DEFAULT, rank_stability, runs
from analysis.text.table import Column, Table


def floor_table(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> Table:
    """Each method's rank by hypervolume, 1 is best, in boxes that end at other scores; see `analysis.rank_stability`.

    Columns of the frame: method, then for each floor (numbered from 0, the default box first) `rank_N` and
    `hypervolume_N`.
    """
    found = rank_stability(trials, objectives)
    score = next(axis for axis in axes_of(objectives) if axis.is_score)
    floors = list(dict.fromkeys(found["floor"]))
    lines: list[dict[str, object]] = [{"method": method} for method in in_order(found["method"].unique())]
    columns = [Column("method", "method", title)]
    for index, floor in enumerate(floors):
        own = found[found["floor"] == floor].set_index("method")
        for line in lines:
            line[f"rank_{index}"] = int(own["rank"][str(line["method"])])
            line[f"hypervolume_{index}"] = float(own["hypervolume"][str(line["method"])])
        heading = f"{floor * score.scale:.4g}{' %' if score.percent else ''}"
        columns += [Column(f"rank_{index}", f"rank at {heading}", ""), Column(f"hypervolume_{index}", "HV", ".3f")]
    orders = {tuple(found.loc[found["floor"] == floor, "rank"]) for floor in floors}
    means = " (means over searches)" if len(trials) and runs(trials).max() > 0 else ""
    verdict = "The order is the same in all" if len(orders) < 2 else "The order depends on it, and is no finding"
    caption = (
        f"Ranks by hypervolume{means} where the box ends at another {score.name}, from that of the default box to the"
        f" median on the fronts. {verdict}."
    )
    return Table(pd.DataFrame(lines), tuple(columns), caption)
