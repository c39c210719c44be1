"""What a study's YAML may say: every key with its type, default and meaning, and what must fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Serialiser

import search_spaces
from study.config.proportions import proportions
from study.directory import OBJECTIVES
from trainables.errors import Mistake, Mistakes

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A mapping of the YAML; unknown keys and wrong types are errors, nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_unset(self, serialise: Serialiser) -> dict[str, Any]:
        """What was not given and has no default is left out."""
        fields = type(self).model_fields
        unset = {name for name, field in fields.items() if field.default is None and getattr(self, name) is None}
        return {name: value for name, value in serialise(self).items() if name not in unset}


class Named(Settings):
    """Something by name, with options that are checked where they are used; a bare name will do."""

    model_config = ConfigDict(extra="allow")

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_bare_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Data(Named):
    name: str = Field(
        description="A data set (`study list data`), a path from the working directory, hub:OWNER/SET; options beside."
    )


class Model(Named):
    name: str = Field(description="A network (`study list models`) or your own, module:Class; its options beside it.")


class Alternative(Settings):
    """One of several, with the options and defaults that this one has; a bare name will do."""

    defaults: ClassVar[Mapping[str, Mapping[str, Any]]]
    name: str

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, value: object) -> object:
        given = {"name": value} if isinstance(value, str) else value
        name = given.get("name") if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping) or not isinstance(name, str) or name not in cls.defaults:
            return given
        own = cls.defaults[name]
        foreign = [key for key in given if key in cls.model_fields and key != "name" and key not in own]
        if foreign:
            raise Mistakes(
                Mistake((key,), f"an option of {name} ({', '.join(own) or 'it has none'})", repr(key))
                for key in foreign
            )
        return {**own, **given}


class Optimizer(Alternative):
    defaults = {
        "adam": {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0},
        "adamw": {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01},
        "sgd": {"momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
    }
    name: Literal["adam", "adamw", "sgd"] = Field(description="adam, adamw or sgd; the learning rate is searched.")
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="sgd: share of the last step kept."
    )
    nesterov: bool | None = Field(default=None, description="sgd: Nesterov's momentum.")
    betas: tuple[Fraction, Fraction] | None = Field(
        default=None, strict=False, description="adam, adamw: decay of the two moments."
    )
    eps: Positive | None = Field(default=None, description="adam, adamw: added to the denominator.")
    weight_decay: NonNegative | None = Field(default=None, description="l2 term (adamw: decoupled from the gradient).")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise Mistakes([Mistake(("nesterov",), "a momentum above 0 with nesterov", f"momentum {self.momentum}")])
        return self


class Schedule(Alternative):
    defaults = {
        "constant": {"warmup": 0},
        "step": {"milestones": [], "every": None, "gamma": 0.1, "warmup": 0},
        "cosine": {"final": 0.0, "warmup": 0},
    }
    name: Literal["constant", "step", "cosine"] = Field(description="constant, step or cosine.")
    milestones: tuple[Count, ...] | None = Field(
        default=None,
        strict=False,
        description="step: epochs from which the rate is multiplied by gamma once more.",
    )
    every: Count | None = Field(default=None, description="step: epochs between multiplications by gamma.")
    gamma: Positive | None = Field(default=None, description="step: the factor.")
    final: Fraction | None = Field(default=None, description="cosine: the last rate as a share of the first.")
    warmup: Natural | None = Field(default=None, description="Epochs in which the rate rises linearly.")

    @model_validator(mode="after")
    def _steps_somewhere(self) -> Self:
        if self.name == "step" and not self.milestones and not self.every:
            raise Mistakes(
                [Mistake(("milestones",), "milestones or every, the epochs at which the rate falls", "neither")]
            )
        return self


class Sampler(Alternative):
    defaults = {
        "auto": {"startup": 16, "population": 32},
        "tpe": {"startup": 16},
        "nsga2": {"population": 32},
        "random": {},
        "qmc": {},
    }
    name: Literal["auto", "tpe", "nsga2", "random", "qmc"] = Field(
        description="tpe, nsga2, random, qmc (Sobol), or auto: tpe while it is fast, then nsga2."
    )
    startup: Count | None = Field(default=None, description="auto, tpe: random trials before it begins to model.")
    population: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="auto, nsga2: trials of a generation."
    )


class Pack(Settings):
    size: Count = Field(default=16, description="Trials trained together in one process.")
    vectorize: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Stack their tensors (on), train them in turn (off), or measure which is faster (auto).",
    )
    shrink: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Polish without the units that are dead in all of a stack's trials: where it pays (auto), on, off.",
    )


class Resources(Settings):
    workers: Count | Literal["auto"] = Field(
        default="auto", description="Packs in training at once; auto fills the cluster."
    )
    cpus_per_worker: Positive = Field(default=1, description="CPU cores a pack occupies.")
    gpus_per_worker: NonNegative = Field(default=0, description="GPUs a pack occupies; .5 lets two packs share one.")
    address: str | None = Field(
        default=None, description="An existing Ray cluster (auto, or host:port); null starts a local one."
    )


class Checkpoint(Settings):
    seconds: Positive | None = Field(default=30.0, description="Seconds between checkpoints of a pack; null for never.")
    epochs: Count | None = Field(default=None, description="Epochs between checkpoints; null for no such rule.")


class Like(Settings):
    study: str = Field(description="A study directory; a path is relative to the working directory.")
    trial: str = Field(description="A complete trial in it, of a network with the same hidden layers.")


class Method(Settings):
    trials: Count | None = Field(default=None, description="Configurations, where not as many as the study's.")
    seeds: Count | None = Field(default=None, description="Repetitions, where not as many as the study's.")
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="Its search space: a value pins, [low, high] narrows or widens, {choices: [...]} names.",
    )
    like: Like | None = Field(
        default=None, description="Pruning baselines: the trial whose share of each layer is removed."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_nothing(cls, value: object) -> object:
        return {} if value is None else value

    def resolved(self, name: str) -> Method:
        """As the study's directory keeps it: ``like`` in numbers, which the space given beside it may change."""
        if self.like is None:
            return self
        space = {**proportions(name, self.like.study, self.like.trial), **self.space}
        return self.model_copy(update={"space": space, "like": None})


