"""One file per method: its Optuna define-by-run space, whose ranges a user may pin, narrow or widen."""

from search_spaces.space import (
    Choice,
    Parameter,
    Pinned,
    Range,
    Suggest,
    configuration,
    distributions,
    every_parameter,
    methods,
    parameters,
    suggest_parameters,
    validate,
)

__all__ = [
    "Choice",
    "Parameter",
    "Pinned",
    "Range",
    "Suggest",
    "configuration",
    "distributions",
    "every_parameter",
    "methods",
    "parameters",
    "suggest_parameters",
    "validate",
]
