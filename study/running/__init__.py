"""A study being run: the driver, what Ray Tune is given, the workers, the display.

What needs Ray or torch is imported when it is asked for: a study that is complete needs neither.
"""

import importlib
from typing import TYPE_CHECKING, Any

from study.running.launch import launch
from study.running.metrics import Metrics
from study.running.monitor import Monitor
from study.running.progress import display, duration
from study.running.retry import take_back

if TYPE_CHECKING:
    from study.running.retraining import Retrained, retrain
    from study.running.session import ray_ahead
    from study.running.training import Training

__all__ = [
    "Metrics",
    "Monitor",
    "Retrained",
    "Training",
    "display",
    "duration",
    "launch",
    "ray_ahead",
    "retrain",
    "take_back",
]

_LATER = {"Retrained": "retraining", "Training": "training", "ray_ahead": "session", "retrain": "retraining"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    return found
