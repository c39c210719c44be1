"""What a new trial is to be: its name and seeds, its parameters by the user, the queue, a path or the sampler."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna

from search_spaces import configuration, suggest_parameters
from study.directory import Queued, Store, TrialSpec, queued, trial_name
from study.search.brackets import Lane
from study.search.branch import Branch
from study.search.ledger import Ledger
from study.search.spaces import Spaces
from trainables.errors import Mistakes
from trainables.seeds import seed_of

if TYPE_CHECKING:
    from study.config import StrengthPath, StudyConfig

_DRAWS = 20
"""Times that a configuration is drawn anew which its pack has already."""


class Proposals:
    """Parameters come from the sampler, seeds from the trial's name: nothing depends on what else was asked.

    Args:
        store: with the queue.
        chance: a seed for a branch's next trial, where the sampler says again and again what its pack has.
        warn: told of what waits in the queue and cannot be tried.
    """

    def __init__(
        self,
        config: StudyConfig,
        spaces: Spaces,
        ledger: Ledger,
        store: Store,
        chance: Callable[[Branch], int],
        warn: Callable[[str], None],
    ) -> None:
        self._config, self._spaces, self._ledger = config, spaces, ledger
        self._store, self._chance, self._warn = store, chance, warn
        self._dequeued: set[str] = set()
        """Entries of the queue that trials were made of, or none can be."""

    def pack(self, branch: Branch, pack: str, count: int) -> list[TrialSpec]:
        """The trials of a new pack; `branch.study` has its sampler."""
        waiting = self._waiting(branch)
        branch.drawn.clear()
        return [self._next(branch, pack, lane, waiting) for lane in range(count)]

    def repeats(self, branch: Branch, pack: str, configurations: list[int]) -> list[TrialSpec]:
        """The trials of a pack that trains configurations again, each by the number of its first trial."""
        assert branch.race is not None
        trials: list[TrialSpec] = []
        for lane, first in enumerate(configurations):
            known, replicate = branch.race.again(first)
            spec = self._spec(branch, lane, replicate)
            spec |= {"parameters": known["parameters"], "repeats": first}
            self._repeat(branch, pack, spec)
            trials.append(spec)
        return trials

    def bracketed(self, branch: Branch, pack: str, lanes: Sequence[Lane]) -> list[TrialSpec]:
        """The trials of a pack of brackets; of a new one the sampler chooses what is not its strength, once."""
        brackets = branch.brackets
        assert brackets is not None
        waiting, trials = self._waiting(branch), list[TrialSpec]()
        for lane, (bracket, target, strength) in enumerate(lanes):
            spec = self._spec(branch, lane, 0, "bracket", bracket)
            spec |= {"bracket": bracket, "target": target}
            others = brackets.others(bracket)
            others = self._wanted(branch, spec, bracket, waiting) if others is None else others
            trials.append(self._run(branch, pack, spec, {**others, brackets.knob: strength}))
        return trials

    def _waiting(self, branch: Branch) -> list[Queued]:
        """What waits in the queue for this method."""
        return [entry for entry in queued(self._store, self._dequeued) if entry["method"] == branch.method]

    def _repeat(self, branch: Branch, pack: str, spec: TrialSpec) -> None:
        params, space = self._spaces.searched(branch.method, spec["parameters"])
        self._ledger.repeat(branch, pack, spec, params, space)
        branch.begins(spec, params)

    def again(self, branch: Branch, pack: str, spec: TrialSpec) -> None:
        """A trial that is in a manifest is running once more."""
        if "repeats" in spec:
            self._repeat(branch, pack, spec)
            return
        self.tried([spec])
        params, _ = self._spaces.searched(branch.method, spec["parameters"])
        self._run(branch, pack, spec, fixed=params)

    def tried(self, specs: list[TrialSpec]) -> None:
        """Trials in manifests: what of the queue they came from is not tried again."""
        self._dequeued |= {spec["queued"] for spec in specs if "queued" in spec}

    def _spec(self, branch: Branch, lane: int, replicate: int, *alike: object) -> TrialSpec:
        """The next trial, without parameters.

        Args:
            replicate: of its configuration; those of one see the same data.
            alike: what trials of the same seed have in common; none do if not given. With a warm start all that go on
                from the same beginning have.
        """
        method, own, number = branch.method, of_search(branch.search), branch.asked
        alike = ("start", replicate) if self._config.beginning(method) else alike or (number,)
        return {
            "trial": trial_name(method, number, branch.search),
            "number": number,
            "lane": lane,
            "seed": seed_of(self._config.seed, method, *alike, *own),
            "data_seed": seed_of(self._config.seed, replicate, *own),
            "parameters": {},
        }

    def _next(self, branch: Branch, pack: str, lane: int, waiting: list[Queued]) -> TrialSpec:
        """One more trial: a new configuration, or the next replicate of the one before."""
        replicate = branch.asked % branch.seeds
        if branch.path is not None:
            spec = self._spec(branch, lane, replicate, "path", branch.asked // branch.path.points)
            return self._run(branch, pack, spec, self._point(branch, branch.path, spec, waiting))
        spec = self._spec(branch, lane, replicate)
        index = branch.configurations // branch.together
        fixed = branch.latest if replicate else self._wanted(branch, spec, index, waiting)
        return self._run(branch, pack, spec, fixed)

    def _point(self, branch: Branch, path: StrengthPath, spec: TrialSpec, waiting: list[Queued]) -> dict[str, Any]:
        """Of a path: the sampler chooses what is not its strength, once. The points count its epochs one after the
        other, each those from the point before it on."""
        strengths, index = branch.strengths(), spec["number"] % path.points
        if not index:
            return {**self._wanted(branch, spec, spec["number"] // path.points, waiting), path.knob: strengths[0]}
        spec["path"] = strengths[:index]
        spec["shared"] = self._config.epochs - self._config.polish + (index - 1) * path.epochs
        return {**branch.latest, path.knob: strengths[index]}

    def _wanted(self, branch: Branch, spec: TrialSpec, index: int, waiting: list[Queued]) -> dict[str, Any]:
        """What the user wants to be tried: first the study's own list, then what waits in the queue; or nothing.

        Args:
            index: of the configuration, path or bracket.
        """
        method = self._config.methods[branch.method]
        first, start = method.first or (), method.start or ()
        implementation, space, layers = self._spaces.of(branch.method)
        if index < len(first):
            return dict(configuration(implementation, space, first[index], layers))
        if index < len(first) + len(start):
            return self._fitting(branch, start[index - len(first)])
        while waiting:
            entry = waiting.pop(0)
            self._dequeued.add(entry["name"])
            try:
                found = configuration(implementation, space, entry["parameters"], layers)
            except Mistakes as error:  # put there where the data, and so the ranges, were not known
                self._warn(f"queue: {branch.method}: {'; '.join(map(str, error.mistakes))}; it is not tried")
                continue
            spec["queued"] = entry["name"]
            return dict(found)
        return {}

    def _fitting(self, branch: Branch, given: Mapping[str, Any]) -> dict[str, Any]:
        """What of a configuration from elsewhere is within this study's ranges; the sampler chooses the rest."""
        implementation, space, layers = self._spaces.of(branch.method)
        found: dict[str, Any] = {}
        for name, value in given.items():
            with contextlib.suppress(Mistakes):
                found |= configuration(implementation, space, {name: value}, layers)
        return found

    def _run(self, branch: Branch, pack: str, spec: TrialSpec, fixed: Mapping[str, Any]) -> TrialSpec:
        """Open an Optuna trial, with the sampler's parameters unless they are fixed."""
        if fixed:
            branch.study.enqueue_trial(dict(fixed))
        trial = branch.study.ask()
        assert trial.number == spec["number"], "only this search may add trials"
        parameters = suggest_parameters(trial, *self._spaces.of(branch.method))
        if not fixed:
            trial, parameters = self._distinct(branch, trial, parameters)
        branch.drawn.add(frozenset(trial.params.items()))
        self._ledger.begin(branch, pack, spec, trial)
        branch.latest = trial.params
        spec = {**spec, "parameters": parameters}
        branch.begins(spec, trial.params)
        return spec

    def _distinct(
        self, branch: Branch, trial: optuna.Trial, parameters: dict[str, Any]
    ) -> tuple[optuna.Trial, dict[str, Any]]:
        """Draw again, at random in the end, what the pack has already; a small space may have nothing else."""
        usual, random = branch.study.sampler, optuna.samplers.RandomSampler(self._chance(branch))
        for draw in range(_DRAWS):
            if not trial.params or frozenset(trial.params.items()) not in branch.drawn:
                break
            branch.study.sampler = usual if draw < _DRAWS // 4 else random
            trial = self._ledger.undraw(branch, trial)
            parameters = suggest_parameters(trial, *self._spaces.of(branch.method))
        branch.study.sampler = usual
        return trial, parameters


def of_search(search: int) -> tuple[object, ...]:
    """What is added to the parts of a seed: nothing in the first search, which is that of a study with one."""
    return ("search", search) if search else ()
