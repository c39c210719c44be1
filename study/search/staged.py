"""The search of a study that trains in segments: what trials begin with, packs to the first rung, and from there on
segments of the lanes that go on.

With a warm start the first step of a method is a segment that trains the shared beginning, a lane for each seed of a
configuration. All packs after it begin from there, each lane from a copy of that state. Where it failed, trials train
their beginnings themselves, with the same numbers.

Rungs of paths are points: a pack trains its paths to the first of them, and what goes on are the points to come.

Packs and segments of a method and search are its *steps*, in one order. Step n is made knowing what came of the steps
before n - lag and of no others, as `Search.ask` has it for packs; once no configurations are left, of as many more as
it takes to fill a segment. So decisions, segments and whatever the sampler asks are functions of the results alone: a
study that is run twice, or killed anywhere and resumed, is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna

from study.directory import (
    OBJECTIVES,
    VERSION,
    Manifest,
    Segments,
    TrialSpec,
    is_segment,
    pack_name,
    segment_name,
    start_name,
    trial_and_epoch,
)
from study.search.branch import Branch
from study.search.proposals import of_search
from study.search.rungs import Rule, Rungs
from study.search.search import _DENSE, Search, _Key, _key
from trainables.errors import StudyError
from trainables.seeds import seed_of
from trainables.stopping import ParetoRule

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """A pack all of whose trials are over: their rows, and by trial the pack or segment whose account has its curve."""

    manifest: Manifest
    rows: list[Row]
    accounts: Mapping[str, str]


@dataclass
class _Stages:
    """What a branch has made and been told."""

    rungs: Rungs
    begin: int = 0
    """Epochs that trials have in common."""
    root: str = ""
    """The segment that trains them, once it was asked for."""
    start: dict[int, str] | None = None
    """By replicate, the state that trials begin with; once it is over."""
    steps: int = 0
    segments: int = 0
    seen: int = 0
    """Steps 0 .. seen - 1 are decided."""
    answers: dict[int, tuple[Manifest, dict[str, Row]]] = field(default_factory=dict)
    """Of steps that are not, by step."""
    running: dict[int, Manifest] = field(default_factory=dict)
    """Steps without an answer."""
    packs: dict[str, Manifest] = field(default_factory=dict)
    """Those with trials that are not over."""
    over: dict[str, dict[str, tuple[Row | None, str]]] = field(default_factory=dict)
    """Trials of those packs that are: their rows, and whose account has them."""


class StagedSearch(Search):
    """As `Search`: ``ask`` gives packs and segments, ``tell`` takes what their accounts say; `ended` has results."""

    def _start(self) -> None:
        super()._start()
        self._ended: list[Ended] = []
        self._stages = {key: self._stages_of(branch) for key, branch in self._branches.items()}

    def _stages_of(self, branch: Branch) -> _Stages:
        config, begin = self._config, self._config.beginning(branch.method)
        if branch.seeds > self._size:
            key, why = ("stopping", "stop") if config.rungs() else ("warm_start", "begin")
            raise StudyError(
                f"{key}: expected packs that hold the {branch.seeds} seeds of a configuration, which {why} together, "
                f"but pack.size is {self._size}"
            )
        columns = [OBJECTIVES[name].column for name in self._compared]
        rungs = Rungs(config.rungs(branch.method), self.rule(), columns, branch.together, branch.path is not None)
        return _Stages(rungs, begin.epochs if begin else 0)

    @property
    def _compared(self) -> list[str]:
        """What lanes are compared by: the objectives, and whatever else is required."""
        return list(dict.fromkeys((*self._config.objectives, *self._config.require)))

    def rule(self) -> Rule:
        """Who goes on from a rung."""
        config, how = self._config, dict[str, Any]()
        if config.stopping is not None:
            how = {"keep": config.stopping.keep, "least": config.stopping.least}
        modes = ["max" if OBJECTIVES[name].maximise else "min" for name in self._compared]
        return ParetoRule(self._compared, modes, require=config.require, objectives=config.objectives, **how).keeps

    def ask(self, size: int | None = None) -> Manifest | None:
        """The next pack or segment; None when nothing is left, or all that is waits for results."""
        size = self._size if size is None else size
        if size < 1:
            raise ValueError(f"expected a pack size of at least 1, but got {size}")
        for key in sorted(self._branches, key=lambda one: -self._branches[one].remaining / self._branches[one].budget):
            branch, stages = self._branches[key], self._stages[key]
            manifest: Manifest | None = None
            if stages.begin and not stages.root:
                manifest = self._next_start(branch, stages)
            elif (
                (not stages.begin or stages.start is not None)
                and stages.seen >= stages.steps - self._lag
                and self._is_compared(branch)
            ):
                manifest = self._next_segment(branch, stages, size) or self._next_pack(branch, stages, size)
            if manifest is not None:
                stages.running[stages.steps] = manifest
                stages.steps += 1
                self._reveal(branch)
                self._ledger.flush()
                return manifest
        return None

    def _next_start(self, branch: Branch, stages: _Stages) -> Manifest | None:
        """What trains the beginning that all trials have in common."""
        if not branch.remaining:
            return None
        trials: list[TrialSpec] = []
        for replicate in range(branch.seeds):
            own = of_search(branch.search)
            trials.append(
                {
                    "trial": start_name(branch.method, replicate, branch.search),
                    "number": replicate,
                    "lane": replicate,
                    "seed": seed_of(self._config.seed, branch.method, "start", replicate, *own),
                    "data_seed": seed_of(self._config.seed, replicate, *own),
                    "parameters": {},
                }
            )
        stages.root = segment_name(branch.method, stages.segments, branch.search)
        stages.segments += 1
        return _staged(stages.root, branch, trials, stages.steps, stages.begin)

    def _next_segment(self, branch: Branch, stages: _Stages, size: int) -> Manifest | None:
        found = stages.rungs.next(size, whatever=not branch.open and stages.seen == stages.steps)
        if found is None:
            return None
        epoch, lanes = found
        stages.rungs.goes_on(lanes)
        trials: list[TrialSpec] = [{**spec, "lane": lane} for lane, spec in enumerate(lanes)]
        name = segment_name(branch.method, stages.segments, branch.search)
        stages.segments += 1
        manifest = _staged(name, branch, trials, stages.steps, stages.rungs.after(epoch))
        manifest["start"] = epoch
        return manifest

    def _next_pack(self, branch: Branch, stages: _Stages, size: int) -> Manifest | None:
        if not branch.open:
            return None
        pack = pack_name(branch.method, branch.packs, branch.search)
        trials = self._trials(branch, pack, size)
        branch.packs += 1
        if "repeats" in trials[0]:  # to the end: their configurations have come to it
            stages.packs[pack] = _staged(pack, branch, trials, stages.steps, None)
            return stages.packs[pack]
        manifest = _staged(pack, branch, trials, stages.steps, stages.rungs.after(0))
        if stages.start and len(stages.start) == branch.seeds:
            manifest["start"] = stages.begin
            manifest["trials"] = [self._begun(branch, stages, stages.start, spec) for spec in trials]
        stages.packs[pack] = manifest
        return manifest

    def _begun(self, branch: Branch, stages: _Stages, start: Mapping[int, str], spec: TrialSpec) -> TrialSpec:
        """A trial that goes on from its replicate's beginning, which the first configuration counts as its own."""
        replicate = spec["number"] % branch.seeds
        shared = spec.get("shared", stages.begin if spec["number"] >= branch.together else 0)
        return {**spec, "after": stages.root, "state": start[replicate], "shared": shared}

    def tell(self, manifest: Manifest, rows: Iterable[Row]) -> None:
        """Take what the lanes of a pack or segment came to; one that was told before is left alone."""
        branch, stages = self._branches[_key(manifest)], self._stages[_key(manifest)]
        step = manifest["step"]
        if stages.running.pop(step, None) is None:
            return
        self._take(stages, manifest, step, rows)
        self._reveal(branch)
        self._ledger.flush()

    def _take(self, stages: _Stages, manifest: Manifest, step: int, rows: Iterable[Row]) -> None:
        found = {row["trial"]: row for row in rows}
        stages.answers[step] = (manifest, found)
        if manifest["pack"] == stages.root:
            specs = {spec["number"]: found.get(spec["trial"], {}) for spec in manifest["trials"]}
            stages.start = {replicate: row["state"] for replicate, row in specs.items() if "state" in row}

    def _reveal(self, branch: Branch) -> None:
        """Decide what may be decided by now, and tell Optuna of the trials that are over."""
        stages = self._stages[branch.method, branch.search]
        while stages.seen in stages.answers and (
            stages.seen < stages.steps - self._lag or not (branch.open or stages.rungs.full(self._size))
        ):
            manifest, rows = stages.answers.pop(stages.seen)
            stages.seen += 1
            if manifest["pack"] == stages.root:
                continue
            if not is_segment(manifest["pack"]):
                self._compare_with(branch, manifest, rows)
            for spec, row in stages.rungs.told(manifest, rows):
                self._tell(branch, spec, row)
                self._end(stages, spec.get("pack", manifest["pack"]), spec["trial"], row, manifest["pack"])
        self._ledger.forget(branch)

    def _end(self, stages: _Stages, pack: str, trial: str, row: Row | None, account: str) -> None:
        over = stages.over.setdefault(pack, {})
        over[trial] = (row, account)
        manifest = stages.packs[pack]
        if len(over) == len(manifest["trials"]):
            rows = [row for row, _ in over.values() if row is not None]
            self._ended.append(Ended(manifest, rows, {trial: account for trial, (_, account) in over.items()}))
            del stages.over[pack], stages.packs[pack]

    def ended(self) -> list[Ended]:
        """Packs all of whose trials are over, each once."""
        found, self._ended = self._ended, []
        return found

    def remaining(self) -> dict[str, int]:
        """Trials that each method has yet to be asked for, and lanes that are to go on."""
        left = super().remaining()
        for (method, _), stages in self._stages.items():
            left[method] += len(stages.rungs.waiting)
        return left

    def superfluous(self, states: Sequence[str]) -> list[str]:
        """Those of the states of lanes that nothing goes on from any more."""
        needed = set[str]()
        written = set[tuple[str, int]]()
        for stages in self._stages.values():
            needed |= {spec["state"] for spec in stages.rungs.waiting}
            needed |= {*(stages.start or {}).values()}  # trials of a larger budget begin there, too
            for _, rows in stages.answers.values():
                needed |= {row["state"] for row in rows.values() if "state" in row}
            for manifest in stages.running.values():
                needed |= {spec["state"] for spec in manifest["trials"] if "state" in spec}
                written |= {(spec["trial"], manifest.get("until", 0)) for spec in manifest["trials"]}
        return [name for name in states if name not in needed and trial_and_epoch(name) not in written]

    def rebuild(self, manifests: Iterable[Manifest], rows: Iterable[Row]) -> list[Manifest]:
        """Start over from the study directory: all is decided again, as it was.

        Args:
            manifests: StudyDirectory.manifests().
            rows: not needed; what trials came to is in the accounts of packs and segments.

        Returns:
            The manifests of the packs and segments that are not over, in the order of their steps.

        Raises:
            StudyError: a manifest is missing, or of another study.
        """
        self._start()
        segments = Segments(self._store)
        over = segments.over()
        unfinished: list[Manifest] = []
        by_branch = self._by_branch([*manifests, *segments.manifests()])
        for key, own in sorted(
            by_branch.items(), key=lambda entry: entry[0][0] != _DENSE
        ):  # others are held against it
            own = sorted(own, key=lambda manifest: manifest.get("step", -1))
            steps = [manifest.get("step") for manifest in own]
            if steps != list(range(len(own))):
                raise StudyError(f"expected the manifests of all steps of {key[0]}, but got those of {steps}")
            self._go_over(key, own, segments, over)
            unfinished += [manifest for manifest in own if manifest["pack"] not in over]
        self._ledger.flush()
        return sorted(unfinished, key=lambda manifest: manifest["step"])

    def _go_over(self, key: _Key, manifests: Sequence[Manifest], segments: Segments, over: set[str]) -> None:
        branch, stages = self._branches[key], self._stages[key]
        branch.study.sampler = optuna.samplers.RandomSampler(0)  # the parameters are known
        for manifest in manifests:
            if is_segment(manifest["pack"]):
                if "start" in manifest:
                    stages.rungs.goes_on(manifest["trials"])
                else:
                    stages.root = manifest["pack"]
                stages.segments += 1
            else:
                self._ask_again(branch, manifest)
                stages.packs[manifest["pack"]] = manifest
                branch.packs += 1
            if manifest["pack"] in over:
                self._take(stages, manifest, stages.steps, segments.account(manifest["pack"])[0])
            else:
                stages.running[stages.steps] = manifest
            stages.steps += 1
        self._reveal(branch)

    def _ask_again(self, branch: Branch, manifest: Manifest) -> None:
        for spec in manifest["trials"]:
            if spec["number"] != branch.asked:
                raise StudyError(f"expected trial {branch.asked} in {manifest['pack']}, but got {spec['trial']}")
            self._proposals.again(branch, manifest["pack"], spec)


def _staged(name: str, branch: Branch, trials: list[TrialSpec], step: int, until: int | None) -> Manifest:
    manifest: Manifest = {"schema": VERSION, "pack": name, "method": branch.method, "trials": trials, "step": step}
    if branch.search:
        manifest["search"] = branch.search
    if until is not None:
        manifest["until"] = until
    return manifest
