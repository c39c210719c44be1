"""What a study's YAML names, with options beside the name: data, network, optimiser, schedule, sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

import search_spaces
from study.config.mappings import Named
from trainables.declarations import MODEL
from trainables.errors import Mistake, Mistakes
from trainables.options import Declared, Option, completed
from trainables.recipe import OPTIMIZERS, SCHEDULES, completed_optimizer, completed_schedule


class DataSettings(Named):
    name: str = Field(
        description="A data set (`study list data`), a path from the working directory, a URI (s3://), "
        "hub:OWNER/SET; options beside."
    )


Kind = Literal["units", "heads", "dimensions", "channels", "stream"]
"""What may go together, `trainables.groups.KINDS`, which is not imported for the sake of torch."""
_USUAL: tuple[Kind, ...] = ("units", "heads", "channels")
"""What may go where nothing is said, as in `trainables.groups.Graph`."""


class ModelSettings(Named):
    name: str = Field(
        description="A network (`study list models`) or your own, module:Class; its options beside it, searched where "
        "they are {choices: [...]} or {low: .., high: ..}."
    )
    groups: tuple[Kind, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="What may go: units, heads, channels tied by skips (these by default), dimensions inside of heads, "
        "a transformer's stream.",
    )
    weights: str | None = Field(
        default=None,
        description="A file or directory that all trials start from: safetensors, a state dict, Hugging Face's layout.",
    )
    freeze: tuple[str, ...] | None = Field(
        default=None,
        strict=False,
        min_length=1,
        description="Parameters that are not trained, as patterns: embeddings.*",
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        mistakes: list[Mistake] = []
        for name, setting in self.options.items():
            if search_spaces.is_range(setting):
                try:
                    search_spaces.argument(f"{MODEL}{name}", setting)
                except Mistakes as wrong:
                    mistakes += [mistake.under(name) for mistake in wrong.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        return self

    @property
    def searched(self) -> dict[str, Any]:
        """The options that are searched, by the names of their parameters."""
        return {f"{MODEL}{name}": value for name, value in self.options.items() if search_spaces.is_range(value)}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What may go."""
        return self.groups or _USUAL

    @property
    def fixed(self) -> dict[str, Any]:
        """The name, and the options that all trials have."""
        options = {name: value for name, value in self.options.items() if not search_spaces.is_range(value)}
        return {"name": self.name, **options, **self._start}

    @property
    def _start(self) -> dict[str, Any]:
        """What is no option of the network's own."""
        given = {"groups": self.groups, "weights": self.weights, "freeze": self.freeze}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v is not None}


class Alternative(Named):
    """One of several, with the options that this one has, all of them filled in; a bare name will do."""

    declared: ClassVar[Declared]

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return completed(cls.declared, given)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: object) -> object:
        given = {"name": value} if isinstance(value, str) else value
        return cls.completed(given) if isinstance(given, Mapping) and "name" in given else given


class OptimizerSettings(Alternative):
    declared = OPTIMIZERS
    name: str = Field(description="adam, adamw or sgd; the learning rate is searched.")

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return completed_optimizer(given)


class ScheduleSettings(Alternative):
    declared = SCHEDULES
    name: str = Field(description="constant, step or cosine.")

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return completed_schedule(given)


_STARTUP = Option(16, "Random trials before it begins to model.", "whole number", low=1)
_POPULATION = Option(32, "Trials of a generation.", "whole number", low=2)


class SamplerSettings(Alternative):
    declared: ClassVar[Declared] = {
        "auto": {"startup": _STARTUP, "population": _POPULATION},
        "tpe": {"startup": _STARTUP},
        "nsga2": {"population": _POPULATION},
        "nsga3": {
            "population": _POPULATION,
            "divisions": Option(4, "Of each objective, between reference points.", "whole number", low=1),
        },
        "gp": {"startup": _STARTUP},
        "cmaes": {
            "startup": _STARTUP,
            "population": Option(8, "Trials of a generation.", "whole number", low=4),
        },
        "random": {},
        "qmc": {},
        "grid": {"points": Option(5, "Values of each number.", "whole number", low=1)},
    }
    name: str = Field(
        description="auto (tpe while it is fast, then nsga2), tpe, nsga2, nsga3, gp (Gaussian processes; few trials), "
        "cmaes (of one objective), random, qmc (Sobol), grid; or module:make_sampler."
    )

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return dict(given) if ":" in str(given["name"]) else super().completed(given)
