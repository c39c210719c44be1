"""A user's own code, named in a study as ``module:Name``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from trainables.errors import StudyError, not_one_of


def imported(target: str, what: str) -> Any:
    """What ``module:Name`` names; modules of the working directory are found like installed ones, and stay importable.

    Args:
        what: what it is to be, for messages, such as "a network".

    Raises:
        StudyError: the module or the name in it does not exist. Errors of the module's own code are not caught.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute or module_name.startswith("."):
        raise StudyError(f"{what} of your own is named 'module:Class', got {target!r}")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists but imports a missing one must say so itself.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise StudyError(
            f"no module {module_name!r} for {what} {target!r}: not installed and not in {folder}"
        ) from error
    if not hasattr(module, attribute):
        names = (name for name in vars(module) if not name.startswith("_"))
        raise not_one_of(f"name in {module_name}", attribute, names)
    return getattr(module, attribute)
