"""Optuna's storage in memory, which forgets what its sampler will not read again.

An ask reads all trials that are there, several times over, so that what nobody needs costs time with every ask, and
2 KB for good. What was forgotten keeps its number.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

_FORGOTTEN = create_trial(state=TrialState.FAIL)
_CONSTRAINTS = "constraints:"
"""Prefix of what Optuna keeps of them, once and for all."""

_WAITING = (TrialState.WAITING,)


class Memory(InMemoryStorage):
    """An InMemoryStorage whose trials can be forgotten; for one thread, without deletion of studies."""

    def __init__(self) -> None:
        super().__init__()
        self._there: dict[int, dict[int, FrozenTrial]] = defaultdict(dict)
        """Trials by study and number, in the order of their numbers."""

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        trial = self._studies[study_id].trials[-1]
        self._there[study_id][trial.number] = trial
        return trial_id

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Those that are not forgotten."""
        if states == _WAITING:
            return super().get_all_trials(study_id, deepcopy, states)  # which knows where to look
        found = [trial for trial in self._there[study_id].values() if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def forget(self, study_id: int, numbers: Iterable[int]) -> None:
        """Trials that are finished, by number."""
        trials, there = self._studies[study_id].trials, self._there[study_id]
        for number in numbers:
            if (trial := there.pop(number, None)) is not None:
                del self._trial_id_to_study_id_and_number[trial._trial_id]
                trials[number] = _FORGOTTEN

    def skip(self, study_id: int) -> None:
        """A trial that is forgotten from the start."""
        self._studies[study_id].trials.append(_FORGOTTEN)

    def undraw(self, study_id: int, number: int) -> None:
        """A running trial has no parameters any more, so that others can be drawn for it."""
        trial = copy.copy(self._there[study_id][number])
        trial.params, trial.distributions = {}, {}
        self._set_trial(trial._trial_id, trial)

    def revise(
        self, study_id: int, number: int, values: Sequence[float] | None, constraints: Mapping[str, float]
    ) -> None:
        """A finished trial has other values, or none; nothing where it is not there."""
        if number not in self._there[study_id]:
            return
        trial = copy.copy(self._there[study_id][number])
        trial.state = TrialState.FAIL if values is None else TrialState.COMPLETE
        trial.values = None if values is None else list(values)
        trial.system_attrs = {
            name: one for name, one in trial.system_attrs.items() if not name.startswith(_CONSTRAINTS)
        }
        for name, excess in constraints.items():
            trial.set_constraint(name, excess)
        self._set_trial(trial._trial_id, trial)

    def _set_trial(self, trial_id: int, trial: FrozenTrial) -> None:
        super()._set_trial(trial_id, trial)
        study_id, number = self._trial_id_to_study_id_and_number[trial_id]
        self._there[study_id][number] = trial

    def _update_cache(self, trial_id: int, study_id: int) -> None:
        """Nothing: nobody asks for the best trial, and it may be forgotten."""
