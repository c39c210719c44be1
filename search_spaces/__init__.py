"""One file per method: its Optuna define-by-run space, whose ranges a user may pin, narrow or widen."""

from search_spaces.parameter import Choice, Parameter, Pinned, Range, Value
from search_spaces.problems import Problem, Problems
from search_spaces.spaces import (
    distributions,
    every_parameter,
    methods,
    parameters,
    suggest_parameters,
    validate,
)
from search_spaces.suggest import Suggest

__all__ = [
    "Choice",
    "Parameter",
    "Pinned",
    "Problem",
    "Problems",
    "Range",
    "Suggest",
    "Value",
    "distributions",
    "every_parameter",
    "methods",
    "parameters",
    "suggest_parameters",
    "validate",
]
