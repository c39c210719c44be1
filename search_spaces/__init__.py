"""One file per method: its Optuna define-by-run space, whose ranges a user may pin, narrow or widen."""

from search_spaces.space import (
    Choice,
    Layers,
    Parameter,
    Pinned,
    Range,
    Suggest,
    architectures,
    argument,
    configuration,
    distributions,
    every_parameter,
    is_range,
    methods,
    parameters,
    suggest_parameters,
    validate,
)

__all__ = [
    "Choice",
    "Layers",
    "Parameter",
    "Pinned",
    "Range",
    "Suggest",
    "architectures",
    "argument",
    "configuration",
    "distributions",
    "every_parameter",
    "is_range",
    "methods",
    "parameters",
    "suggest_parameters",
    "validate",
]