class Published(Settings):
    label: str = Field(description="How figures call it.")
    source: str = Field(description="Where it was published, table or figure included.")
    method: str | None = Field(default=None, description="The method it is of.")
    accuracy: Fraction | None = Field(default=None, description="0 .. 1.")
    loss: float | None = Field(default=None, description="Mean over the examples.")
    nmse: NonNegative | None = Field(default=None, description="Squared error over the targets' power.")
    mse: NonNegative | None = Field(default=None, description="Mean squared error.")
    neurons: Natural | None = Field(default=None, description="Hidden units left.")
    inputs: Natural | None = Field(default=None, description="Input features left.")
    parameters: Natural | None = Field(default=None, description="Weights and biases left.")
    macs: Natural | None = Field(default=None, description="Multiply-adds per example.")
    flops: Natural | None = Field(default=None, description="Floating-point operations per example.")


class StudyConfig(Settings):
    """A study: several methods on one network and data set, each with the same budget."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the study and of its directory.")
    notes: str = Field(default="", description="What the study is for, in your words.")
    seed: Natural = Field(default=0, lt=2**63, description="All random numbers follow from it.")
    data: Data = Field(description="What is learned.")
    model: Model = Field(description="The network every method starts from.")
    epochs: Count = Field(description="Epochs of a trial, polishing included.")
    polish: Natural = Field(default=0, description="The last epochs, trained without the penalty on what is left.")
    batch_size: Count = Field(default=32, description="Examples per step.")
    shuffle: bool = Field(default=True, description="Draw the examples in a new order every epoch.")
    evaluate_every: Count = Field(default=1, description="Epochs between validations.")
    optimizer: Optimizer = Field(default=Optimizer(name="adam"), description="How the weights follow their gradients.")
    lr_schedule: Schedule = Field(default=Schedule(name="constant"), description="The learning rate over the epochs.")
    objectives: tuple[str, ...] = Field(
        default=("accuracy", "neurons"),
        strict=False,
        min_length=1,
        description="What the front is drawn over.",
    )
    require: dict[str, float] = Field(
        default={},
        description="What a trial must reach to be worth searching near, by objective; fronts show all trials.",
    )
    trials: Count = Field(default=64, description="Configurations tried per method.")
    seeds: Count = Field(default=1, description="Repetitions of a configuration with other seeds; each is a trial.")
    methods: dict[str, Method] = Field(min_length=1, description="The methods by name; a list of names will do.")
    sampler: Sampler = Field(default=Sampler(name="auto"), description="Who proposes configurations.")
    pack: Pack = Field(default=Pack(), description="How trials share a process.")
    resources: Resources = Field(default=Resources(), description="Where packs run.")
    checkpoint: Checkpoint = Field(default=Checkpoint(), description="How much training a crash may cost.")
    retries: Natural = Field(default=3, description="Times a pack goes on after its worker was lost.")
    keep_models: Literal["front", "all", "none"] = Field(
        default="front", description="Whose compact networks are kept."
    )
    published: tuple[Published, ...] = Field(
        default=(), strict=False, description="Others' results, drawn beside yours."
    )

    @field_validator("objectives")
    @classmethod
    def _known_objectives(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        mistakes = [Mistake.of_name(name, OBJECTIVES, i) for i, name in enumerate(names) if name not in OBJECTIVES]
        twice = [i for i, name in enumerate(names) if name in names[:i]]
        mistakes += [Mistake((i,), "each objective once", f"{names[i]!r} again") for i in twice]
        if mistakes:
            raise Mistakes(mistakes)
        return names

    @field_validator("require")
    @classmethod
    def _known_requirements(cls, require: dict[str, float]) -> dict[str, float]:
        mistakes = [Mistake.of_name(name, OBJECTIVES, name) for name in require if name not in OBJECTIVES]
        if mistakes:
            raise Mistakes(mistakes)
        return require

    @field_validator("methods", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
            return value
        twice = [i for i, name in enumerate(value) if name in value[:i]]
        if twice:
            raise Mistakes(Mistake((i,), "each method once", f"{value[i]!r} again") for i in twice)
        return dict.fromkeys(value)

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, methods: dict[str, Method]) -> dict[str, Method]:
        mistakes: list[Mistake] = []
        resolved: dict[str, Method] = {}
        for name, method in methods.items():
            if name not in search_spaces.methods():
                mistakes.append(Mistake.of_name(name, search_spaces.methods(), name))
                continue
            key = "like"
            try:
                resolved[name] = method.resolved(name)
                key = "space"
                search_spaces.validate(name, resolved[name].space)
            except Mistakes as wrong:
                mistakes += [mistake.under(name, key) for mistake in wrong.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        return resolved

    @model_validator(mode="after")
    def _within_the_epochs(self) -> Self:
        mistakes = []
        if self.polish >= self.epochs:
            mistakes.append(Mistake(("polish",), f"fewer than epochs ({self.epochs})", str(self.polish)))
        if self.evaluate_every > self.epochs:
            mistakes.append(Mistake(("evaluate_every",), f"at most epochs ({self.epochs})", str(self.evaluate_every)))
        for i, milestone in enumerate(self.lr_schedule.milestones or ()):
            if milestone >= self.epochs:
                keys = ("lr_schedule", "milestones", i)
                mistakes.append(Mistake(keys, f"fewer than epochs ({self.epochs})", str(milestone)))
        if mistakes:
            raise Mistakes(mistakes)
        return self

    def budget(self, method: str) -> int:
        """Trials the method gets, repetitions counted."""
        own = self.methods[method]
        return (own.trials or self.trials) * (own.seeds or self.seeds)

    def data_options(self) -> dict[str, Any]:
        return self.data.model_dump()

    def model_options(self) -> dict[str, Any]:
        return self.model.model_dump()
