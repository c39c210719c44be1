"""What all trials of a study have in common, declared once: budget, batches, optimiser, learning rate over the epochs.

Loads no torch, so that a study's YAML is read by the same declarations that training goes by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.conventions import CONVENTIONS
from trainables.errors import Mistake, Mistakes
from trainables.options import Declared, Option, completed

_BETAS = Option((0.9, 0.999), "Decay of the two moments.", low=0, high=1, many=True, length=2)
_EPS = Option(1e-8, "Added to the denominator.", low=0, open=("low",))
_WARMUP = Option(0, "Epochs in which the rate rises linearly.", "whole number", low=0)

OPTIMIZERS: Declared = {
    "adam": {"betas": _BETAS, "eps": _EPS, "weight_decay": Option(0.0, "L2 term.", low=0)},
    "adamw": {
        "betas": _BETAS,
        "eps": _EPS,
        "weight_decay": Option(0.01, "Share of the weights lost per unit of rate, apart from the gradient.", low=0),
    },
    "sgd": {
        "momentum": Option(0.9, "Share of the last step kept.", low=0, high=1, open=("high",)),
        "nesterov": Option(False, "Nesterov's momentum.", "flag"),
        "weight_decay": Option(0.0, "L2 term.", low=0),
    },
}

SCHEDULES: Declared = {
    "constant": {"warmup": _WARMUP},
    "step": {
        "milestones": Option(
            (), "Epochs from which the rate is multiplied by gamma once more.", "whole number", low=1, many=True
        ),
        "every": Option(None, "Epochs between multiplications by gamma.", "whole number", low=1),
        "gamma": Option(0.1, "The factor.", low=0, open=("low",)),
        "warmup": _WARMUP,
    },
    "cosine": {"final": Option(0.0, "The last rate as a share of the first.", low=0, high=1), "warmup": _WARMUP},
}

BUDGET: Mapping[str, Option] = {
    "epochs": Option(60, "Epochs of a trial, polishing included.", "whole number", low=1),
    "polish": Option(0, "The last epochs, trained without the penalty on what is left.", "whole number", low=0),
    "batch_size": Option(32, "Examples per step.", "whole number", low=1),
    "shuffle": Option(True, "Draw the examples in a new order every epoch.", "flag"),
    "evaluate_every": Option(1, "Epochs between validations.", "whole number", low=1),
}


@dataclass(frozen=True)
class Distil:
    """What polishing learns from beside the labels: the answers of a whole network.

    Attributes:
        teacher: a network file of a study; None for the one that trials start from (``weights``).
        temperature: by which both networks' outputs are divided.
        weight: of the teacher's part of the loss, of 1.
    """

    teacher: str | None = None
    temperature: float = 2.0
    weight: float = 0.5


@dataclass(frozen=True)
class Recipe:
    """What all trials of a study have in common. ``epochs`` is the whole budget, the ``polish`` epochs included.

    Attributes:
        lr: the learning rate of trials that name none.
        optimizer: ``name`` and options, as OPTIMIZERS declares them; those that are not given are filled in.
        lr_schedule: likewise, by SCHEDULES.
        class_weights: of the training loss: "balanced", a weight for each class, or None.
        score: of the user's own, "module:function", or None.
        counts: the papers' conventions to count by as well, keys of `trainables.conventions.CONVENTIONS`.
        warm_start: epochs at the beginning of a trial that are trained densely, at ``warm_lr`` (None: the trial's own
            rate); the method begins after them. Trials with the same seeds and network share them.
        groups: kinds of groups that the method gates or penalises beside those of its paper.
        distil: whether polishing learns from a whole network, too.

    Raises:
        Mistakes: a budget that makes no sense; a name, an option or a value that is not declared.
    """

    epochs: int = BUDGET["epochs"].default
    polish: int = BUDGET["polish"].default
    batch_size: int = BUDGET["batch_size"].default
    lr: float = 1e-3
    optimizer: Mapping[str, Any] = field(default_factory=lambda: {"name": "adam"})
    lr_schedule: Mapping[str, Any] = field(default_factory=lambda: {"name": "constant"})
    shuffle: bool = BUDGET["shuffle"].default
    evaluate_every: int = BUDGET["evaluate_every"].default
    class_weights: str | tuple[float, ...] | None = None
    score: str | None = None
    counts: tuple[str, ...] = ()
    warm_start: int = 0
    warm_lr: float | None = None
    distil: Distil | None = None
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, option in BUDGET.items():
            option.checked(getattr(self, name), name)
        unknown = [
            Mistake.of_name(name, CONVENTIONS, "counts", i)
            for i, name in enumerate(self.counts)
            if name not in CONVENTIONS
        ]
        if unknown:
            raise Mistakes(unknown)
        object.__setattr__(self, "groups", tuple(self.groups))
        object.__setattr__(self, "optimizer", completed_optimizer(self.optimizer, "optimizer"))
        object.__setattr__(self, "lr_schedule", completed_schedule(self.lr_schedule, "lr_schedule"))
        _within_the_epochs(self)


def completed_optimizer(given: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Its name and all its options. Raises Mistakes, at ``keys``."""
    found = completed(OPTIMIZERS, given, *keys)
    if found.get("nesterov") and not found["momentum"]:
        got = f"momentum {found['momentum']}"
        raise Mistakes([Mistake((*keys, "nesterov"), "a momentum above 0 with nesterov", got)])
    return found


def completed_schedule(given: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Its name and all its options. Raises Mistakes, at ``keys``."""
    found = completed(SCHEDULES, given, *keys)
    if found["name"] == "step" and not found["milestones"] and not found["every"]:
        expected = "milestones or every, the epochs at which the rate falls"
        raise Mistakes([Mistake((*keys, "milestones"), expected, "neither")])
    return found


def _within_the_epochs(recipe: Recipe) -> None:
    epochs, mistakes = recipe.epochs, list[Mistake]()
    if recipe.polish >= epochs:
        mistakes.append(Mistake(("polish",), f"fewer than epochs ({epochs})", str(recipe.polish)))
    if recipe.warm_start and recipe.warm_start >= epochs - recipe.polish:
        expected = f"fewer than epochs without polish ({epochs - recipe.polish})"
        mistakes.append(Mistake(("warm_start",), expected, str(recipe.warm_start)))
    if recipe.evaluate_every > epochs:
        mistakes.append(Mistake(("evaluate_every",), f"at most epochs ({epochs})", str(recipe.evaluate_every)))
    for i, milestone in enumerate(recipe.lr_schedule.get("milestones", ())):
        if milestone >= epochs:
            keys = ("lr_schedule", "milestones", i)
            mistakes.append(Mistake(keys, f"fewer than epochs ({epochs})", str(milestone)))
    if mistakes:
        raise Mistakes(mistakes)
