"""What each method of a study searches, at the scale of its problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FixedTrial

from search_spaces import Scale, distributions, suggest_parameters

if TYPE_CHECKING:
    from study.config import StudyConfig


class Spaces:
    """
    Args:
        layers: the scale of the problem to each method, which has the number of its layers.
    """

    def __init__(self, config: StudyConfig, layers: Mapping[str, Scale]) -> None:
        self._config, self._layers = config, layers
        self._known: dict[tuple[Any, ...], dict[str, BaseDistribution]] = {}

    def of(self, method: str) -> tuple[str, Mapping[str, object], Scale]:
        """What implements a method, the user's settings of its space, the scale of the problem."""
        return self._config.implementation(method), self._config.space(method), self._layers[method]

    def distributions(self, method: str) -> dict[str, BaseDistribution]:
        """Of all that is searched, over all branches."""
        return dict(distributions(*self.of(method)))

    def searched(
        self, method: str, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """Those of the parameters that are searched, and their distributions on the branch they took.

        Branches are chosen by words, never by a fraction: what has all but these in common shares a space.
        """
        key = (method, *((name, None if isinstance(value, float) else value) for name, value in parameters.items()))
        if key not in self._known:
            fixed = FixedTrial(dict(parameters))
            suggest_parameters(cast(optuna.Trial, fixed), *self.of(method))
            self._known[key] = fixed.distributions
        space = self._known[key]
        return {name: parameters[name] for name in space}, space
