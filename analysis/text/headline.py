"""The main finding, worded by what its tests say: who keeps how little, how sure that is, whether it holds on test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.axes import Axis
from analysis.palette import in_order, title
from analysis.statistics import (
    BASELINE,
    FEW,
    KEPT,
    Answers,
    Baseline,
    baseline,
    claims,
    estimate,
    fewest,
    optimism,
    runs,
    told_apart,
)
from analysis.text.table import Column, Table
from analysis.text.words import listed, name_of, score_text, share_text

RESAMPLES = 1000


def headline(
    trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline, answers: Answers | None = None
) -> tuple[str, ...]:
    """The finding in a count, in one or two sentences.

    With several searches it is over them; with one and the answers to single examples it is tested on these; else it is
    what the scores say, with the test scores beside them, and untested.
    """
    if runs(trials).max() > 0:
        return _over_searches(trials, score, count)
    found = None
    if answers is not None:
        found = claims(trials, answers, score=score.name, count=count.name, resamples=RESAMPLES)
    if found is None or found.empty:
        return tuple(filter(None, _untested(trials, score, count, control)))
    if not np.isfinite(found["share"].iloc[0]):
        return (f"At {goal(score)} no method has a smaller network.",)
    return _tested(found, score, count, answers.validation.shape[1] if answers else 0)


def goal(score: Axis) -> str:
    """What is to be reached, in words."""
    if score.maximise:
        return f"{100 * KEPT:g} % of dense {score.name}"
    article = "an" if score.name in ("mse", "nmse") else "a"  # as they are said
    return f"{article} {score.name} {100 * (1 - KEPT):.2g} % above the dense one"


def _tested(found: pd.DataFrame, score: Axis, count: Axis, examples: int) -> tuple[str, ...]:
    first, *others = found[np.isfinite(found["share"])].to_dict("records")
    group = [title(line["method"]) for line in others if line["group"]]
    apart = [f"{title(line['method'])} {share_text(line['share'])}" for line in others if not line["group"]]
    text = (
        f"At {goal(score)} {title(first['method'])} keeps {share_text(first['share'])} of the {name_of(count)}"
        f" (90 % interval {_interval(first['low'], first['high'])}) and leads in {share_text(first['leads'])} of"
        f" {RESAMPLES:,} resamples of the {examples:,} validation examples"
    )
    if group:
        text += f"; {listed(group)} cannot be told apart from it"
    if apart:
        text += f"; behind {'them are' if group else 'it are'} {listed(apart)}"
    never = [title(name) for name in found.loc[~np.isfinite(found["share"]), "method"]]
    if never:
        text += f"; {listed(never)} never {'get' if len(never) > 1 else 'gets'} there"
    return f"{text}.", _on_test(first, score)


def _on_test(line: dict[str, object], score: Axis) -> str:
    test, target = float(str(line["test"])), float(str(line["target_test"]))
    low, high = float(str(line["difference_low"])), float(str(line["difference_high"]))
    unit = " points" if score.percent else ""
    verdict = "the target holds there" if line["holds"] else "the target does not hold there"
    sure = ", and the examples are too few to be sure" if low < 0 < high else ""
    return (
        f"On test data its network reaches {score_text(score, test)} where the target is {score_text(score, target)}:"
        f" {verdict}{sure} (difference {score.scale * float(str(line['difference'])):+.2g}"
        f" [{score.scale * low:+.2g}, {score.scale * high:+.2g}]{unit})."
    )


def _interval(low: float, high: float) -> str:
    if not np.isfinite(low):
        return "empty"
    return f"{share_text(low)} to {share_text(high)}" if np.isfinite(high) else f"{share_text(low)} upwards"


def _untested(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline) -> tuple[str, str]:
    """At 98 % of dense accuracy NPN keeps 31 % of the neurons, SGL 38 %; and who of them does so on test data."""
    shares: dict[str, tuple[float, float]] = {}
    failed = []
    for method in in_order(trials["method"].unique()):
        if method == BASELINE:
            continue
        small = fewest(trials[trials["method"] == method], count.name, score.name, control.kept(score))
        if small is None or count.dense not in small or not small[count.dense]:
            failed.append(title(method))
        else:
            test = float(small[score.test]) if pd.notna(small[score.test]) else np.nan
            shares[title(method)] = (float(small[count.column]) / float(small[count.dense]), test)
    if not shares:
        return (f"At {goal(score)} no method has a smaller network." if failed else ""), ""
    ranked = sorted(shares, key=lambda name: shares[name][0])
    text = f"At {goal(score)} {ranked[0]} keeps {share_text(shares[ranked[0]][0])} of the {name_of(count)}"
    text += "".join(f", {name} {share_text(shares[name][0])}" for name in ranked[1:])
    if failed:
        text += f"; {listed(failed)} never {'get' if len(failed) > 1 else 'gets'} there"
    return f"{text}.", _held(ranked, shares, score, control)


def _held(ranked: Sequence[str], shares: dict[str, tuple[float, float]], score: Axis, control: Baseline) -> str:
    if np.isnan(control.test) or any(np.isnan(test) for _, test in shares.values()):
        return ""
    sign = 1.0 if score.maximise else -1.0
    target = control.test * (KEPT if score.maximise else 2 - KEPT)
    holds = [name for name in ranked if sign * (shares[name][1] - target) >= 0]
    fails = [f"{name} ({score_text(score, shares[name][1])})" for name in ranked if name not in holds]
    told = f"it holds for {listed(holds)}" if holds else "it holds for none"
    told += f" and fails for {listed(fails)}" if fails else ""
    return (
        f"On test data, where the target is {score_text(score, target)}, {told}; {_unknown(score)} is not recorded, so"
        " none of this is tested."
    )


def _unknown(score: Axis) -> str:
    return "how single examples were answered" if score.name == "accuracy" else f"the {score.name} of single examples"


def _over_searches(trials: pd.DataFrame, score: Axis, count: Axis) -> tuple[str, ...]:
    """The mean over searches with its interval; each search has its own baseline and its own choice."""
    chosen = {}
    for method in in_order(trials["method"].unique()):
        if method != BASELINE:
            own = trials[trials["method"].isin([BASELINE, method])]
            chosen[title(method)] = _chosen(own, str(method), score, count)
    shares = {name: found["share"].to_numpy(np.float64) for name, found in chosen.items()}
    reached = {name: values for name, values in shares.items() if len(values) and np.isfinite(values).all()}
    if not reached:
        return (f"At {goal(score)} no method has a smaller network in every search.",)
    first, *others = sorted(reached, key=lambda name: float(reached[name].mean()))
    found = estimate(reached[first])
    each = f": {', '.join(share_text(value) for value in found.each)}" if found.runs < FEW else ""
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    text = (
        f"At {goal(score)} {first} keeps {share_text(found.mean)} of the {name_of(count)} (mean of"
        f" {found.runs} searches{each}; 95 % t interval {share_text(low)} to {share_text(high)})"
    )
    p = told_apart(reached)
    same = [name for name in others if p[frozenset((first, name))] > 0.05]
    behind = [f"{name} {share_text(float(reached[name].mean()))}" for name in others if name not in same]
    text += f"; {listed(same)} cannot be told apart from it" if same else ""
    text += f"; behind {'them are' if same else 'it are'} {listed(behind)}" if behind else ""
    missed = [name for name in chosen if name not in reached]
    text += f"; {listed(missed)} {'do' if len(missed) > 1 else 'does'} not get there in every search" if missed else ""
    return tuple(filter(None, (f"{text}.", _on_test_over_searches(chosen[first], score))))


def _on_test_over_searches(found: pd.DataFrame, score: Axis) -> str:
    """Of the networks that the searches chose: means, and whether the target holds."""
    gap = estimate((found["test"] - found["target"]).to_numpy(np.float64))
    if np.isnan(gap.mean):
        return ""
    holds = gap.mean >= 0 if score.maximise else gap.mean <= 0
    unit = " points" if score.percent else ""
    verdict = f"the target {'holds' if holds else 'does not hold'} there"
    sure = ", and the searches are too few to be sure" if gap.low < 0 < gap.high else ""
    return (
        f"On test data these networks reach {score_text(score, float(found['test'].mean()))} on average where the"
        f" target is {score_text(score, float(found['target'].mean()))}: {verdict}{sure}"
        f" (difference {score.scale * gap.mean:+.2g}"
        f" [{score.scale * gap.low:+.2g}, {score.scale * gap.high:+.2g}]{unit})."
    )


def _chosen(trials: pd.DataFrame, method: str, score: Axis, count: Axis) -> pd.DataFrame:
    """By search: share of the method's smallest network at the goal, its test score, the target on test; else NaN."""
    lines = []
    for _, run in trials.groupby(runs(trials)):
        control = baseline(run, score.name)
        own = run[run["method"] == method]
        small = fewest(own, count.name, score.name, control.kept(score)) if control else None
        line = {"share": np.nan, "test": np.nan, "target": np.nan}
        if small is not None and control is not None:
            line["share"] = float(small[count.column]) / float(small[count.dense])
            line["test"] = float(small[score.test]) if pd.notna(small[score.test]) else np.nan
            line["target"] = control.test * (KEPT if score.maximise else 2.0 - KEPT)
        lines.append(line)
    return pd.DataFrame(lines)


