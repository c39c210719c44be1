"""Studies from Python: what the command line does, as functions; `import study` offers them."""

from study.api.results import MethodStatus, PackStatus, Result, Status, status
from study.api.runs import ConfigLike, conduct, extend, extended, fresh_directory, load_config, resume, run, taken_back

__all__ = [
    "ConfigLike",
    "MethodStatus",
    "PackStatus",
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
    "taken_back",
]
