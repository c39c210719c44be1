"""Studies from Python: what the command line does, as functions; `import study` offers them."""

from study.api.results import MethodStatus, Result, Status, status
from study.api.runs import ConfigLike, conduct, extend, extended, fresh_directory, load_config, resume, run

__all__ = [
    "ConfigLike",
    "MethodStatus",
    "Result",
    "Status",
    "conduct",
    "extend",
    "extended",
    "fresh_directory",
    "load_config",
    "resume",
    "run",
    "status",
]