def said_of_selection(trials: pd.DataFrame, score: Axis, count: Axis) -> str:
    """The measured optimism of validation scores, in a sentence; empty where it cannot be measured."""
    found = optimism(trials, score.name, count.name)
    if found is None:
        return ""
    gain = _amount(score, found.by_selection)
    told = f"being selected is worth {gain}, which no new data will give" if found.by_selection > 0 else ""
    return (
        f"Validation {_side(found.selected)} test {_by(score, found.selected)} on the fronts and"
        f" {_side(found.others)} it {_by(score, found.others)} on all other networks:"
        f" {told or 'being selected shows no gain'}."
    )


def _side(gap: float) -> str:
    return "looks better than" if gap >= 0 else "looks worse than"


def _by(score: Axis, gap: float) -> str:
    return f"by {_amount(score, abs(gap))}"


def _amount(score: Axis, gap: float) -> str:
    return f"{100 * gap:.2f} points" if score.percent else f"{gap:.3g}"


def said_of_resolution(trials: pd.DataFrame, score: Axis, control: Baseline) -> str:
    """The binomial standard error at the dense accuracy: what the validation split cannot resolve."""
    if score.name != "accuracy" or "val_examples" not in trials or not trials["val_examples"].notna().any():
        return ""
    examples = int(trials["val_examples"].max())
    if control.validation == 1:
        least = score_text(score, 0.05 ** (1 / examples))
        return f"All of {examples:,} validation examples answered rightly may be an accuracy of {least} (95 %, exact)."
    error = np.sqrt(control.validation * (1 - control.validation) / examples)
    return (
        f"With {examples:,} validation examples an accuracy of {score_text(score, control.validation)} has a standard"
        f" error of {100 * error:.2g} points."
    )


