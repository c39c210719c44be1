"""What a study's YAML may say: every key with its type, default and meaning, and what must fit together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

import search_spaces
from study.config.contradictions import contradictions
from study.config.mappings import Count, Natural, Positive, Settings
from study.config.named import DataSettings, ModelSettings, OptimizerSettings, SamplerSettings, ScheduleSettings
from study.config.own_methods import names_of
from study.config.published import PublishedSettings, ReproductionSettings
from study.config.sections import (
    CheckpointSettings,
    DistilSettings,
    LatencySettings,
    LimitSettings,
    MethodSettings,
    PackSettings,
    PathSettings,
    RacingSettings,
    ResourceSettings,
    StartSettings,
    StoppingSettings,
    StrengthPath,
    TargetSettings,
    WarmStartSettings,
)
from study.directory import OBJECTIVES, Constraint, constraint_of
from trainables.declarations import Value, architecture, declared
from trainables.errors import Mistake, Mistakes
from trainables.recipe import BUDGET, Distil, Recipe


def _declared(name: str, required: bool = False) -> Any:
    """A field of the recipe, as `trainables.recipe` declares it; what does not fit is told there."""
    option = BUDGET[name]
    default: Any = ... if required else option.default
    return Field(default=default, description=option.doc, ge=None if option.kind == "flag" else int(option.low))


class StudyConfig(Settings):
    """A study: several methods on one network and data set, each with the same budget."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the study and of its directory.")
    notes: str = Field(default="", description="What the study is for, in your words.")
    seed: Natural = Field(default=0, lt=2**63, description="All random numbers follow from it.")
    data: DataSettings = Field(description="What is learned.")
    model: ModelSettings = Field(description="The network every method starts from.")
    epochs: int = _declared("epochs", required=True)
    polish: int = _declared("polish")
    batch_size: int = _declared("batch_size")
    shuffle: bool = _declared("shuffle")
    evaluate_every: int = _declared("evaluate_every")
    optimizer: OptimizerSettings = Field(
        default=OptimizerSettings(name="adam"), description="How the weights follow their gradients."
    )
    lr_schedule: ScheduleSettings = Field(
        default=ScheduleSettings(name="constant"), description="The learning rate over the epochs."
    )
    class_weights: Literal["balanced"] | Annotated[tuple[Positive, ...], Field(strict=False)] | None = Field(
        default=None,
        description="Of the training loss: balanced (rare classes count as much), or one for each class.",
    )
    distil: DistilSettings | None = Field(
        default=None, description="Polishing learns from a whole network's answers, too: {temperature: 2, weight: 0.5}."
    )
    score: str | None = Field(
        default=None,
        pattern=r"^[^:]+:[^:]+$",
        description="A score of your own, more of it is better: module:function of a split's outputs and targets.",
    )
    counts: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Papers' ways to count, as columns beside the common ones: drop_neuron, npn, dwork, cges.",
    )
    objectives: tuple[str, ...] = Field(
        default=("accuracy", "neurons"),
        strict=False,
        min_length=1,
        description="What the front is drawn over.",
    )
    latency: LatencySettings = Field(
        default=LatencySettings(),
        description="How compact networks are timed where latency is an objective, or required: {batch: 64}.",
    )
    require: dict[str, float] = Field(
        default={},
        description="What a trial must reach to be searched near, and to be on a front, by objective.",
    )
    constraints: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        description="What the search respects, drawn on fronts: accuracy >= dense - 1 point, flops <= 0.25 dense.",
    )
    trials: Count = Field(default=64, description="Configurations tried per method.")
    seeds: Count | RacingSettings = Field(
        default=1,
        description="Repetitions of a configuration with other seeds; each is a trial. {front: 5}: only of candidates "
        "for the front, up to 5 trials each, out of the same budget.",
    )
    searches: Count = Field(
        default=1,
        description="Independent searches, each with its own budget, sampler and seeds; results come with intervals.",
    )
    methods: dict[str, MethodSettings] = Field(
        min_length=1, description="The methods by name; a list of names will do."
    )
    sampler: SamplerSettings = Field(default=SamplerSettings(name="auto"), description="Who proposes configurations.")
    start_from: StartSettings | None = Field(
        default=None,
        description="What is tried first: another study's best trials, a CSV file's, the papers' settings.",
    )
    stopping: StoppingSettings | None = Field(
        default=None,
        description="Whether trials stop early that others leave no room on the front: {rungs: [10, 30], keep: 0.5}, "
        "auto, or null.",
    )
    warm_start: WarmStartSettings | None = Field(
        default=None,
        description="First epochs that trials have in common, trained densely, once for each method and seed: 10, or "
        "{epochs: 10, lr: 0.05}.",
    )
    path: PathSettings | None = Field(
        default=None,
        description="Methods that search a strength follow it over its range, from small to large: {lambda: 8} lets a "
        "trial go on from its own state to 8 values, a polished copy of each being a trial.",
    )
    target: TargetSettings | None = Field(
        default=None,
        description="Compressions whose strengths are found by bisection: [2, 4, 8] times fewer parameters, or "
        "{compressions: [2, 4, 8], of: neurons}.",
    )
    pack: PackSettings = Field(default=PackSettings(), description="How trials share a process.")
    resources: ResourceSettings = Field(default=ResourceSettings(), description="Where packs run.")
    checkpoint: CheckpointSettings = Field(
        default=CheckpointSettings(), description="How much training a crash may cost."
    )
    limits: LimitSettings = Field(default=LimitSettings(), description="When a worker hangs, and what is waited for.")
    retries: Natural = Field(
        default=3, description="Times in a row that a pack goes on after its worker was lost without progress."
    )
    keep_models: Literal["front", "all", "none"] = Field(
        default="front", description="Whose compact networks are kept."
    )
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = Field(
        default=(), strict=False, description="Trackers that get a run of every trial, too: tensorboard, mlflow, wandb."
    )
    storage: str | None = Field(
        default=None,
        description="A database that gets finished trials, too, for a team's optuna-dashboard: postgresql://HOST/NAME. "
        "User and password come from the environment (PGUSER, PGPASSWORD) or ~/.pgpass.",
    )
    published: tuple[PublishedSettings, ...] = Field(
        default=(), strict=False, description="Others' results, drawn beside yours."
    )
    reproduction: ReproductionSettings | None = Field(
        default=None, description="How `study reproduce` runs this study beside what was published."
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

    @field_validator("storage")
    @classmethod
    def _without_secrets(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url is not None and (not parts.scheme or parts.password or "password=" in parts.query):
            got = f"one with a password, at {parts.hostname}" if parts.scheme else repr(url)
            expected = "a database's URL without its password (PGPASSWORD, ~/.pgpass), such as postgresql://HOST/NAME"
            raise Mistakes([Mistake((), expected, got)])
        return url

    @field_validator("require")
    @classmethod
    def _known_requirements(cls, require: dict[str, float]) -> dict[str, float]:
        mistakes = [Mistake.of_name(name, OBJECTIVES, name) for name in require if name not in OBJECTIVES]
        if mistakes:
            raise Mistakes(mistakes)
        return require

    @field_validator("constraints")
    @classmethod
    def _possible_constraints(cls, texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        mistakes: list[Mistake] = []
        for index, text in enumerate(texts or ()):
            try:
                constraint_of(text)
            except Mistakes as wrong:
                mistakes += [mistake.under(index) for mistake in wrong.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        return texts

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
    def _known_methods(cls, methods: dict[str, MethodSettings], info: ValidationInfo) -> dict[str, MethodSettings]:
        network: Mapping[str, Any] = info.data["model"].searched if "model" in info.data else {}
        mistakes: list[Mistake] = []
        resolved: dict[str, MethodSettings] = {}
        for given, (name, own) in names_of(methods).items():
            method = methods[given].model_copy(update={"defined_in": own}) if own else methods[given]
            if not method.defined_in and name not in search_spaces.methods():
                mistakes.append(Mistake.of_name(name, [*search_spaces.methods(), "module:Class"], name))
                continue
            key: tuple[str | int, ...] = ("like",)
            try:
                resolved[name] = method.resolved(name, network)
                key = ("space",)
                if own or not method.defined_in:  # what a directory holds is read without anyone's own modules
                    search_spaces.validate(own or name, space := {**network, **resolved[name].space})
                    for index, wanted in enumerate(resolved[name].first or ()):
                        key = ("first", index)
                        search_spaces.configuration(own or name, space, wanted)
            except Mistakes as wrong:
                mistakes += [mistake.under(given, *key) for mistake in wrong.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        return resolved

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.recipe()
        if mistakes := list(contradictions(self)):
            raise Mistakes(mistakes)
        return self

    @property
    def constrained(self) -> tuple[Constraint, ...]:
        """The constraints, read."""
        return tuple(map(constraint_of, self.constraints or ()))

    @property
    def timing(self) -> dict[str, Any] | None:
        """How a trial's network is timed at its end; None where nothing asks for its latency."""
        named = {*self.objectives, *self.require, *(one.objective for one in self.constrained)}
        return self.latency.model_dump() if "latency" in named else None

    def path_of(self, method: str) -> StrengthPath | None:
        """The path that a method's trials are points of; None where they are none."""
        if self.path is None or self.methods[method].defined_in:
            return None
        points = self.path.points.get(knob := declared(method).strength)
        epochs = self.path.epochs or max(1, round(self.epochs / 10))
        return None if points is None else StrengthPath(knob, points, epochs)

    def lever(self, method: str) -> str:
        """The knob that is bisected for the compressions in ``target``; empty where none is."""
        if self.target is None or self.methods[method].defined_in:
            return ""
        return declared(method).lever

    def beginning(self, method: str) -> WarmStartSettings | None:
        """What a method's trials have in common, its learning rate included; None where they begin for themselves, as
        controls do."""
        if self.warm_start is None or declared(self.implementation(method)).kind == "control":
            return None
        lr = self.warm_start.lr or self.methods[method].pinned("lr")
        return self.warm_start.model_copy(update={"lr": lr})

    @property
    def staged(self) -> bool:
        """Whether trials are trained in segments: they stop early, or have beginnings in common."""
        return self.warm_start is not None or bool(self.rungs()) or any(map(self.rungs, self.methods))

    def rungs(self, method: str | None = None) -> tuple[int, ...]:
        """The epochs at which trials are compared; none where they all train to the end, as controls do. Of paths those
        of points.

        Args:
            method: of the study's; those of any where none is given.
        """
        if self.stopping is None or (method and declared(self.implementation(method)).kind == "control"):
            return ()
        if method and (path := self.path_of(method)) is not None:
            return path.rungs(self.epochs - self.polish, self.stopping.rungs)
        if self.stopping.rungs != "auto":
            return tuple(rung for rung in self.stopping.rungs if rung < self.epochs)
        begin = self.warm_start.epochs if self.warm_start else 0
        latest, own = self.epochs - max(self.polish, 1), self.epochs - begin
        return tuple(sorted({rung for part in (6, 2) if 0 < (rung := begin + math.ceil(own / part)) <= latest}))

    def recipe(self, method: str | None = None) -> Recipe:
        """What all trials of a method have in common; of none what those of all have."""
        begin = self.beginning(method) if method else None
        return Recipe(
            epochs=self.epochs,
            polish=self.polish,
            batch_size=self.batch_size,
            optimizer=self.optimizer.model_dump(),
            lr_schedule=self.lr_schedule.model_dump(),
            shuffle=self.shuffle,
            evaluate_every=self.evaluate_every,
            class_weights=self.class_weights,
            score=self.score,
            counts=self.counts,
            warm_start=begin.epochs if begin else 0,
            warm_lr=begin.lr if begin else None,
            distil=None if self.distil is None else Distil(**self.distil.model_dump()),
            groups=(self.methods[method].groups or ()) if method else (),
        )

    def implementation(self, method: str) -> str:
        """What a method of the study is in `trainables` and `search_spaces`: its name, or module:Class."""
        return self.methods[method].defined_in or method

    def budget(self, method: str) -> int:
        """Trials the method gets, repetitions and searches counted."""
        return (self.methods[method].trials or self.trials) * self.replicates(method) * self.searches

    def replicates(self, method: str) -> int:
        """Trials of each configuration; the first one's only, where candidates for the front get more."""
        seeds = self.methods[method].seeds or self.seeds
        return seeds if isinstance(seeds, int) else 1

    def racing(self, method: str) -> RacingSettings | None:
        """How candidates for the front are trained again; None where they are not."""
        seeds = self.methods[method].seeds or self.seeds
        return None if isinstance(seeds, int) else seeds

    def repeats(self, method: str) -> int:
        """Of the budget, the trials that train candidates for the front again, at most."""
        racing = self.racing(method)
        return 0 if racing is None else int(racing.share * (self.budget(method) // self.searches)) * self.searches

    def epochs_to_train(self, method: str) -> int:
        """Of all its trials together, if none stops early; a beginning that they share counts once."""
        begin, trials = self.beginning(method), self.budget(method)
        if (path := self.path_of(method)) is not None:
            paths = self.searches * math.ceil(trials / self.searches / path.points)
            common = begin.epochs * max(paths - self.searches, 0) if begin else 0
            return paths * (self.epochs - self.polish) + (trials - paths) * path.epochs + trials * self.polish - common
        alone = self.replicates(method) * self.searches + self.repeats(method)
        shared = begin.epochs * max(trials - alone, 0) if begin else 0
        return trials * self.epochs - shared

    def epochs_saved(self, method: str, epochs: int) -> int:
        """By a trial that was stopped after so many, beside those that it shares: the rest of all; of a point that its
        path did not come to, which shares all it has, those of its own alone."""
        path = self.path_of(method)
        return (self.epochs if path is None else path.epochs + self.polish) - epochs

    def data_options(self) -> dict[str, Any]:
        return self.data.model_dump()

    def model_options(self, parameters: Mapping[str, Value] = MappingProxyType({})) -> dict[str, Any]:
        """The network, that of a trial with these parameters where its arguments are searched."""
        return {**self.model.fixed, **architecture(parameters)}

    def space(self, method: str) -> dict[str, Any]:
        """The settings of a method's search space, the arguments of the network that are searched among them."""
        return {**self.model.searched, **self.methods[method].space}
