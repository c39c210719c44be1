"""Studies from Python: what the command line does, as functions; `import study` offers them."""

from study.api.comparison import Number
from study.api.experiment import folder_of, reproduce
from study.api.orders import Enqueued, Logs, enqueue, logs, stop
from study.api.predict import Predictions, predict
from study.api.reproduction import Reproduction, Row, written
from study.api.results import Location, MethodStatus, PackStatus, Result, Status, status
from study.api.runs import (
    ConfigLike,
    conduct,
    extend,
    extended,
    fresh_directory,
    load_config,
    rehearsed,
    resume,
    retriable,
    retry,
    run,
    spent,
    take_back,
)
from study.api.suites import SetStatus, places, run_suite, suite_status
from study.api.trials import TrialReport, retrain, show
from study.config import load_suite

__all__ = [
    "ConfigLike",
    "Enqueued",
    "Location",
    "Logs",
    "MethodStatus",
    "Number",
    "PackStatus",
    "Predictions",
    "Reproduction",
    "Result",
    "Row",
    "SetStatus",
    "Status",
    "TrialReport",
    "conduct",
    "enqueue",
    "extend",
    "extended",
    "folder_of",
    "fresh_directory",
    "load_config",
    "load_suite",
    "logs",
    "places",
    "predict",
    "rehearsed",
    "reproduce",
    "resume",
    "retrain",
    "retriable",
    "retry",
    "run",
    "run_suite",
    "show",
    "spent",
    "status",
    "stop",
    "suite_status",
    "take_back",
    "written",
]
