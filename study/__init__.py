"""Hyperparameter studies of networks that learn their own size, from Python.

    import study

    result = study.run("digits", "runs/digits")  # a preset, a file, a mapping or a StudyConfig
    study.status("runs/digits")
    study.extend("runs/digits", trials=128)
    study.show("runs/digits", "group_lasso-00012").curve
    study.reproduce("dropneuron_lenet300", seeds=3)  # published beside measured

Importing this loads next to nothing; each name loads its own when it is first asked for.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.api import (
        Enqueued,
        Logs,
        Predictions,
        Reproduction,
        Result,
        Status,
        TrialReport,
        enqueue,
        extend,
        load_config,
        logs,
        predict,
        reproduce,
        resume,
        retrain,
        retry,
        run,
        show,
        status,
        stop,
    )
    from study.config import ConfigError, StudyConfig
    from study.directory import NotAStudy, StudyDirectory
    from trainables.errors import StudyError

    __version__: str

_PLACES = {
    **dict.fromkeys(
        (
            "Enqueued",
            "Logs",
            "Predictions",
            "Reproduction",
            "Result",
            "Status",
            "TrialReport",
            "enqueue",
            "extend",
            "load_config",
            "logs",
            "predict",
            "reproduce",
            "resume",
            "retrain",
            "retry",
            "run",
            "show",
            "status",
            "stop",
        ),
        "study.api",
    ),
    **dict.fromkeys(("ConfigError", "StudyConfig"), "study.config"),
    **dict.fromkeys(("NotAStudy", "StudyDirectory"), "study.directory"),
    "StudyError": "trainables.errors",
}

__all__ = [
    "ConfigError",
    "Enqueued",
    "Logs",
    "NotAStudy",
    "Predictions",
    "Reproduction",
    "Result",
    "Status",
    "StudyConfig",
    "StudyDirectory",
    "StudyError",
    "TrialReport",
    "__version__",
    "enqueue",
    "extend",
    "load_config",
    "logs",
    "predict",
    "reproduce",
    "resume",
    "retrain",
    "retry",
    "run",
    "show",
    "status",
    "stop",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("study")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    found = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
