"""What each method reaches with the same number of trials, whatever it was given."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.palette import in_order, title
from analysis.statistics import KEPT, equal_budgets
from analysis.text.table import Column, Table
from analysis.text.words import name_of

NUMBERS = (1, 4, 8, 16, 32, 64)


def budget_table(
    trials: pd.DataFrame, numbers: Sequence[int] = NUMBERS, *, score: str = "accuracy", count: str = "neurons"
) -> Table:
    """Expected share of the dense count kept at 98 % of the dense score, when only so many configurations were tried.

    Columns of the frame: method, configurations (it has, of a search), epochs (a configuration costs), then for each
    number `share_N` with `share_N_low` and `share_N_high`, the 5 % and 95 % quantiles over which of its trials these
    are; unknown above what a method has. See analysis.equal_budgets.
    """
    score_axis, count_axis = axes_of((score, count))
    whole = equal_budgets(trials, score=score, count=count)
    found = equal_budgets(trials, score=score, count=count, budgets=sorted(set(numbers)))
    lines = []
    for method in in_order(whole["method"].unique()):
        most = whole[whole["method"] == method].iloc[-1]
        line: dict[str, object] = {"method": method, "configurations": int(most["drawn"])}
        line["epochs"] = float(most["epochs"]) / float(most["drawn"])
        own = found[found["method"] == method].set_index("drawn")
        for number in numbers:
            there = number in own.index
            for name, key in (("", "share"), ("_low", "share_low"), ("_high", "share_high")):
                line[f"share_{number}{name}"] = float(own[key].to_dict()[number]) if there else np.nan
        lines.append(line)
    columns = [
        Column("method", "method", title),
        Column("configurations", "has", ","),
        Column("epochs", "epochs each", ".0f"),
    ]
    for number in numbers:
        key = f"share_{number}"
        columns.append(Column(key, f"{number}", ".0f", 100.0, spread=(f"{key}_low", f"{key}_high")))
    goal = f"{100 * KEPT:g} % of dense {score}" if score_axis.maximise else f"{100 * (1 - KEPT):.2g} % above dense"
    caption = (
        f"Share of the {name_of(count_axis)} in % that the smallest network at {goal} is expected to keep, had only so"
        " many configurations been tried, with the 5 % and 95 % quantiles over which of them; 100 where none gets"
        " there. –: the method has fewer. Drawn from a method's own trials in any order: another search is not in it."
    )
    return Table(pd.DataFrame(lines), tuple(columns), caption)
