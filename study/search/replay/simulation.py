"""A search replayed on a finished study's table, in seconds: what another sampler or stopping would have come to."""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import moocore
import numpy as np

from search_spaces import Scale, distributions
from study.directory import OBJECTIVES, PARAMETER, Manifest, StudyDirectory
from study.search.pack_size import pack_size
from study.search.replay.table import By, Numbers, Replay
from study.search.search import Search
from trainables.declarations import declared
from trainables.errors import StudyError
from trainables.stopping import ParetoRule

if TYPE_CHECKING:
    from study.config import StudyConfig

NEARLY = 0.95
"""Of the finished study's hypervolume: what a search is quick or slow to reach."""


@dataclass(frozen=True)
class Simulated:
    """One search of one method.

    Attributes:
        trials: configurations that were tried, seeds counted.
        epochs: that they would have trained.
        saved: epochs that stopping spared.
        hypervolume: of what was trained to its end, as a share of the finished study's own of this method. Sizes count
            by their logarithm, from the worst to the best in its table, scores from what is required.
        epochs_to_nearly: after which 95 % of it were reached; None where they were not.
    """

    method: str
    repeat: int
    trials: int
    epochs: int
    saved: int
    hypervolume: float
    epochs_to_nearly: int | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Simulation:
    """Of a study whose trials, or most of them, are finished.

    Args:
        config: of the study, with the sampler and budget that are to be tried.
        trials: its rows; those that are not complete are left out.
        curves: their curves, which only stopping reads.
        scales: as `Search` takes them.
        by: how the table answers for configurations that were not trained; see `Replay`.
        rungs: epochs at which trials are compared; none for no stopping.
        keep: the share that goes on.

    Raises:
        StudyError: nothing is complete, or there are no curves at a rung.
    """

    def __init__(
        self,
        config: StudyConfig,
        trials: Iterable[Mapping[str, Any]],
        curves: Iterable[Mapping[str, Any]],
        scales: Mapping[str, Scale],
        by: By = "nearest",
        rungs: Sequence[int] = (),
        keep: float = 0.5,
    ) -> None:
        if list(rungs) != sorted(set(rungs)) or any(not 0 < rung < config.epochs for rung in rungs):
            raise StudyError(f"rungs: expected ascending epochs below {config.epochs}, but got {list(rungs)}")
        if config.path is not None:
            raise StudyError("path: a point of a path has the history of those before it, and cannot be replayed")
        if config.target is not None:
            raise StudyError("target: the strengths of a bracket follow from those before, and cannot be replayed")
        if any(map(config.racing, config.methods)):
            raise StudyError("seeds: who is trained again depends on the seeds, and cannot be replayed")
        self._rungs, self._objectives = tuple(rungs), [OBJECTIVES[name] for name in config.objectives]
        required = [OBJECTIVES[name] for name in config.require if name not in config.objectives]
        metrics = [*self._objectives, *required]
        self._columns = [objective.column for objective in metrics]
        table = self._complete(trials, set(config.methods))
        if not table:
            raise StudyError("expected complete trials to replay, but there are none")
        methods = {name: value for name, value in config.methods.items() if name in table}
        self._config = config.model_copy(update={"methods": methods, "searches": 1, "constraints": None})
        self._scales, self._by = {name: scales[name] for name in methods}, by
        self._table, self._ends = table, self._stages(table, curves)
        require = {OBJECTIVES[name].column: bound for name, bound in config.require.items()}
        modes = ["max" if objective.maximise else "min" for objective in metrics]
        ranked = [objective.column for objective in self._objectives]
        self._rule = ParetoRule(self._columns, modes, keep, require, objectives=ranked)
        self._boxes = {name: _Box(values[:, -1], self._rule) for name, values in self._ends.items()}

    def recorded(self) -> list[Simulated]:
        """The study's own trials in their order, of each of its searches: exact, nothing is interpolated."""
        found = []
        for method, rows in self._table.items():
            for search in sorted({int(row.get("search") or 0) for row in rows}):
                mine = [place for place, row in enumerate(rows) if int(row.get("search") or 0) == search]
                packs: dict[str, list[int]] = defaultdict(list)
                for place in mine:
                    packs[rows[place]["pack"]].append(place)
                run, seeds = self._run(method), self._seeds(method)
                for _, places in sorted(packs.items()):
                    configurations = [rows[place]["number"] // seeds for place in places]
                    run.train(self._ends[method][places], configurations)
                found.append(run.result(method, search))
        return found

    def searched(self, repeat: int = 0) -> list[Simulated]:
        """A search by the configured sampler, with a seed of its own for each repeat."""
        config = self._config.model_copy(update={"seed": self._config.seed + repeat})
        runs = {method: self._run(method) for method in config.methods}
        replays = {method: self._replay(method) for method in config.methods}
        with tempfile.TemporaryDirectory() as folder:
            directory = StudyDirectory(Path(folder) / config.name)
            directory.create(f"name: {config.name}\n")  # for the journal, which nobody will read
            search = Search(config, directory, self._scales)
            while (manifest := search.ask(pack_size(config, 1))) is not None:
                method = manifest["method"]
                values = np.array([replays[method](spec["parameters"]) for spec in manifest["trials"]])
                configurations = [spec["number"] // self._seeds(method) for spec in manifest["trials"]]
                stages = runs[method].train(values, configurations)
                search.tell(manifest, list(self._rows(manifest, values, stages)))
        return [run.result(method, repeat) for method, run in runs.items()]

    def _rows(self, manifest: Manifest, values: Numbers, stages: Sequence[int]) -> Iterable[dict[str, Any]]:
        """What the search is told: of a trial that was stopped its values there."""
        for spec, value, stage in zip(manifest["trials"], values, stages, strict=True):
            row = {"trial": spec["trial"], "pack": manifest["pack"], "method": manifest["method"], "status": "COMPLETE"}
            yield row | dict(zip(self._columns, map(float, value[stage]), strict=True))

    def _complete(self, trials: Iterable[Mapping[str, Any]], methods: set[str]) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in trials:
            values = [row.get(column) for column in self._columns]
            finite = all(value is not None and math.isfinite(value) for value in values)
            if row["status"] == "COMPLETE" and row["method"] in methods and finite:
                found[row["method"]].append(row)
        return {
            name: sorted(rows, key=lambda row: (row.get("search") or 0, row["number"])) for name, rows in found.items()
        }

    def _stages(
        self, table: Mapping[str, Sequence[Mapping[str, Any]]], curves: Iterable[Mapping[str, Any]]
    ) -> dict[str, Numbers]:
        """(trials, stages, objectives) of each method: at each rung, and at the end."""
        at = {(row["trial"], row["epoch"]): row for row in curves if row["epoch"] in self._rungs}
        found = {}
        for method, rows in table.items():
            lanes = []
            for row in rows:
                stages = [at.get((row["trial"], rung)) for rung in self._rungs_of(method)]
                missing = [rung for rung, one in zip(self._rungs, stages, strict=False) if one is None]
                if missing:
                    raise StudyError(
                        f"stopping: expected the curve of {row['trial']} at epoch {missing[0]}: it has none there"
                    )
                lanes.append(
                    [[float(one[column]) for column in self._columns] for one in (*stages, row) if one is not None]
                )
            found[method] = np.array(lanes)
        return found

    def _replay(self, method: str) -> Replay:
        config = self._config
        space = distributions(config.implementation(method), config.space(method), self._scales[method])
        named = [{name: row.get(f"{PARAMETER}{name}") for name in space} for row in self._table[method]]
        return Replay(space, named, self._ends[method], self._by)

    def _run(self, method: str) -> _Run:
        begin = self._config.beginning(method)
        shared = begin.epochs if begin else 0
        rungs, epochs = self._rungs_of(method), self._config.epochs
        return _Run(self._rule, rungs, epochs, self._boxes[method], shared, self._seeds(method))

    def _rungs_of(self, method: str) -> tuple[int, ...]:
        """Controls, such as dense, train to their end."""
        return () if declared(self._config.implementation(method)).kind == "control" else self._rungs

    def _seeds(self, method: str) -> int:
        return self._config.replicates(method)


class _Box:
    """The hypervolume of points as a share of that of a table.

    Sizes count by their logarithm. From the worst of the table, or what is required, to its best.
    """

    def __init__(self, table: Numbers, rule: ParetoRule) -> None:
        self._ranked = rule.ranked
        self._maximise = np.array([mode == "max" for mode in rule.modes])
        self._ratio = ~self._maximise & (table > 0).all(axis=0)
        bounds = np.array([[rule.require.get(name, np.nan) for name in rule.metrics]])
        losses = self._losses(table)
        self._worst = np.fmin(losses.max(axis=0), self._losses(bounds)[0])
        self._best = np.minimum(losses.min(axis=0), self._worst)
        self._whole = self._volume(table)

    def share(self, values: Numbers) -> float:
        return self._volume(values) / self._whole if self._whole and len(values) else 0.0

    def _losses(self, values: Numbers) -> Numbers:
        logarithms = np.log(np.where(self._ratio, np.maximum(values, 1e-300), 1.0))
        return np.where(self._ratio, logarithms, np.where(self._maximise, -values, values))

    def _volume(self, values: Numbers) -> float:
        width = np.where(self._worst > self._best, self._worst - self._best, 1.0)
        unit = (self._losses(values) - self._best) / width
        inside = np.clip(unit[(unit <= 1).all(axis=1)][:, self._ranked], 0.0, 1.0)
        return float(moocore.hypervolume(inside, ref=np.ones(len(self._ranked)))) if len(inside) else 0.0


class _Run:
    """One method's packs as they would be trained, rung by rung; each replicate's shared epochs once."""

    def __init__(
        self, rule: ParetoRule, rungs: Sequence[int], epochs: int, box: _Box, shared: int = 0, replicates: int = 1
    ) -> None:
        self._rule, self._rungs, self._epochs, self._box = rule, tuple(rungs), epochs, box
        self._shared = shared
        self._seen: list[list[list[float]]] = [[] for _ in rungs]
        self._finished: list[Numbers] = []
        self._trials, self._spent = 0, shared * replicates
        self._nearly: int | None = None

    def train(self, values: Numbers, configurations: Sequence[int]) -> list[int]:
        """A pack; returns the stage that each of its lanes came to: the rung where it was stopped, or the end.

        Args:
            values: (lanes, stages, objectives).
        """
        ends, lanes, epoch = [len(self._rungs)] * len(values), list(range(len(values))), self._shared
        for stage, rung in enumerate(self._rungs):
            self._spent += len(lanes) * (rung - epoch)
            epoch, seen = rung, self._seen[stage]
            names = [configurations[lane] for lane in lanes]
            stays = self._rule.keeps(values[lanes, stage], seen, names)
            for name in dict.fromkeys(names):
                same = [lane for lane, other in zip(lanes, names, strict=True) if other == name]
                seen.append(values[same, stage].mean(axis=0).tolist())
            for lane, stay in zip(lanes, stays, strict=True):
                ends[lane] = ends[lane] if stay else stage
            lanes = [lane for lane, stay in zip(lanes, stays, strict=True) if stay]
        self._spent += len(lanes) * (self._epochs - epoch)
        self._trials += len(values)
        self._finished += [values[lane, -1] for lane in lanes]
        if self._nearly is None and self._share() >= NEARLY:
            self._nearly = self._spent
        return ends

    def result(self, method: str, repeat: int) -> Simulated:
        saved = self._trials * self._epochs - self._spent
        return Simulated(method, repeat, self._trials, self._spent, saved, self._share(), self._nearly)

    def _share(self) -> float:
        return self._box.share(np.array(self._finished).reshape(len(self._finished), -1))
