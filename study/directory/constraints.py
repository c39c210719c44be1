"""What a study's search is to respect, in words: ``accuracy >= dense - 1 point``, ``flops <= 0.25 dense``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study.directory.tables import OBJECTIVES
from trainables.errors import Mistake, Mistakes

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?"
_FORM = re.compile(
    rf"(?P<name>\w+)\s*(?P<sense>>=|<=)\s*(?:"
    rf"(?P<bound>{_NUMBER})|"
    rf"(?:(?P<share>{_NUMBER})\s*\*?\s*)?dense(?:\s*(?P<sign>[-+])\s*(?P<offset>{_NUMBER})\s*(?P<points>points?)?)?"
    r")"
)
_EXPECTED = "such as 'accuracy >= 0.9', 'accuracy >= dense - 1 point' or 'flops <= 0.25 dense'"


@dataclass(frozen=True)
class Constraint:
    """An objective's bound, ``share * dense + offset``; the share is 0 where it is relative to nothing."""

    text: str
    objective: str
    at_least: bool
    share: float
    offset: float

    @property
    def is_score(self) -> bool:
        return OBJECTIVES[self.objective].column.startswith("val_")

    @property
    def needs_score(self) -> bool:
        """Whether it is known only once the dense network is trained."""
        return self.is_score and self.share != 0

    def bound(self, dense: float | None) -> float | None:
        """None where what it is relative to is not known."""
        if not self.share:
            return self.offset
        return None if dense is None else self.share * dense + self.offset

    def excess(self, row: Mapping[str, Any], scores: Mapping[str, float]) -> float | None:
        """How far a trial is from the bound, as a share of it; above 0 where it violates. None where that is not known.

        Args:
            row: of a trial, with its counts and those of the dense network.
            scores: of the dense network, by objective.
        """
        column = OBJECTIVES[self.objective].column
        value = row.get(column)
        dense = scores.get(self.objective) if self.is_score else row.get(f"dense_{column}")
        bound = self.bound(None if dense is None else float(dense))
        if value is None or bound is None:
            return None
        short = bound - float(value) if self.at_least else float(value) - bound
        return short / max(abs(bound), 1e-12)


def constraint_of(text: str) -> Constraint:
    """Raises: Mistakes, it is not of this form or of no objective."""
    found = _FORM.fullmatch(" ".join(text.split()))
    if found is None:
        raise Mistakes([Mistake((), _EXPECTED, repr(text))])
    name, at_least = found["name"], found["sense"] == ">="
    if name not in OBJECTIVES:
        raise Mistakes([Mistake.of_name(name, OBJECTIVES)])
    if found["points"] and name != "accuracy":
        raise Mistakes([Mistake((), "points of accuracy only", repr(text))])
    if found["bound"]:
        return Constraint(text, name, at_least, 0.0, float(found["bound"]))
    offset = float(found["offset"] or 0) * (-1 if found["sign"] == "-" else 1) / (100 if found["points"] else 1)
    return Constraint(text, name, at_least, float(found["share"] or 1), offset)
