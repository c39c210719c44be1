"""A user's own network, named in a study as "module:Class"."""

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from trainables.errors import StudyError, not_one_of


def load(target: str, options: Mapping[str, object]) -> nn.Module:
    """The network that `module:Class` names, called with `options` alone.

    Modules of the working directory are found like installed ones, and stay importable after this.
    Raises ValueError if the module or the name in it does not exist, does not take these options, or does not
    give an nn.Module. Errors of the module's own code are not caught.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute or module_name.startswith("."):
        raise StudyError(f"a network of your own is named 'module:Class', got {target!r}")
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
            f"no module {module_name!r} for the model {target!r}: not installed and not in {folder}"
        ) from error
    if not hasattr(module, attribute):
        names = (name for name in vars(module) if not name.startswith("_"))
        raise not_one_of(f"name in {module_name}", attribute, names)
    factory = getattr(module, attribute)
    if not callable(factory):
        raise StudyError(f"{target} must be an nn.Module class, got {factory!r}")
    signature = inspect.signature(factory)
    try:
        signature.bind(**options)
    except TypeError as error:
        raise StudyError(f"{target}{signature} cannot be called with {dict(options)}: {error}") from error
    network = factory(**options)
    if not isinstance(network, nn.Module):
        raise StudyError(f"{target} must give an nn.Module, got {type(network).__name__}")
    return network
