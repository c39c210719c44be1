"""A method's declaration: what it is called, where it comes from, which knobs it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from trainables.declarations.declaration.bounds import POSITIVE
from trainables.declarations.declaration.knob import Knob, Value
from trainables.errors import Mistake, Mistakes, StudyError

Settings: TypeAlias = Mapping[str, Value]
"""Flat parameters of a trial."""

LR = Knob("lr", 1e-3, "learning rate", POSITIVE, log=True)
"""The one knob that all methods have."""

_SAFE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Declaration:
    """Everything about a method but its hooks; whatever lists, checks or explains methods reads it here.

    Args:
        name: lower-case letters, digits and underscores; trials, files and folders are named after it.
        title: what it is, in a line.
        reference: where it was published.
        kind: ``control`` trains plainly, ``pruning`` removes units once, a ``method`` is anything else.
        knobs: all its knobs but `LR`, which every method has.
        class_name: of the class of its hooks and of its Ray Tune trainable; a method of a user's own needs none.
        examples: settings, each strong enough to show on a small network within a few epochs; the contract tests train
            with them, mixed in one pack.
        strength: the knob that makes networks smaller the larger it is, at work in every epoch: a path may follow it.
        removes: the knob that makes networks smaller the larger it is, where that is not at work in every epoch.
        extends: whether it has kinds of groups of its own, those of its paper, and a study may add others.
        off: settings with which it is dense training; None where there are none.
        space: what is searched, for a method of a user's own: a function as in `search_spaces`. Without it every knob
            is fixed at its default until a study says otherwise.

    Raises:
        StudyError: a name that would not do for files, two knobs of one name, examples that are no settings.
    """

    name: str
    title: str
    reference: str = ""
    kind: Literal["control", "method", "pruning"] = "method"
    knobs: tuple[Knob, ...] = ()
    class_name: str = ""
    examples: tuple[Settings, ...] = ({},)
    off: Settings | None = None
    strength: str = ""
    removes: str = ""
    extends: bool = False
    space: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        if not _SAFE.fullmatch(self.name):
            expected = "lower-case letters, digits and underscores, a letter first"
            raise Mistakes([Mistake(("name of a method",), expected, repr(self.name))])
        names = [name for knob in self.every_knob for name in knob.names(1)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StudyError(f"method {self.name}: expected each knob once, but {', '.join(twice)} is there twice")

    @property
    def lever(self) -> str:
        """The knob that makes networks smaller the larger it is; empty where there is none."""
        return self.removes or self.strength

    @property
    def every_knob(self) -> tuple[Knob, ...]:
        return (LR, *self.knobs)

    def knob(self, name: str) -> Knob:
        """The knob that goes by ``name``, its own or one of a layer.

        Raises:
            Mistakes: there is none.
        """
        for knob in self.every_knob:
            if knob.name == name or knob.goes_by(name):
                return knob
        raise Mistakes([Mistake.of_name(name, self.names(1), f"knob of {self.name}")])

    def names(self, layers: int) -> list[str]:
        """All names that a trial's parameters may have, in a network with so many layers to the method."""
        return [name for knob in self.every_knob for name in knob.names(layers)]

    def goes_by(self, name: str) -> bool:
        """Whether parameters may have this name in some network."""
        return any(knob.goes_by(name) for knob in self.every_knob)

    def deepest(self, names: Iterable[str]) -> int:
        """The last layer that any of these names numbers; 0 if none does."""
        return max((knob.layer(name) for name in names for knob in self.knobs), default=0)

    def refuse_groups(self, groups: Sequence[str], allowed: Sequence[str]) -> None:
        """Raises Mistakes where a study adds kinds of groups to those of the paper that cannot be added.

        Args:
            allowed: the kinds that the network's ``groups`` let go.
        """
        if groups and not self.extends:
            expected = f"none, as {self.name} goes by the model's groups"
            raise Mistakes([Mistake(("groups",), expected, ", ".join(groups))])
        mistakes = [Mistake.of_name(g, allowed, "groups", i) for i, g in enumerate(groups) if g not in allowed]
        if mistakes:
            raise Mistakes(mistakes)

    def refuse_unknown(self, parameters: Settings, layers: int) -> None:
        """Raises Mistakes for a name that no parameter has in a network with so many layers to the method."""
        valid = self.names(layers)
        for name in parameters:
            if name not in valid:
                raise Mistakes([Mistake.of_name(name, valid, f"parameter of {self.name}")])
