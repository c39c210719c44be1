"""Others' results in a study's YAML: drawn beside one's own, and what `study reproduce` compares with."""

from __future__ import annotations

from pydantic import Field, field_validator

from study.config.mappings import Count, Fraction, Natural, NonNegative, Settings
from study.directory import COUNT, UNPRUNED
from trainables.conventions import COLUMNS
from trainables.errors import Mistake, Mistakes

_SCORES = ("accuracy", "loss", "score", "nmse", "mse")
_SIZES = ("neurons", "inputs", "parameters", "macs", "flops", "neurons_removed", "parameters_removed")


class PublishedSettings(Settings):
    label: str = Field(description="How figures call it.")
    source: str = Field(description="Where it was published, table or figure included.")
    method: str | None = Field(default=None, description="The method it is of.")
    accuracy: Fraction | None = Field(default=None, description="0 .. 1.")
    loss: float | None = Field(default=None, description="Mean over the examples.")
    score: float | None = Field(default=None, description="A score of one's own.")
    nmse: NonNegative | None = Field(default=None, description="Squared error over the targets' power.")
    mse: NonNegative | None = Field(default=None, description="Mean squared error.")
    unpruned: NonNegative | None = Field(
        default=None, description='The first of these scores before a threshold or pruning: "no prune".'
    )
    neurons: Natural | None = Field(default=None, description="Hidden units left.")
    inputs: Natural | None = Field(default=None, description="Input features left.")
    parameters: Natural | None = Field(default=None, description="Weights and biases left.")
    macs: Natural | None = Field(default=None, description="Multiply-adds per example.")
    flops: Natural | None = Field(default=None, description="Floating-point operations per example.")
    neurons_removed: Fraction | None = Field(default=None, description="Share of the hidden units.")
    parameters_removed: Fraction | None = Field(default=None, description="Share of the weights and biases.")
    counts: dict[str, NonNegative | str] = Field(
        default={}, description="As the paper counts: columns of the conventions that `counts` names."
    )
    set: tuple[str, ...] = Field(
        default=(), strict=False, description="What this result takes of the study, key=value each, as --set does."
    )

    @field_validator("counts")
    @classmethod
    def _known_counts(cls, counts: dict[str, float | str]) -> dict[str, float | str]:
        mistakes = [Mistake.of_name(name, COLUMNS, name) for name in counts if name not in COLUMNS]
        if mistakes:
            raise Mistakes(mistakes)
        return counts

    def numbers(self) -> dict[str, float | str]:
        """What was published, by the column of trials that it is compared with; scores are those on test data."""
        scores = {f"test_{name}": getattr(self, name) for name in _SCORES}
        first = next((name for name, value in scores.items() if value is not None), None)
        if first:
            scores |= {UNPRUNED + first: self.unpruned}
        sizes = {name: getattr(self, name) for name in _SIZES}
        found = scores | sizes | {COUNT + name: value for name, value in self.counts.items()}
        return {name: value for name, value in found.items() if value is not None}


class ReproductionSettings(Settings):
    """What has to be said beside a published experiment, and when a number counts as reproduced."""

    seeds: Count = Field(default=3, description="Repetitions, unless --seeds says otherwise.")
    quick: tuple[str, ...] = Field(
        default=(), strict=False, description="What --quick changes, key=value each: an attempt in seconds."
    )
    stand_in: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="What changes where the data are not here, and small generated files stand in for them.",
    )
    accuracy_within: Fraction = Field(default=0.01, description="Reproduced: so near to a published accuracy.")
    others_within: Fraction = Field(default=0.25, description="Reproduced: share of any other published number.")
    differs: tuple[str, ...] = Field(
        default=(), strict=False, description="What is known to differ from what was published, a sentence each."
    )