def claim_table(trials: pd.DataFrame, answers: Answers, *, score: Axis, count: Axis) -> Table:
    """The claims of `analysis.claims` as a table."""
    frame = claims(trials, answers, score=score.name, count=count.name, resamples=RESAMPLES)
    frame = frame[np.isfinite(frame["share"].astype("float64"))].reset_index(drop=True)
    frame["group"] = [
        "the first" if line == 0 else "same" if same else "apart" for line, same in enumerate(frame["group"])
    ]
    frame["holds"] = ["yes" if holds else "no" for holds in frame["holds"]]
    form, unit = (".2f", " %") if score.percent else (".4g", "")
    columns = (
        Column("method", "method", title),
        Column("trial", "trial", str),
        Column("share", f"% of {name_of(count)}", ".1f", 100.0, spread=("low", "high")),
        Column("validation", f"validation{unit}", form, score.scale),
        Column("test", f"test{unit}", form, score.scale),
        Column("target_test", f"target{unit}", form, score.scale),
        Column("holds", "holds", str),
        Column("difference", "difference", f"+{form}", score.scale, spread=("difference_low", "difference_high")),
        Column("leads", "leads in %", ".0f", 100.0),
        Column("p", "p", ".3f"),
        Column("group", "from the first", str),
    )
    caption = (
        f"Each method's smallest network at {goal(score)}, selected on validation data, estimated on test. 90 %"
        f" intervals: dense network and methods choose anew in each of {RESAMPLES:,} resamples of the examples. p:"
        " against the first, by Holm over the methods. The networks are those of one search: another one finds others."
    )
    return Table(frame, columns, caption)
