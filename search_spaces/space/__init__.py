"""The machinery of search spaces: parameters, a user's overrides, branches, what Optuna is asked."""

from search_spaces.space.architecture import architectures, argument, is_range
from search_spaces.space.configuration import configuration
from search_spaces.space.continuation import continuation
from search_spaces.space.group_strength import group_strength
from search_spaces.space.layer_weights import layer_weights
from search_spaces.space.learning_rate import learning_rate, middle_rate
from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from search_spaces.space.scale import Extent, Layers, Scale, Shape, rounded
from search_spaces.space.spaces import distributions, every_parameter, methods, parameters, suggest_parameters, validate
from search_spaces.space.suggest import Suggest
from search_spaces.space.unit_pruning import unit_pruning

__all__ = [
    "Choice",
    "Extent",
    "Layers",
    "Parameter",
    "Pinned",
    "Range",
    "Scale",
    "Shape",
    "Suggest",
    "architectures",
    "argument",
    "configuration",
    "continuation",
    "distributions",
    "every_parameter",
    "group_strength",
    "is_range",
    "layer_weights",
    "learning_rate",
    "methods",
    "middle_rate",
    "parameters",
    "rounded",
    "suggest_parameters",
    "unit_pruning",
    "validate",
]
