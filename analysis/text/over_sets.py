"""Several data sets at once: a score per set and method, their ranks, and what can be told apart, in tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.axes import measured
from analysis.palette import in_order, title
from analysis.statistics import (
    BASELINE,
    alike,
    baseline,
    configurations,
    friedman,
    narrowed,
    ranks,
    reference_of,
    runs,
    wilcoxon_holm,
    win_tie_loss,
)
from analysis.studies import Study
from analysis.text.summary import of_method, reached
from analysis.text.table import Column, Table
from study.directory import StudyError

_KEYS = {"hypervolume": "hypervolume", "kept": "fewest_share"}
_BY = {"hypervolume": "hypervolume", "kept": "what is kept within 1 point of dense"}
MEASURES = tuple(_KEYS)
"""What methods are ranked by; see `scores_over_sets`."""
RIVALS = ("magnitude", "random")


def scores_over_sets(study: Study, measure: str = "hypervolume", *, within: float = 0.01) -> pd.DataFrame:
    """One row per study, a column per method but dense: more is better of hypervolume, less of kept.

    hypervolume: of the method's configurations, in the study's own box. kept: the share of the dense network's units
    that its smallest network within `within` of the dense baseline keeps (validation data), 1 where it has none. Each
    study has its own score and count: the first of its objectives. Of several searches each has its own baseline and
    choice, and their mean is given.

    Raises:
        ValueError: another measure; fewer than two studies; a study without a score and a count.
    """
    if measure not in MEASURES:
        raise StudyError(f"measure: expected one of {', '.join(MEASURES)}, but got {measure!r}")
    if len(study.configs) < 2:
        raise StudyError(f"expected several studies, one for each data set, but got {len(study.configs)}")
    found: dict[str, dict[str, float]] = {}
    for name, config in study.configs.items():
        own = study.trials[study.trials["study"] == name]
        score, counts = measured(own, tuple(config["objectives"]))
        objectives = (score.name, counts[0].name)
        box = reference_of(own, objectives)
        rows = configurations(narrowed(own, objectives))
        searches = [(run, baseline(run, score.name)) for _, run in rows.groupby(runs(rows))]
        found[name] = {}
        for method in in_order(set(own["method"].astype(str)) - {BASELINE}):
            groups = [(of_method(run, method), control) for run, control in searches]
            came_to = [
                reached(group, objectives, score, counts[0], control, within, box)[_KEYS[measure]]
                for group, control in groups
                if len(group)
            ]
            values = np.array(came_to)
            found[name][method] = float((values if measure == "hypervolume" else np.nan_to_num(values, nan=1.0)).mean())
    frame = pd.DataFrame.from_dict(found, orient="index")
    return frame[in_order(frame.columns)]


def rank_table(study: Study, measure: str = "hypervolume") -> Table:
    """A line per data set with each method's score and rank, and one of average ranks with what tests say of them."""
    scores = scores_over_sets(study, measure)
    maximise = measure == "hypervolume"
    places = ranks(scores, maximise=maximise)
    both = pd.concat([scores, places.add_suffix("_rank")], axis=1)
    both.loc["average rank"] = places.mean().add_suffix("_rank")
    order = [f"{name}{end}" for name in scores for end in ("", "_rank")]
    frame = both.reindex(columns=order).rename_axis("set").reset_index()
    form, scale = (".3f", 1.0) if maximise else (".1f", 100.0)
    columns = [Column("set", "data set")]
    for method in scores:
        columns += [Column(str(method), title(method), form, scale), Column(f"{method}_rank", "rank", ".2g")]
    what = "Hypervolume, each set in its own box" if maximise else "% of the dense units kept within 1 point of dense"
    return Table(frame, tuple(columns), f"{what}; rank 1 is best. {said_of_ranks(scores, maximise)}")


def said_of_ranks(scores: pd.DataFrame, maximise: bool) -> str:
    """Friedman's p, and which methods Wilcoxon's tests with Holm's correction cannot tell apart."""
    p = friedman(scores)
    sets = len(scores)
    said = "" if np.isnan(p) else f"Friedman: p = {p:.2g} over {sets} sets. "
    pairs = wilcoxon_holm(scores)
    groups = alike(ranks(scores, maximise=maximise).mean(), pairs)
    if not (pairs["adjusted"] <= 0.05).any():
        least = min(1.0, len(pairs) * 2.0 ** (1 - sets))  # Wilcoxon's for sets that all agree, times Holm's factor
        floor = f"; of {len(pairs)} pairs {sets} sets can give no p below {least:.2g}" if least > 0.05 else ""
        return f"{said}No two methods can be told apart (Wilcoxon, Holm, 5 %){floor}."
    named = "; ".join(", ".join(title(method) for method in group) for group in groups)
    alone = f"Not told apart (Wilcoxon, Holm, 5 %): {named}." if named else "All methods differ (Wilcoxon, Holm, 5 %)."
    return said + alone


def wins_table(study: Study, against: Sequence[str] = RIVALS, measure: str = "hypervolume") -> Table:
    """On how many data sets each method is better than, as good as, and worse than pruning baselines."""
    scores = scores_over_sets(study, measure)
    there = [name for name in against if name in scores]
    if not there:
        raise StudyError(f"against: expected a method that was searched on every set, but got {', '.join(against)}")
    parts = {name: win_tie_loss(scores, name, maximise=measure == "hypervolume").set_index("method") for name in there}
    lines = []
    for method in scores:
        line: dict[str, object] = {"method": str(method)}
        for name, part in parts.items():
            for what in ("win", "tie", "loss"):
                line[f"{name}_{what}"] = part[what].astype(float).get(method, np.nan)
        lines.append(line)
    columns = [Column("method", "method", title)]
    for name in there:
        columns += [Column(f"{name}_{what}", f"{what} vs {title(name)}", ".0f") for what in ("win", "tie", "loss")]
    return Table(pd.DataFrame(lines), tuple(columns), f"By {_BY[measure]}, over {len(scores)} data sets.")
