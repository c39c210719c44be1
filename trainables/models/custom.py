"""A user's own network, named in a study as "module:Class"."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from trainables.errors import StudyError
from trainables.models.attention import with_layers
from trainables.models.outputs import only
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
    made = with_layers(network(**options))
    made.register_forward_hook(_one_tensor)
    return made


def _one_tensor(network: nn.Module, arguments: Any, output: Any) -> Any:
    """The tensor that is learned from, of an output that holds several."""
    return output if isinstance(output, Tensor) else only(output)
