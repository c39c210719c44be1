"""What a reviewer asks of a compression study, point by point, and what to run where a point is missing.

The points are the recommendations of Blalock, Gonzalez Ortiz, Frankle and Guttag, "What is the state of neural network
pruning?", MLSys 2020, section 7 and appendix B.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.axes import Axis, measured
from analysis.palette import in_order, title
from analysis.statistics import (
    BASELINE,
    admissible,
    borders,
    configurations,
    distinct,
    epochs_trained,
    optimism,
    pareto,
    runs,
)
from study.directory import raced, repetitions

POINTS = 5
"""Operating points per method that make a curve; the paper asks for at least five."""
SEEDS = 3
"""Seeds per configuration from which a spread can be given."""
SEARCHES = 5
"""Searches from which an exact test can tell two methods apart at 1 %: 2 of the 252 ways to share them out."""
ALIKE = 1.1
"""Budgets in epochs up to so many times each other are the same, where trials differ in theirs."""
PRUNING = ("magnitude", "random")


@dataclass(frozen=True)
class AuditPoint:
    """One point of the audit.

    Attributes:
        passed: None where the point does not apply.
        found: what the study has, in a sentence.
        remedy: the command that passes the point, or what to change; empty where there is nothing to do.
    """

    title: str
    passed: bool | None
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class _Subject:
    trials: pd.DataFrame
    complete: pd.DataFrame
    config: Mapping[str, Any]
    location: str
    score: Axis
    counts: tuple[Axis, ...]
    declared: Mapping[str, Mapping[str, Any]]

    def budget(self, method: str) -> int:
        """Trials a method gets where the YAML says nothing of its own, repetitions counted."""
        return int(self.config.get("trials", 64)) * repetitions(self.config, method)

    @property
    def rivals(self) -> list[str]:
        """The methods that compress, those first that are not baselines."""
        return [name for name in in_order(self.trials["method"].unique()) if name != BASELINE]

    def more(self, trials: Mapping[str, int]) -> str:
        """The command that goes on with the study until these methods have so many trials each, repetitions counted."""
        each = {method: -(-count // repetitions(self.config, method)) for method, count in trials.items()}
        changed = " ".join(f"--set methods.{method}.trials={count}" for method, count in each.items())
        return f"study resume {self.location} {changed}"

    def wider(self, ranges: Mapping[str, tuple[float, float]]) -> str:
        """The command that runs the study anew with these ranges, by their keys in the YAML."""
        place = self.location.rstrip("/")
        changed = " ".join(f"--set {key}=[{low:.4g},{high:.4g}]" for key, (low, high) in ranges.items())
        return f"study run {place}/study.yaml {changed} --output {place}-wider"

    def again(self, setting: str = "") -> str:
        """The command that runs the study anew, with a setting that its trials depend on."""
        place = self.location.rstrip("/")
        if not setting:
            return f"study run {place}/study.yaml --output {place}-again"
        return f"study run {place}/study.yaml --set {setting} --output {place}-{setting.replace('=', '')}"


def audit(
    trials: pd.DataFrame,
    config: Mapping[str, Any],
    location: str = "DIR",
    declared: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[AuditPoint, ...]:
    """All points, for the trials of one study.

    Args:
        config: the study's resolved YAML.
        location: the study's directory, for the commands.
        declared: what parameters were drawn from, by method (`Study.spaces` of this study); else ranges are guessed.

    Raises:
        ValueError: no trial has a score and a count.
    """
    objectives = tuple(config["objectives"])
    score, counts = measured(trials, objectives)
    complete = trials[admissible(trials, (score.name, counts[0].name))]
    subject = _Subject(trials, complete, config, location, score, counts, declared or {})
    return tuple(check(subject) for check in CHECKS)


def _compression_and_speed(subject: _Subject) -> AuditPoint:
    name = "Compression ratio and reduction of multiply-adds"
    both = [column for pair in _RATIOS for column in pair]
    known = subject.complete[both].notna().all(axis=1) if len(subject.complete) else pd.Series(dtype=bool)
    if len(known) and known.all():
        return AuditPoint(
            name, True, "parameters and multiply-adds are counted for every trial, beside the dense network's"
        )
    return AuditPoint(
        name,
        False,
        f"{int((~known).sum()):,} of {len(known):,} complete trials lack one of {', '.join(both)}",
        subject.again(),
    )


_RATIOS = (("parameters", "dense_parameters"), ("macs", "dense_macs"))


def _raw_and_delta(subject: _Subject) -> AuditPoint:
    name = "Raw scores and differences to the dense network"
    scored = subject.complete[subject.score.test].notna()
    dense = (subject.complete["method"] == BASELINE).any()
    if dense and scored.all():
        return AuditPoint(name, True, "validation and test scores of every trial and of the dense network are given")
    if dense:
        return AuditPoint(name, False, f"{int((~scored).sum()):,} complete trials lack a test score", subject.again())
    return AuditPoint(
        name, False, "no dense trial to take differences to", subject.more({BASELINE: subject.budget(BASELINE)})
    )


def _dense_control(subject: _Subject) -> AuditPoint:
    name = "Dense control by the same code path"
    count = int((subject.complete["method"] == BASELINE).sum())
    if count:
        found = f"{count:,} dense trials, trained, polished and measured as the others are"
        return AuditPoint(name, True, found.replace("1 dense trials", "1 dense trial"))
    return AuditPoint(name, False, "no dense trial finished", subject.more({BASELINE: subject.budget(BASELINE)}))


def _operating_points(subject: _Subject) -> AuditPoint:
    name = f"At least {POINTS} operating points per method"
    objectives = (subject.score.name, subject.counts[0].name)
    sizes = {}
    for method in subject.rivals:
        own = subject.complete[subject.complete["method"] == method]
        sizes[method] = len(distinct(pareto(own, objectives), objectives))
    few = {method: size for method, size in sizes.items() if size < POINTS}
    if not sizes:
        return AuditPoint(name, False, "no method compresses", subject.more({PRUNING[0]: subject.budget(PRUNING[0])}))
    if not few:
        return AuditPoint(name, True, f"{min(sizes.values())} or more points on each front")
    found = "points on the front: " + ", ".join(f"{title(method)} {size}" for method, size in few.items())
    counts = subject.trials["method"].value_counts()
    return AuditPoint(name, False, found, subject.more({method: max(2 * int(counts[method]), 64) for method in few}))


def _seeds(subject: _Subject) -> AuditPoint:
    name = f"At least {SEEDS} seeds, with their spread"
    if raced(subject.config):
        return _raced_seeds(subject, name)
    # Those of several searches are no seeds of one configuration.
    fewest = int(configurations(subject.trials)["seeds"].min()) if len(subject.trials) else 0
    if fewest >= SEEDS:
        return AuditPoint(name, True, f"{fewest} seeds of every configuration; its score is their mean")
    found = f"{fewest} seed{'' if fewest == 1 else 's'} of a configuration, so no honest spread"
    return AuditPoint(name, False, found, subject.again(f"seeds={SEEDS}"))


def _raced_seeds(subject: _Subject, name: str) -> AuditPoint:
    """Candidates for the fronts have several; the score of a configuration is the mean over those that it has."""
    fronts = pareto(subject.trials, (subject.score.name, subject.counts[0].name), by="method")
    few = int((fronts["seeds"] < SEEDS).sum())
    found = f"{len(fronts) - few} of {len(fronts)} configurations on the methods' fronts have {SEEDS} seeds or more"
    counts = subject.trials["method"].value_counts()
    more = "" if not few else subject.more({method: 2 * int(counts[method]) for method in subject.rivals})
    return AuditPoint(name, not few, found, more)


def _pruning_baselines(subject: _Subject) -> AuditPoint:
    name = "Random and magnitude pruning as baselines"
    missing = [method for method in PRUNING if method not in set(subject.complete["method"])]
    if not missing:
        counts = subject.complete["method"].value_counts()
        sizes = " and ".join(f"{int(counts[method]):,} trials of {title(method)}" for method in PRUNING)
        return AuditPoint(name, True, f"both were searched: {sizes}")
    found = f"missing: {', '.join(title(method) for method in missing)}"
    return AuditPoint(name, False, found, subject.more({method: subject.budget(method) for method in missing}))


def _same_budget(subject: _Subject) -> AuditPoint:
    name = "Same data and budget for every method"
    rivals = subject.trials[subject.trials["method"] != BASELINE]
    counts = rivals.groupby("method", observed=True).size()
    alike = rivals[rivals["repeats"].isna()] if "repeats" in rivals else rivals
    seeds = {frozenset(part["data_seed"]) for _, part in alike.groupby("method", observed=True)}
    epochs = rivals["epochs"].dropna().unique()
    if len(counts) < 2:
        return AuditPoint(name, None, "there is nothing to compare: fewer than two methods compress")
    if len(seeds) > 1:
        return AuditPoint(
            name, False, "the methods did not see the same splits of the data", subject.again(f"seeds={SEEDS}")
        )
    if len(epochs) > 1 and "shared_epochs" in rivals and rivals["shared_epochs"].fillna(0).any():
        totals = epochs_trained(rivals).groupby(rivals["method"], observed=True).sum().astype(int)
        each = f"{totals.min():,} to {totals.max():,} epochs a method, those that trials share counted once"
        return AuditPoint(name, bool(totals.max() <= ALIKE * totals.min()), each)
    if len(epochs) > 1:
        found = f"trials were trained for {int(epochs.min())} to {int(epochs.max())} epochs"
        return AuditPoint(name, False, found, subject.again(f"epochs={int(epochs.max())}"))
    if counts.min() == counts.max():
        each = f"{counts.min():,} trials of {int(epochs[0]) if len(epochs) else '?'} epochs each on the same splits"
        dense = int((subject.trials["method"] == BASELINE).sum())
        if dense and dense < counts.min():
            each += f"; the dense control, with {dense:,}, is chosen among fewer and so promises less too much"
        return AuditPoint(name, True, each)
    most = int(counts.max())
    short = counts[counts < most]
    found = ", ".join(f"{title(method)} {size:,}" for method, size in short.items()) + f" trials instead of {most:,}"
    return AuditPoint(name, False, found, subject.more({str(method): most for method in short.index}))


def _ranges(subject: _Subject) -> AuditPoint:
    name = "Ranges that hold their fronts"
    if not len(subject.complete):
        return AuditPoint(name, None, "no trial is complete")
    objectives = (subject.score.name, subject.counts[0].name)
    at = borders(subject.complete, subject.config, objectives, declared=subject.declared)
    if not at:
        return AuditPoint(name, True, "no front lies at the border of a range that was searched")
    # Whoever had the same range gets the same: a wider one for some would be an advantage.
    wider = dict[str, tuple[float, float]]()
    for one in at:
        for method in one.alike:
            key = f"methods.{method}.space.{one.parameter}"
            low, high = wider.get(key, one.wider)
            wider[key] = min(low, one.wider[0]), max(high, one.wider[1])
    return AuditPoint(name, False, "; ".join(map(str, at)), subject.wider(wider))


def _fine_tuning(subject: _Subject) -> AuditPoint:
    name = "Scores before and after fine-tuning"
    polish = int(subject.config.get("polish", 0))
    if not polish:
        return AuditPoint(name, None, "nothing is fine-tuned: the study has no polishing epochs")
    before = f"{subject.score.column}_before_polish"
    if before in subject.complete and len(subject.complete) and subject.complete[before].notna().all():
        return AuditPoint(name, True, f"the validation score is kept from before the {polish} polishing epochs")
    return AuditPoint(
        name, False, f"the {subject.score.name} before polishing is not known for every trial", subject.again()
    )


def _test_estimates(subject: _Subject) -> AuditPoint:
    name = "Selected on validation data, estimated on test"
    found = optimism(subject.trials, subject.score.name, subject.counts[0].name)
    if found is None:
        return AuditPoint(name, False, "validation and test scores of the fronts cannot be compared", subject.again())
    scale = subject.score.scale
    unit = " points" if subject.score.percent else ""
    return AuditPoint(
        name,
        True,
        f"both scores of {found.of:,} selected networks; validation promises {scale * found.by_selection:.2g}{unit}"
        " more for being what they were selected by",
    )


def _paired_tests(subject: _Subject) -> AuditPoint:
    name = "Differences tested on the same examples"
    if not len(subject.complete):
        return AuditPoint(name, None, "no trial is complete")
    tasks = set(subject.complete["task"].astype(object)) if "task" in subject.complete else {None}
    if not all(isinstance(task, str) for task in tasks):
        return AuditPoint(name, False, "how single examples were answered is not recorded", subject.again())
    if subject.score.name not in (_ANSWERED if tasks == {"classification"} else _MEASURED):
        kept = "right and wrong answers" if tasks == {"classification"} else "squared errors"
        found = f"of single examples {kept} are recorded, not the {subject.score.name} that is compared"
        return AuditPoint(name, False, found)
    data = subject.config.get("data") or {}
    if isinstance(data, Mapping) and data.get("resample"):
        found = "each repetition draws splits of its own, so that no two searches share examples"
        return AuditPoint(name, None, found)
    examples, searches = int(subject.complete["val_examples"].max()), int(runs(subject.trials).nunique())
    if searches > 1:
        found = f"answers to {examples:,} validation examples are recorded; claims are tested over {searches} searches"
        return AuditPoint(name, True, found)
    return AuditPoint(name, True, f"claims are tested by resampling {examples:,} validation examples")


_ANSWERED = ("accuracy",)
_MEASURED = ("mse", "nmse", "loss")
"""Scores that are means over examples of what is recorded of them, of a classification and of other tasks."""


def _searches(subject: _Subject) -> AuditPoint:
    name = f"At least {SEARCHES} searches, with intervals over them"
    count = int(runs(subject.trials).nunique())
    if count >= SEARCHES:
        return AuditPoint(name, True, f"{count} independent searches of every method")
    found = f"{count} search{'' if count == 1 else 'es'}: what is the method's and what is luck is not known"
    return AuditPoint(name, False, found, f"study resume {subject.location} --set searches={SEARCHES}")


def _data_sets(subject: _Subject) -> AuditPoint:
    name = "More than one data set and network"
    data = subject.config.get("data") or {}
    where = data.get("name", "?") if isinstance(data, Mapping) else str(data)
    found = f"this study is of one, {where}: whether a method wins elsewhere it cannot say"
    return AuditPoint(name, False, found, "study suite small_suite")


CHECKS: tuple[Callable[[_Subject], AuditPoint], ...] = (
    _compression_and_speed,
    _raw_and_delta,
    _dense_control,
    _operating_points,
    _test_estimates,
    _paired_tests,
    _seeds,
    _searches,
    _pruning_baselines,
    _same_budget,
    _ranges,
    _fine_tuning,
    _data_sets,
)
