"""What Optuna and its journal know of a study's trials: both are told the same, in the same order.

The sampler reads Optuna's trials in memory, and only those that it needs. On a local directory Optuna's journal is
written as well, for optuna-dashboard; it is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from study.directory import OBJECTIVES, TrialSpec
from study.search.branch import Branch, Running, empty_study
from study.search.ledger.elite import Elite
from study.search.ledger.journal import Journal
from study.search.ledger.memory import Memory
from study.search.ledger.trial import Told
from study.search.outcome import displayed, outcome
from study.search.samplers import Reads

_LOST = "its manifest was lost before it was trained"
_AT_ONCE = 256
"""Trials that are compared with the elite in one step."""

Row = Mapping[str, Any]


class Ledger:
    """
    Args:
        journal: where it is written; None where there is none.
        objectives: their names.
        population: trials that a sampler breeds from, where it reads an elite only.
        reads: which of a branch's finished trials its sampler looks at from now on.
    """

    def __init__(
        self, journal: Path | None, objectives: Sequence[str], population: int, reads: Callable[[Branch], Reads]
    ) -> None:
        self._memory, self._journal = Memory(), Journal(journal)
        self._objectives, self._population, self._reads = tuple(objectives), population, reads

    def study(self, name: str) -> optuna.Study:
        """An empty one."""
        self._journal.study(name, [OBJECTIVES[one].direction for one in self._objectives], self._objectives)
        return empty_study(name, self._objectives, self._memory)

    def flush(self) -> None:
        """Write what the journal was told since the last time."""
        self._journal.flush()

    def begin(self, branch: Branch, pack: str, spec: TrialSpec, trial: optuna.Trial) -> None:
        """A trial that was asked for is running from now on."""
        names = names_of(pack, spec)
        if self._reads(branch) == "all":
            for name, value in names.items():
                trial.set_user_attr(name, value)
        entry = self._journal.trial(branch.name, TrialState.RUNNING, trial.params, trial.distributions, names)
        branch.running[spec["trial"]] = Running(trial, entry)

    def repeat(
        self,
        branch: Branch,
        pack: str,
        spec: TrialSpec,
        parameters: Mapping[str, Any],
        space: Mapping[str, BaseDistribution],
    ) -> None:
        """A trial that trains a configuration again is running: its number is one that Optuna does not see."""
        self._memory.skip(branch.study._study_id)
        names = names_of(pack, spec)
        entry = self._journal.trial(branch.name, TrialState.RUNNING, parameters, space, names)
        branch.running[spec["trial"]] = Running(None, entry)

    def revise(self, branch: Branch, number: int, values: Sequence[float] | None, excess: Mapping[str, float]) -> None:
        """Of a finished trial what its configuration comes to by now, the mean over its seeds; None for no outcome."""
        self._memory.revise(branch.study._study_id, number, values, excess)

    def undraw(self, branch: Branch, trial: optuna.Trial) -> optuna.Trial:
        """The same trial without parameters, so that others can be drawn for it."""
        self._memory.undraw(branch.study._study_id, trial.number)
        return optuna.Trial(branch.study, trial._trial_id)

    def end(self, branch: Branch, spec: TrialSpec, row: Row | None, excess: Mapping[str, float]) -> None:
        """What a running trial came to; nothing where it is not running.

        Args:
            excess: how far it is from what is required, by constraint.
        """
        running = branch.running.pop(spec["trial"], None)
        if running is None:
            return
        values, shown = outcome(row, self._objectives)
        if running.trial is None:
            self._journal.finish(running.entry, *displayed(row, values), shown, excess)
            return
        if self._reads(branch) == "all":  # a sampler of the user's may look at anything
            for name, value in shown.items():
                running.trial.set_user_attr(name, value)
        for name, much in excess.items():
            running.trial.set_constraint(name, much)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        branch.study.tell(running.trial, values, state)
        self._journal.finish(running.entry, *displayed(row, values), shown, excess)
        branch.told += values is not None

    def add(self, branch: Branch, trial: Told, keep: bool) -> None:
        """A finished trial, for the sampler if it is to be kept, for the journal in any case."""
        if keep:
            branch.study.add_trial(trial.frozen())
        else:
            self._memory.skip(branch.study._study_id)
        self._journal.trial(
            branch.name,
            trial.state,
            trial.params,
            trial.distributions,
            trial.attributes,
            trial.values,
            trial.constraints,
            trial.started,
            trial.finished_at,
        )

    def lose(self, branch: Branch) -> None:
        """A number without manifest or row."""
        self.add(branch, Told(TrialState.FAIL, None, {}, {}, {"reason": _LOST}, {}), keep=False)
        branch.asked += 1
        branch.lost += 1

    def forget(self, branch: Branch) -> None:
        """Let go of finished trials that the sampler will not read again."""
        reading = self._reads(branch)
        if reading == "all":
            return
        study_id = branch.study._study_id
        finished = self._memory.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))
        if reading == "nothing":
            self._memory.forget(study_id, [trial.number for trial in finished])
            return
        known = set(branch.shapes.values()).union(branch.elite.numbers if branch.elite else ())
        new = [trial for trial in finished if trial.number not in known]
        out = {trial.number for trial in new if trial.state == TrialState.FAIL}
        found = [
            (trial.number, trial.values, trial.constraints, trial.distributions)
            for trial in new
            if trial.state == TrialState.COMPLETE
        ]
        self._memory.forget(study_id, out | self._weigh(branch, found))

    def kept(self, branch: Branch, found: Mapping[int, Told]) -> set[int]:
        """Those that the sampler will read."""
        reading = self._reads(branch)
        if reading == "all":
            return set(found)
        if reading == "nothing":
            return set()
        complete = [
            (number, trial.values, trial.constraints, trial.distributions)
            for number, trial in found.items()
            if trial.values is not None
        ]
        for start in range(0, len(complete), _AT_ONCE):
            self._weigh(branch, complete[start : start + _AT_ONCE])
        return set(branch.shapes.values()).union(branch.elite.numbers if branch.elite else ())

    def _weigh(
        self,
        branch: Branch,
        trials: Sequence[tuple[int, Sequence[float], Mapping[str, float], Mapping[str, BaseDistribution]]],
    ) -> set[int]:
        """Take complete trials (number, values, constraints, distributions) into the elite; returns who is out."""
        objectives = [OBJECTIVES[name] for name in self._objectives]
        if branch.elite is None:
            branch.elite = Elite(self._population, len(objectives))
        for number, _, _, space in trials:
            branch.shapes.setdefault(frozenset(space.items()), number)
        signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
        out = branch.elite.add(
            [number for number, *_ in trials],
            [[sign * value for sign, value in zip(signs, values, strict=True)] for _, values, _, _ in trials],
            [sum(excess for excess in constraints.values() if excess > 0) for _, _, constraints, _ in trials],
        )
        return set(out) - set(branch.shapes.values())


def names_of(pack: str, spec: TrialSpec) -> dict[str, Any]:
    """What a trial is called, and its seeds."""
    return {"trial": spec["trial"], "pack": pack, "seed": spec["seed"], "data_seed": spec["data_seed"]}
