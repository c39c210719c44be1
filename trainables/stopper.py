"""Early stopping for several objectives in anyone's Ray Tune or Optuna.

    stopper = ParetoStopper(["val_accuracy", "neurons"], ["max", "min"], rungs=[10, 30])
    Tuner(GroupLasso, tune_config=TuneConfig(scheduler=stopper, num_samples=64))

Ray's own schedulers take one metric, Optuna's pruners refuse several objectives.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from trainables.stopping import Lanes, ParetoRule


class ParetoStopper(FIFOScheduler):  # type: ignore[misc]
    """Stops trials at rungs that all others seen there leave no room on the front; a scheduler of Ray Tune's.

    For a loop of one's own, such as Optuna's: `report`, then `should_stop`. The rule is `ParetoRule`.

    Args:
        metrics: the objectives, as trials report them.
        modes: "max" or "min" for each.
        rungs: the epochs after which trials are compared, ascending.
        keep: the share of the trials seen at a rung that goes on from it.
        require: what has to be reached, by metric; trials that miss it come last.
        noise: standard deviations, by metric; scores' are estimated if not given.
        least: trials that have to come to a rung before any is stopped there.
        group: the key of a Tune config whose value says who is compared with whom, such as "method".
        seed: the key of a Tune config in which alone the trials of one configuration differ; they stop together.
        time_attr: what counts epochs in Tune's results.

    Raises:
        StudyError: something does not fit together.
    """

    def __init__(
        self,
        metrics: Sequence[str],
        modes: Sequence[str],
        rungs: Sequence[int],
        keep: float = 0.5,
        *,
        require: Mapping[str, float] | None = None,
        noise: Mapping[str, float] | None = None,
        least: int = 8,
        group: str | None = None,
        seed: str | None = None,
        time_attr: str = "training_iteration",
    ) -> None:
        super().__init__()
        rule = ParetoRule(tuple(metrics), tuple(modes), keep, require or {}, noise or {}, least)
        self.lanes = Lanes(rule, rungs)
        self._group, self._seed, self._time_attr = group, seed, time_attr

    def report(
        self,
        trial: Any,
        values: Sequence[float] | Mapping[str, float],
        epoch: int,
        group: Hashable = None,
        configuration: Hashable = None,
    ) -> None:
        """A trial's values after an epoch.

        Args:
            trial: of Optuna's, or any name.
            values: of the metrics, in their order or by name.
            group: trials are compared within it.
            configuration: what the trial tries, where several seeds try the same.
        """
        self.lanes.report(_name(trial), values, epoch, group, configuration)

    def should_stop(self, trial: Any) -> bool:
        """Whether it is to end now."""
        return self.lanes.should_stop(_name(trial))

    # -- Ray Tune's side ---------------------------------------------------------------------------------------

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        config = trial.config
        alike = {key: value for key, value in config.items() if key != self._seed}
        self.lanes.report(
            trial.trial_id,
            result,
            int(result[self._time_attr]),
            group=repr(config.get(self._group)) if self._group else None,
            configuration=repr(sorted(alike.items())) if self._seed else None,
        )
        stop = self.lanes.should_stop(trial.trial_id)
        return str(TrialScheduler.STOP if stop else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
        self.lanes.forget(trial.trial_id)

    def debug_string(self) -> str:
        return f"ParetoStopper: {self.lanes}"


def _name(trial: Any) -> Hashable:
    """An Optuna trial goes by its number."""
    name: Hashable = getattr(trial, "number", trial)
    return name
