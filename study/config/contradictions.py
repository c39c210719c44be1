"""What a study's keys, each of them possible, say against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trainables.declarations import MODEL, declared
from trainables.errors import Mistake, Mistakes

if TYPE_CHECKING:
    from study.config.settings import StudyConfig


def contradictions(config: StudyConfig) -> Iterator[Mistake]:
    yield from _of_groups(config)
    yield from _of_scores(config)
    yield from _of_distillation(config)
    yield from _of_latency(config)
    yield from _of_rungs(config)
    yield from _of_beginnings(config)
    yield from _of_paths(config)
    yield from _of_targets(config)


def _of_groups(config: StudyConfig) -> Iterator[Mistake]:
    for name, method in config.methods.items():
        if method.groups and not method.defined_in:  # anyone's own is asked when it is imported
            try:
                declared(name).refuse_groups(method.groups, config.model.kinds)
            except Mistakes as wrong:
                yield from (mistake.under("methods", name) for mistake in wrong.mistakes)


def _of_scores(config: StudyConfig) -> Iterator[Mistake]:
    if any(one.needs_score for one in config.constrained) and "dense" not in config.methods:
        yield Mistake(("constraints",), "the method dense, whose score they are relative to", "none")
    if config.sampler.name == "cmaes" and len(config.objectives) > 1:
        got = f"{len(config.objectives)}: {', '.join(config.objectives)}"
        yield Mistake(("objectives",), "one objective, as cmaes takes no more", got)
    if config.score is None:
        where: list[tuple[str | int, ...]] = [("require", "score")] if "score" in config.require else []
        where += [("objectives", i) for i, name in enumerate(config.objectives) if name == "score"]
        for keys in where:
            yield Mistake(keys, "`score: module:function` in the study", "none")


def _of_distillation(config: StudyConfig) -> Iterator[Mistake]:
    if config.distil is None:
        return
    if not config.polish:
        yield Mistake(("distil",), "polish epochs, in which it acts", "polish: 0")
    if config.distil.teacher is None and config.model.weights is None:
        yield Mistake(("distil", "teacher"), "a network file, as the model has no weights", "none")


def _of_latency(config: StudyConfig) -> Iterator[Mistake]:
    if config.stopping is not None and config.timing is not None:
        yield Mistake(("stopping",), "a study without latency: networks are timed when their trials are over", "both")


def _of_rungs(config: StudyConfig) -> Iterator[Mistake]:
    if config.stopping is None or config.stopping.rungs == "auto":
        return
    keys, rungs = ("stopping", "rungs"), config.stopping.rungs
    paths = filter(None, map(config.path_of, config.methods))
    last = max([config.epochs, *(config.epochs - config.polish + (one.points - 1) * one.epochs for one in paths)])
    if list(rungs) != sorted(set(rungs)) or rungs[-1] >= last:
        yield Mistake(keys, f"ascending epochs below {last}, the last", str(list(rungs)))
    elif config.warm_start is not None and rungs[0] <= config.warm_start.epochs:
        yield Mistake(keys, f"epochs above those of warm_start ({config.warm_start.epochs})", str(rungs[0]))


def _of_beginnings(config: StudyConfig) -> Iterator[Mistake]:
    if config.warm_start is None:
        return
    latest = config.epochs - config.polish - 1
    if config.warm_start.epochs > latest:
        yield Mistake(("warm_start",), f"at most {latest} of the epochs", str(config.warm_start.epochs))
    for name, method in config.methods.items():
        if not method.defined_in and declared(name).kind == "control":
            continue  # anyone's own is not imported for this
        if networks := [key for key in config.space(name) if key.startswith(MODEL)]:
            expected = "a network that all trials have in common"
            yield Mistake(("warm_start",), expected, f"{', '.join(networks)} in the space of {name}")
        if config.warm_start.lr is None and method.pinned("lr") is None:
            expected = "{epochs: ..., lr: ...}, as trials of several learning rates have no beginning in common"
            yield Mistake(("warm_start",), expected, f"none, and {name} searches lr")


def _of_paths(config: StudyConfig) -> Iterator[Mistake]:
    if config.path is None:
        return
    followed = {name: declared(name).strength for name, own in config.methods.items() if not own.defined_in}
    able = list(dict.fromkeys(filter(None, followed.values())))
    yield from (Mistake.of_name(name, able, "path", name) for name in config.path.points if name not in able)
    for name, strength in followed.items():
        if strength in config.path.points and not _is_range(config.methods[name].space.get(strength)):
            expected = "a range, which its path goes through"
            yield Mistake(("methods", name, "space", strength), expected, "one value or choices")
    if any(config.replicates(name) > 1 or config.racing(name) for name in config.methods):
        yield Mistake(("path",), "one seed for each path; searches repeat paths", "several seeds")
    if not config.polish:
        yield Mistake(("path",), "polish, which each point ends with", "polish: 0")
    if (schedule := config.lr_schedule.name) != "constant":
        yield Mistake(("path",), "lr_schedule: constant, as paths have no last epoch", schedule)


def _of_targets(config: StudyConfig) -> Iterator[Mistake]:
    if config.target is None:
        return
    compressions = config.target.compressions
    if list(compressions) != sorted(set(compressions)):
        yield Mistake(("target", "compressions"), "ascending numbers", str(list(compressions)))
    levers = {name: lever for name in config.methods if (lever := config.lever(name))}
    if not levers:
        expected = "a method with a strength, such as group_lasso"
        yield Mistake(("target",), expected, ", ".join(config.methods))
    for name, lever in levers.items():
        if not _is_range(config.methods[name].space.get(lever)):
            expected = "a range, in which compressions are looked for"
            yield Mistake(("methods", name, "space", lever), expected, "one value or choices")
        if config.replicates(name) > 1 or config.racing(name):
            yield Mistake(("target",), "one seed for each strength; searches repeat brackets", "several seeds")
    if config.stopping is not None:
        yield Mistake(("target",), "a study without stopping, as networks end only with their trials", "both")
    if config.path is not None:
        yield Mistake(("target",), "a study without path, which goes through all strengths", "both")


def _is_range(setting: object) -> bool:
    return setting is None or isinstance(setting, list | tuple) or (isinstance(setting, Mapping) and "low" in setting)
