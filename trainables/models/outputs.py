"""Networks of other libraries as a study learns from them: of one tensor, with torch's own layers.

The rule: a tensor is itself; of anything with ``logits``, as an attribute or a key, those; of any other tuple, list or
mapping the first tensor in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from trainables.errors import StudyError
from trainables.models.attention import with_layers


class Plain(nn.Module):
    """``network``, of whose output only the tensor that the rule says is given.

    Linear layers that hold their weights transposed (GPT-2's Conv1D) become nn.Linear, in place.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = with_layers(network)
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if type(child).__name__ == "Conv1D" and hasattr(child, "nf"):
                    setattr(parent, name, _linear(child))

    def forward(self, x: Tensor) -> Tensor:
        return only(self.network(x))


class Tokens(Plain):
    """A network of token ids, (N, tokens) of any type, filled up with ``padding``, which is not attended to."""

    def __init__(self, network: nn.Module, vocabulary: int, padding: int) -> None:
        super().__init__(network)
        self.vocabulary, self.padding = vocabulary, padding

    def forward(self, x: Tensor) -> Tensor:
        ids = x.long().clamp(0, self.vocabulary - 1)
        return only(self.network(input_ids=ids, attention_mask=(ids != self.padding).long()))

    def check(self, x: Tensor) -> None:
        """Raises StudyError where there are numbers that the vocabulary does not have."""
        if (largest := int(x.max())) >= self.vocabulary:
            raise StudyError(
                f"model: expected vocab_size above {largest}, the largest token of the data, but got {self.vocabulary}"
            )


class Transposed(nn.Linear):
    """A linear layer whose weight stands transposed in files."""


def _linear(transposed: nn.Module) -> Transposed:
    """x W + b with W (inputs, outputs) as torch has it."""
    weight, bias = transposed.get_parameter("weight"), transposed.get_parameter("bias")
    inputs, outputs = weight.shape
    layer = Transposed(inputs, outputs, device="meta")
    layer.weight = nn.Parameter(weight.detach().T.contiguous(), weight.requires_grad)
    layer.bias = bias
    return layer.train(transposed.training)


def only(output: Any) -> Tensor:
    """The one tensor of a network's output.

    Raises:
        ValueError: there is none in it.
    """
    found = _found(output)
    if found is None:
        raise StudyError(
            f"expected a network to give a tensor, logits, or a tuple or dict with one, got {type(output)}"
        )
    return found


def _found(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    logits = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(logits, Tensor):
        return logits
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    return next((tensor for value in values if (tensor := _found(value)) is not None), None)
