"""A score of the user's own: a function of what the network says of a whole split, and what is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from trainables.errors import StudyError
from trainables.own_code import load_function


def own_score(target: str) -> Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]:
    """The score that "module:function" names, for all lanes of a stack.

    The function is called as ``function(output, target)`` with plain tensors on the CPU, lane after lane: of one
    network's (N, outputs), the logits of a classification, and labels (N,) or numbers (N, outputs). It returns a
    number, of which more is better; one that is not finite is no score.

    Returns:
        A function of the batches' outputs (P, B, outputs) and targets, with the lanes' axis or without it where all
        lanes share them; it gives (P,) float64.

    Raises:
        StudyError: there is no such function; and when it is called, what it returns is no number.
    """
    function = load_function(target, "score")

    def measured(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        output, right = torch.cat(list(outputs), 1).cpu(), torch.cat(list(targets), 1).cpu()
        right = right.expand(len(output), *right.shape[1:])
        found = [_number(function(*lane), target) for lane in zip(output, right, strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    return measured


def _number(value: object, target: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise StudyError(f"score: expected {target} to return a number, but got {value!r:.80}") from None
