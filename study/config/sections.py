"""The sections of a study's YAML: how trials are stopped, packed, placed and saved, and what a method is given."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from study.config.mappings import Count, Fraction, NonNegative, Positive, Settings
from study.config.named import Kind
from study.config.proportions import proportions
from trainables.declarations import MODEL


class StoppingSettings(Settings):
    rungs: Literal["auto"] | Annotated[tuple[Count, ...], Field(strict=False, min_length=1)] = Field(
        default="auto",
        description="Epochs after which trials are compared; auto: a sixth and a half of all. Paths are compared at "
        "their next points; auto: at a sixth and a half of them.",
    )
    keep: float = Field(default=0.5, gt=0, le=1, description="The share of the trials seen at a rung that goes on.")
    least: Count = Field(default=8, description="Trials of a method that have come to a rung before any is stopped.")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {} if value == "auto" else value


class LatencySettings(Settings):
    batch: Count = Field(default=64, description="Examples at once.")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where networks are timed.")
    threads: Count = Field(default=1, description="That an operation may use on a CPU.")
    seconds: Positive = Field(default=0.1, description="Of runs that are timed; their median counts.")


class RacingSettings(Settings):
    """Seeds where they are needed: ``{front: 5}``."""

    front: int = Field(ge=2, description="Trials that a candidate for the front gets at most, its first included.")
    share: float = Field(default=1 / 3, gt=0, lt=1, description="Of a method's trials, those that may be repetitions.")


class WarmStartSettings(Settings):
    """A beginning that trials share."""

    epochs: Count = Field(description="The first epochs of every trial, trained densely; the method begins after them.")
    lr: Positive | None = Field(
        default=None, description="Their learning rate; the methods' own where they all pin it to one value."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_epochs(cls, value: object) -> object:
        return {"epochs": value} if isinstance(value, int) and not isinstance(value, bool) else value


class PathSettings(Settings):
    """Paths over a strength: ``{lambda: 8, epochs: 6}``, or ``points`` and ``epochs`` as a directory keeps it."""

    points: dict[str, Annotated[int, Field(ge=2)]] = Field(
        min_length=1, description="By the name of a strength that methods search: points of a path, over its range."
    )
    epochs: Count | None = Field(
        default=None, description="From one point to the next, before it is polished; a tenth of all if not given."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_names(cls, value: object) -> object:
        if not isinstance(value, Mapping) or "points" in value:
            return value
        named = {name: count for name, count in value.items() if name != "epochs"}
        return {"points": named, **{name: value[name] for name in ("epochs",) if name in value}}


class TargetSettings(Settings):
    """Compressions to be reached: ``[2, 4, 8]``, or ``{compressions: [2, 4, 8], of: neurons}``."""

    compressions: Annotated[tuple[Annotated[float, Field(gt=1)], ...], Field(strict=False, min_length=1)] = Field(
        description="How many times smaller than the dense network, ascending."
    )
    of: Literal["parameters", "neurons", "macs", "flops"] = Field(default="parameters", description="What is counted.")
    rounds: Count = Field(default=4, description="Strengths that are tried for each compression, one after the other.")

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        return {"compressions": value} if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class StrengthPath:
    """Of one method: the strength that grows, how many values it takes, and the epochs from one to the next."""

    knob: str
    points: int
    epochs: int

    def rungs(self, first: int, given: tuple[int, ...] | Literal["auto"]) -> tuple[int, ...]:
        """The epochs of the points, but for the last, at which paths are compared: the first at or after each of those
        given; auto: when a sixth and half of the points are trained.

        Args:
            first: the epoch of the first point.
        """
        if given == "auto":
            places = [math.ceil(self.points / part) - 1 for part in (6, 2)]
        else:
            places = [max(0, math.ceil((rung - first) / self.epochs)) for rung in given]
        return tuple(sorted({first + place * self.epochs for place in places if place < self.points - 1}))


class PackSettings(Settings):
    size: Count | Literal["auto"] = Field(
        default="auto",
        description="Trials trained together in one process; auto: 16, on GPUs as many as measured "
        "steps are worth, or so few that every worker has some.",
    )
    chosen: Count | None = Field(
        default=None, description="What auto came to; written by the study, and kept while its budget is the same."
    )
    vectorize: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Stack their tensors (on), train them in turn (off), or what is faster, tried once (auto).",
    )
    shrink: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Polish without the units that are dead in all of a stack's trials: where it pays (auto), on, off.",
    )

    @property
    def open(self) -> bool:
        """Whether nobody has chosen a size yet."""
        return self.size == "auto" and self.chosen is None


class ResourceSettings(Settings):
    workers: Count | Literal["auto"] = Field(
        default="auto",
        description="Packs in training at once; auto fills the cluster, whatever its size at the moment. An autoscaler "
        "starts nodes for a number that does not fit.",
    )
    cpus_per_worker: Positive = Field(default=1, description="CPU cores a pack occupies.")
    gpus_per_worker: NonNegative = Field(default=0, description="GPUs a pack occupies; .5 lets two packs share one.")
    accelerator: str | None = Field(
        default=None, description="Only on nodes with GPUs of this kind, in Ray's words: A100, L4, H100."
    )
    custom: dict[str, Positive] = Field(
        default={}, description="Resources of your own that a pack occupies (`ray start --resources`)."
    )
    labels: dict[str, str] = Field(
        default={}, description="Only on nodes with these labels (`ray start --labels`): a, !a, in(a,b) or !in(a,b)."
    )
    address: str | None = Field(
        default=None, description="An existing Ray cluster (auto, or host:port); null starts a local one."
    )


class CheckpointSettings(Settings):
    seconds: Positive | None = Field(default=30.0, description="Seconds between checkpoints of a pack; null for never.")
    epochs: Count | None = Field(default=None, description="Epochs between checkpoints; null for no such rule.")


class LimitSettings(Settings):
    pack_minutes: Positive | None = Field(
        default=None, description="Minutes a worker may work on one pack; null for any number."
    )
    silent_minutes: Positive | Literal["auto"] = Field(
        default="auto",
        description="Minutes without a step after which a worker hangs; auto: 20 times its slowest epoch, at least 10, "
        "and 60 before its first.",
    )
    outage_minutes: NonNegative = Field(
        default=10, description="Minutes to wait for what packs need (data, a mount), once something has been trained."
    )


class LikeSettings(Settings):
    study: str = Field(description="A study directory; a path is relative to the working directory.")
    trial: str = Field(description="A complete trial in it, of a network with the same hidden layers.")


class DistilSettings(Settings):
    """What polishing learns from beside the labels."""

    teacher: str | None = Field(
        default=None,
        description="A network file of a study (models/TRIAL.safetensors); without it the one of the model's weights.",
    )
    temperature: Positive = Field(default=2.0, description="By which both networks' outputs are divided.")
    weight: Fraction = Field(default=0.5, description="Of the teacher's part of the loss.")


class StartSettings(Settings):
    """Where a study starts from."""

    source: str = Field(
        description="A study directory, for its best trials; a CSV file with a column for each parameter; papers."
    )
    trials: Count = Field(default=8, description="Configurations of each method that are taken from there at most.")

    @model_validator(mode="before")
    @classmethod
    def _from_bare_name(cls, value: object) -> object:
        return {"source": value} if isinstance(value, str) else value


class MethodSettings(Settings):
    trials: Count | None = Field(default=None, description="Configurations, where not as many as the study's.")
    seeds: Count | RacingSettings | None = Field(
        default=None, description="Repetitions, where not as many as the study's."
    )
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="Its search space: a value pins, [low, high] narrows or widens, {choices: [...]} names.",
    )
    first: tuple[dict[str, Any], ...] | None = Field(
        default=None,
        strict=False,
        description="Configurations to try first, such as {lr: 0.05}; the sampler chooses what is left out.",
    )
    start: tuple[dict[str, Any], ...] | None = Field(
        default=None, strict=False, description="What `start_from` came to; written by the study."
    )
    groups: tuple[Kind, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="npn, drop_neuron: kinds of groups that they gate or penalise beside those of their papers, of the "
        "model's.",
    )
    like: LikeSettings | None = Field(
        default=None, description="Pruning baselines: the trial whose share of each layer is removed."
    )
    defined_in: str | None = Field(
        default=None,
        description="Of a method of your own: module:Class, which may also stand in the name's place.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_nothing(cls, value: object) -> object:
        """Arguments of the network may be a mapping, too, as `--set methods.npn.space.model.depth=2` makes one."""
        if not isinstance(value, Mapping):
            return {} if value is None else value
        space = value.get("space")
        network = space.get(MODEL[:-1]) if isinstance(space, Mapping) else None
        if not isinstance(space, Mapping) or not isinstance(network, Mapping):
            return value
        own = {name: setting for name, setting in space.items() if name != MODEL[:-1]}
        return {**value, "space": own | {f"{MODEL}{name}": setting for name, setting in network.items()}}

    def pinned(self, parameter: str) -> float | None:
        """A number that its space pins; None where it is searched."""
        setting = self.space.get(parameter)
        return float(setting) if isinstance(setting, int | float) and not isinstance(setting, bool) else None

    def resolved(self, name: str, searched: Collection[str] = ()) -> MethodSettings:
        """As the study's directory keeps it: ``like`` in numbers, which the space given beside it may change.

        Args:
            searched: the arguments of the network that the study searches, which are then the trial's.
        """
        if self.like is None:
            return self
        space = {**proportions(name, self.like.study, self.like.trial, searched), **self.space}
        return self.model_copy(update={"space": space, "like": None})
