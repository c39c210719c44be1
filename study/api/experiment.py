"""`reproduce` runs every published row of a preset as a study of its own, and compares."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from study.api.comparison import compared, verdict_of
from study.api.reproduction import Reproduction, Row, commit
from study.api.runs import resume, run
from study.config import PublishedSettings, ReproductionSettings, StudyConfig, check_changes, load, recipe_of, stored
from study.directory import COUNT, OBJECTIVES, UNPRUNED, StudyDirectory, current_versions
from trainables.conventions import CONVENTIONS
from trainables.errors import StudyError, not_one_of


@dataclass(frozen=True)
class Plan:
    """A row, and the study that it is."""

    entry: PublishedSettings
    settings: tuple[str, ...]
    config: StudyConfig
    as_published: StudyConfig
    missing: str
    """Why its data are not here; empty where they are."""

    @property
    def method(self) -> str:
        return str(self.entry.method)

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.entry.label.lower()).strip("-")


def reproduce(
    name: str | Path,
    *,
    seeds: int | None = None,
    quick: bool = False,
    rows: Sequence[str] = (),
    overrides: Sequence[str] = (),
    directory: str | Path | None = None,
    progress: bool = True,
    told: Callable[[Row], None] = lambda row: None,
) -> Reproduction:
    """The published rows of a preset, each trained from ``seeds`` seeds: 0 .. seeds - 1 of the preset's seed.

    A row that is complete in ``directory`` already is read and not trained again; one that was stopped goes on. Where
    its data are not here, a row runs on small generated files if the preset has a ``stand_in``, else not at all.

    Args:
        name: a preset, or a YAML file, with ``published`` rows and ``reproduction``.
        quick: an attempt in seconds, by the preset's own ``quick``; no verdict is drawn from it.
        rows: labels; all if empty.
        overrides: "key=value" each; what a trial depends on makes the rows partial.
        directory: where each row has its study; `runs/NAME-reproduced`, or `-quick`, if not given.
        told: called with each row as it is done.

    Raises:
        StudyError: a preset without published rows, no such row, or what `study.run` raises.
    """
    base = load(name, names=False)
    rules, entries = _rules(base, name), _entries(base, rows)
    seeds = rules.seeds if seeds is None and not quick else seeds or 1
    folder = Path(directory or folder_of(name, quick))
    done = []
    for entry in entries:
        plan = planned(name, entry, rules, seeds, (*(rules.quick if quick else ()), *overrides), folder)
        done.append(_row(plan, rules, folder, progress))
        told(done[-1])
        if done[-1].status.startswith("stopped"):
            break
    return Reproduction(
        base.name,
        " ".join(base.notes.split()),
        _command(name, seeds, quick, rows, overrides),
        commit(),
        datetime.now(UTC).date().isoformat(),
        {key: value for key, value in current_versions().items() if key != "machine"},
        rules.differs,
        tuple(done),
    )


def folder_of(name: str | Path, quick: bool = False) -> Path:
    """Where a reproduction goes unless another place is named."""
    return Path(f"runs/{load(name, names=False).name}-{'quick' if quick else 'reproduced'}")


def _rules(config: StudyConfig, name: str | Path) -> ReproductionSettings:
    if config.reproduction is None:
        raise StudyError(f"{name}: expected a study with `reproduction:` and `published:` rows to compare with")
    return config.reproduction


def _entries(config: StudyConfig, labels: Sequence[str]) -> list[PublishedSettings]:
    """The published rows that a method of the study can be compared with."""
    entries = {entry.label: entry for entry in config.published if entry.method in config.methods}
    for label in labels:
        if label not in entries:
            raise not_one_of("--row", label, entries)
    return [entry for label, entry in entries.items() if not labels or label in labels]


def planned(
    name: str | Path,
    entry: PublishedSettings,
    rules: ReproductionSettings,
    seeds: int,
    changed: tuple[str, ...],
    folder: Path,
) -> Plan:
    from trainables.data import locate

    common = ("trials=1", f"seeds={seeds}")
    as_published = _only(load(name, (*entry.set, *common)), entry)
    missing = ""
    try:
        locate(as_published.data.name)
    except StudyError as error:
        missing = str(error)
        if rules.stand_in:
            changed = (*rules.stand_in, *changed)
    config = _only(load(name, (*entry.set, *common, *changed)), entry)
    if missing and rules.stand_in:
        config = config.model_copy(update={"data": config.data.model_copy(update={"name": _stand_in(config, folder)})})
    return Plan(entry, (*entry.set, *changed), config, as_published, missing)


def _only(config: StudyConfig, entry: PublishedSettings) -> StudyConfig:
    return config.model_copy(update={"methods": {str(entry.method): config.methods[str(entry.method)]}})


def _stand_in(config: StudyConfig, folder: Path) -> str:
    """A folder of small generated files in the format of the data that are not here."""
    from trainables.data import write_stand_in
    from trainables.models import MODELS

    place = (folder / "stand-in" / config.data.name).absolute()
    if not place.exists():
        channels, height, _ = MODELS[config.model.name].input_shape
        write_stand_in(place, channels, config.data.options.get("size", height))
    return str(place)


def _row(plan: Plan, rules: ReproductionSettings, folder: Path, progress: bool) -> Row:
    row = Row(plan.entry.label, plan.entry.source, plan.settings, "complete", published_epochs=plan.as_published.epochs)
    if plan.missing and not rules.stand_in:
        return replace(row, status=f"not run: {plan.missing}")
    place = StudyDirectory(folder / plan.slug)
    stopped = _run(plan.config, place, progress)
    trials = place.trials().to_pylist()
    complete = [trial for trial in trials if trial["status"] == "COMPLETE"]
    numbers = compared(plan.entry, rules, complete, _columns(plan.config))
    full = not plan.missing and recipe_of(plan.config, plan.method) == recipe_of(plan.as_published, plan.method)
    if not full:  # nothing follows from its numbers
        numbers = {name: replace(number, verdict=None) for name, number in numbers.items()}
    row = replace(
        row,
        status=f"stopped: {stopped}" if stopped else "complete",
        full=full,
        data="" if plan.missing else _data(plan.config),
        stand_in=bool(plan.missing),
        epochs=plan.config.epochs,
        seeds=len(complete),
        failed=len(trials) - len(complete),
        numbers=numbers,
    )
    if not trials:
        return row
    made = place.manifests()[0].get("versions", {})
    return replace(
        row,
        verdict="partial" if stopped or not full else "not reproduced" if row.failed else verdict_of(numbers.values()),
        seconds_per_epoch=_seconds_per_epoch(complete),
        machine=made.get("machine", ""),
        code=made.get("code", ""),
        same_code=made.get("code") == current_versions()["code"],
        finished=max(trial["finished_at"] for trial in trials).date().isoformat(),
    )


def _data(config: StudyConfig) -> str:
    from study.rehearsal import problems

    dataset = next(problems(config)).dataset
    return f"{config.data.name} ({dataset.source})"


def _columns(config: StudyConfig) -> tuple[str, ...]:
    """What is shown of every row, published or not: the score on test data, also before a threshold where there is one,
    and what the paper counts."""
    first = next((name for name in config.objectives if OBJECTIVES[name].column.startswith("val_")), None)
    counts = [COUNT + column for convention in config.counts for column in CONVENTIONS[convention]]
    scores = [f"test_{first}", f"{UNPRUNED}test_{first}"] if first else []
    return (*scores, *counts)


def _run(config: StudyConfig, place: StudyDirectory, progress: bool) -> str:
    """Why it stopped before its end; empty if it did not."""
    if not place.exists():
        return run(config, place, progress=progress).stopped or ""
    if place.trials().num_rows >= sum(config.budget(method) for method in config.methods):
        check_changes(stored(place), config, place.path())
        return ""
    return resume(place, config, progress=progress).stopped or ""


def _seconds_per_epoch(complete: Sequence[dict[str, Any]]) -> float | None:
    spent = [trial["train_seconds"] / trial["epochs"] for trial in complete if trial["train_seconds"]]
    return sum(spent) / len(spent) if spent else None


def _command(name: str | Path, seeds: int, quick: bool, rows: Sequence[str], overrides: Sequence[str]) -> str:
    words = ["study", "reproduce", str(name), "--seeds", str(seeds), *(["--quick"] if quick else [])]
    words += [word for label in rows for word in ("--row", label)]
    words += [word for setting in overrides for word in ("--set", setting)]
    return shlex.join(words)
