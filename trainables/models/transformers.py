"""Networks of the `transformers` library by the name of their class, built from a configuration, never downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from trainables.errors import StudyError, not_one_of
from trainables.models.outputs import Plain, Tokens

PREFIX = "transformers:"
_NOISE = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
"""Dropout that attention draws by itself, which the trials of a pack cannot have of their own; 0 unless given."""


def find(name: str) -> tuple[Any, Any]:
    """The class after "transformers:" and that of its configuration. Raises StudyError where there is none."""
    try:
        import transformers
    except ImportError as error:
        raise StudyError(f"model {name} needs `pip install study[transformers]`: {error}") from error
    model = getattr(transformers, name.removeprefix(PREFIX), None)
    configuration = getattr(model, "config_class", None)
    if model is None or configuration is None:
        raise not_one_of("model", name, [f"{PREFIX}{n}" for n in dir(transformers) if n.endswith("Classification")])
    return model, configuration


def load(name: str, input_shape: Sequence[int], outputs: int, keys: Mapping[str, Any]) -> nn.Module:
    """The network of the class after "transformers:", freshly initialised; it gives its logits.

    Args:
        keys: of its configuration, beside num_labels (``outputs``) and, for images, num_channels and image_size, which
            follow from the data unless they are given. Networks of texts read token ids filled up with pad_token_id, 0
            unless it is given.

    Raises:
        StudyError: the library is not installed, it has no such network, its configuration no such key or not with
            this value.
    """
    model, configuration = find(name)
    known = configuration()
    for key in keys:
        if not hasattr(known, key):
            raise not_one_of(f"key of {configuration.__name__}", key, known.to_dict())
    given: dict[str, Any] = dict.fromkeys((key for key in _NOISE if hasattr(known, key)), 0.0)
    if len(input_shape) == 3 and input_shape[1] == input_shape[2]:
        shape = {"num_channels": input_shape[0], "image_size": input_shape[1]}
        given |= {key: value for key, value in shape.items() if hasattr(known, key)}
    text = getattr(model, "main_input_name", "") == "input_ids"
    if text:
        if len(input_shape) != 1:
            raise StudyError(f"{name} reads token ids, (tokens,) for an example, but the data are {tuple(input_shape)}")
        given |= {key: value for key, value in (("pad_token_id", 0), ("use_cache", False)) if hasattr(known, key)}
    try:
        config = configuration(**given | {"num_labels": outputs} | dict(keys))
        # The one that torch.func can stack.
        config._attn_implementation = "eager"
        network = model(config)
        return Tokens(network, config.vocab_size, config.pad_token_id or 0) if text else Plain(network)
    except Exception as error:  # The library checks keys in many ways.
        raise StudyError(f"{name} cannot be built with {dict(keys)}: {' '.join(str(error).split())}") from error
