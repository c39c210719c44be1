"""Which lanes go on at a rung: a plain function of their values in several objectives."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from trainables.errors import StudyError, not_one_of
from trainables.stopping.ranking import Points, expected_rank, hypervolume_contributions, scatter

MODES = ("max", "min")
_SLACK = 2.0
"""Standard deviations of noise by which a lane may miss what is required."""


@dataclass(frozen=True)
class ParetoRule:
    """Of all lanes seen at a rung, the best share goes on: by non-dominated sorting, then hypervolume contribution.

    Early scores are noisy while sizes are not: on small networks the order of neurons after a sixth of the epochs is
    nearly the final one, that of accuracies is not. So ranks are averaged over the noise (`expected_rank`), which is
    estimated from how scores scatter among lanes of like size. Lanes that miss what is required, by more than twice the
    noise, come after all others, nearest first. A lane with a value that is not finite has diverged and never goes on.
    While most lanes have one and the same size, what makes them smaller has not begun: all go on.

    Args:
        metrics: the objectives' names, and those of whatever else is required.
        modes: "max" or "min" for each.
        keep: the share of the lanes that goes on, above 0 and at most 1.
        require: what has to be reached, by metric: at least where it is maximised, at most where it is minimised.
        objectives: the metrics that lanes are ranked by, all by default; others only have to reach what is required.
        noise: standard deviations by metric, each in the metric's unit. Of those not named here, the noise of what is
            maximised (scores) is estimated, and what is minimised (counts) is exact.
        least: lanes of a group that have to be seen before any is stopped.

    Raises:
        StudyError: something does not fit together.
    """

    metrics: Sequence[str]
    modes: Sequence[str]
    keep: float = 0.5
    require: Mapping[str, float] = field(default_factory=dict)
    noise: Mapping[str, float] = field(default_factory=dict)
    least: int = 8
    objectives: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not self.metrics or isinstance(self.metrics, str) or len(self.metrics) != len(self.modes):
            raise StudyError(
                f"modes: expected one for each of the metrics {list(self.metrics)}, but got {list(self.modes)}"
            )
        if len(set(self.metrics)) < len(self.metrics):
            raise StudyError(f"metrics: expected each once, but got {list(self.metrics)}")
        for mode in self.modes:
            if mode not in MODES:
                raise not_one_of("modes", mode, MODES)
        if not 0 < self.keep <= 1:
            raise StudyError(f"keep: expected a share above 0 and at most 1, but got {self.keep}")
        if self.least < 1:
            raise StudyError(f"least: expected at least 1 lane, but got {self.least}")
        for what in ("require", "noise", "objectives"):
            for name in getattr(self, what) or ():
                if name not in self.metrics:
                    raise not_one_of(what, name, self.metrics)
        for name, deviation in self.noise.items():
            if not (math.isfinite(deviation) and deviation >= 0):
                raise StudyError(f"noise.{name}: expected a standard deviation of at least 0, but got {deviation}")

    def keeps(
        self,
        values: ArrayLike,
        seen: ArrayLike = (),
        configurations: Sequence[Hashable] | None = None,
    ) -> list[bool]:
        """Which of the lanes go on.

        The same for the same lanes in the same order; lanes that are equal to the last that goes on go on, too.

        Args:
            values: (n, m), the metrics' values at the rung as reported, a row for each lane to decide about.
            seen: (k, m), those of the lanes of the same group (method) that this rung decided about before, in their
                order, whether they went on or not. Where configurations have several seeds, each as its mean.
            configurations: what each of the n lanes tries; those of one configuration count as one by their mean, and
                go on together. By default each is its own.
        """
        given = np.asarray(values, float).reshape(-1, len(self.metrics))
        before = np.asarray(seen, float).reshape(-1, len(self.metrics))
        names = list(range(len(given))) if configurations is None else list(configurations)
        if len(names) != len(given):
            raise ValueError(f"expected a configuration for each of {len(given)} lanes, but got {len(names)}")
        place = {name: index for index, name in enumerate(dict.fromkeys(names))}
        of = np.array([place[name] for name in names], int)
        means = np.array([given[of == index].mean(axis=0) for index in place.values()]).reshape(-1, given.shape[1])
        everyone = np.concatenate([before, means])
        finite = np.isfinite(everyone).all(axis=1)
        go_on = finite.copy()
        allowed = math.ceil(self.keep * len(everyone))
        if len(everyone) >= self.least and finite.sum() > allowed and self._begun(everyone[finite]):
            keys = self._keys(everyone[finite])
            last = sorted(map(tuple, keys))[allowed - 1]
            go_on[finite] = [tuple(key) <= last for key in keys]
        return [bool(go_on[len(before) + index]) for index in of]

    def _begun(self, values: Points) -> bool:
        """Whether lanes differ in what is minimised: no value of such a metric is that of more than half of them."""
        sizes = [values[:, i] for i in self.ranked if self.modes[i] == "min"]
        return all(np.unique(column, return_counts=True)[1].max() * 2 <= len(values) for column in sizes)

    def _keys(self, values: Points) -> Points:
        """(n, 3): what finite lanes are sorted by, the best first: shortfall, rank, hypervolume contribution."""
        losses, noise = self._losses(values), self._noise(values)
        short = self._shortfall(values, noise)
        rank, contribution = np.zeros(len(values)), np.zeros(len(values))
        fit = short == 0
        if fit.any():
            ranked = self.ranked
            rank[fit] = expected_rank(losses[fit][:, ranked], noise[ranked])
            contribution[fit] = hypervolume_contributions(losses[fit][:, ranked], rank[fit])
        return np.stack([short, rank, -contribution], axis=1)

    @property
    def ranked(self) -> list[int]:
        """The places of the objectives among the metrics."""
        return [i for i, name in enumerate(self.metrics) if self.objectives is None or name in self.objectives]

    def _losses(self, values: Points) -> Points:
        """Less is better. Counts by their logarithm: 10 of 20 neurons are as much as 100 of 200."""
        columns = []
        for column, mode in zip(values.T, self.modes, strict=True):
            ratio = mode == "min" and bool((column > 0).all())
            columns.append(np.log(column) if ratio else column if mode == "min" else -column)
        return np.stack(columns, axis=1)

    def _noise(self, values: Points) -> Points:
        """(m,): the standard deviation of each metric's loss."""
        losses = self._losses(values)
        exact = [i for i, mode in enumerate(self.modes) if mode == "min" and not self.noise.get(self.metrics[i])]
        found = np.zeros(len(self.metrics))
        for i, (name, mode) in enumerate(zip(self.metrics, self.modes, strict=True)):
            if name not in self.noise:
                found[i] = scatter(losses[:, i], losses[:, exact]) if mode == "max" else 0.0
            elif mode == "min" and bool((values[:, i] > 0).all()):
                found[i] = self.noise[name] / float(np.median(values[:, i]))  # of its logarithm
            else:
                found[i] = self.noise[name]
        return found

    def _shortfall(self, values: Points, noise: Points) -> Points:
        """How far each lane is from what is required, summed over metrics; 0 where it may be noise."""
        total = np.zeros(len(values))
        for i, (name, mode) in enumerate(zip(self.metrics, self.modes, strict=True)):
            if name in self.require:
                short = (self.require[name] - values[:, i]) * (1 if mode == "max" else -1)
                slack = _SLACK * (noise[i] if mode == "max" else self.noise.get(name, 0.0))
                total += np.where(short > slack, short / max(abs(self.require[name]), 1e-12), 0.0)
        return total
