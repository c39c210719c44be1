"""A user's own network, named in a study as "module:Class"."""

import inspect
from collections.abc import Mapping

from torch import nn

from trainables.errors import StudyError
from trainables.models.attention import with_layers
from trainables.own_code import load_object


def find(target: str) -> type[nn.Module]:
    """The class. Raises StudyError as `trainables.own_code.load_object` does."""
    return load_object(target, nn.Module, "model")


def load(target: str, options: Mapping[str, object]) -> nn.Module:
    """The network that `module:Class` names, called with `options` alone, its attentions with layers of their own.

    Raises ValueError where `trainables.own_code` does not import it, or it is no nn.Module class, or does not take
    these options. Errors of the module's own code are not caught.
    """
    network = find(target)
    signature = inspect.signature(network)
    try:
        signature.bind(**options)
    except TypeError as error:
        raise StudyError(f"{target}{signature} cannot be called with {dict(options)}: {error}") from error
    return with_layers(network(**options))
