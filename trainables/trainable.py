"""Ray Tune trainables: one class for each method, usable in anyone's `ray.tune.Tuner`.

    Tuner(GroupLasso, param_space={"data": "digits", "model": "mlp", "lambda": tune.loguniform(1e-4, 1e-2)})

A flat config is one trial; a config with ``trials`` is a pack of them. Every `train` call is one epoch and reports the
trial's scores and counts; a pack reports how far it is, and leaves its rows in ``self.pack``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from ray import tune

from trainables.declarations import declarations, declared
from trainables.errors import not_one_of
from trainables.own_code import names_in, trust
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Trial

_RECIPE = {f.name for f in dataclasses.fields(Recipe)} - {"lr"}
_JOB = {"method", "data", "model", "seed", "data_seed", "trials", "device", "vectorize", "shrink"}
_CHECKPOINT = "pack.pt"


class SparseTrainable(tune.Trainable):  # type: ignore[misc]
    """Trains one trial or one pack; subclasses name the method, or the config does with ``method``."""

    method: ClassVar[str | None] = None

    def setup(self, config: dict[str, Any]) -> None:
        settle_process()
        trust(*names_in(config))  # it is what the caller's own program says
        self.pack = Pack(job(config, self.method))

    def step(self) -> dict[str, Any]:
        if not self.pack.done:
            self.pack.train_epoch()
        return self.report()

    def report(self) -> dict[str, Any]:
        """The result of a `train` call."""
        progress = {
            "epochs_done": self.pack.epochs_done,
            "epochs_total": self.pack.epochs_total,
            "trials_done": self.pack.trials_done,
            "done": self.pack.done,
        }
        return progress | (self.pack.latest() if len(self.pack.job.trials) == 1 else {})

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        torch.save(self.pack.state_dict(), Path(checkpoint_dir) / _CHECKPOINT)

    def load_checkpoint(self, checkpoint: Any) -> None:
        path = Path(checkpoint) / _CHECKPOINT
        self.pack.load_state_dict(torch.load(path, map_location=self.pack.device, weights_only=True))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True


@functools.cache
def trainable_of(method: str) -> type[SparseTrainable]:
    """The trainable of one method of the package, a class of this module under the name that the method declares."""
    declaration = declared(method)
    members = {"method": method, "__module__": __name__, "__doc__": declaration.title}
    return type(declaration.class_name, (SparseTrainable,), members)


def __getattr__(name: str) -> type[SparseTrainable]:
    """GroupLasso and the like: looked up here when they are unpickled, too."""
    for method, declaration in declarations().items():
        if declaration.class_name == name:
            return trainable_of(method)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def job(config: Mapping[str, Any], method: str | None = None) -> Job:
    """A `Job` from a Tune config.

    Args:
        config: ``data`` and ``model`` (a name or a mapping with ``name``), the fields of `Recipe`, ``seed``; then
            either the parameters of one trial, flat (``lr``, ``lambda``, ...), or ``trials``, a list of mappings
            with ``trial``, ``seed``, ``data_seed`` and ``parameters``. ``method`` where the argument is None.

    Raises:
        ValueError: something the method or the model does not know, or a value out of range.
    """
    named = config.get("method", method)
    if not isinstance(named, str) or method not in (None, named):
        raise not_one_of("method", named, declarations() if method is None else (method,))
    parameters = {key: value for key, value in config.items() if key not in _RECIPE | _JOB}
    _refuse_unknown(named, parameters, flat="trials" not in config)
    choices = {name: config.get(name, "auto") for name in ("vectorize", "shrink")}
    for name, choice in choices.items():
        if choice not in ("auto", "on", "off"):
            raise not_one_of(name, choice, ("auto", "on", "off"))
    seed = int(config.get("seed", 0))
    trials = config.get("trials")
    if trials is None:
        data_seed = int(config.get("data_seed", seed))
        trials = [{"trial": named, "seed": seed, "data_seed": data_seed, "parameters": parameters}]
    return Job(
        method=named,
        data=_named(config.get("data", "digits")),
        model=_named(config.get("model", "mlp")),
        recipe=_recipe(config),
        trials=tuple(Trial(**trial) for trial in trials),
        seed=seed,
        device=config.get("device", "auto"),
        **choices,
    )


def _refuse_unknown(method: str, parameters: Mapping[str, Any], flat: bool) -> None:
    declaration = declared(method)
    own = declaration.names(0) if flat else []
    for key in parameters:
        if not flat or not declaration.goes_by(key):
            raise not_one_of("config", key, (*sorted(_JOB | _RECIPE), *own))


def _recipe(config: Mapping[str, Any]) -> Recipe:
    given = {name: config[name] for name in _RECIPE & set(config)}
    return Recipe(**given | {name: _named(given[name]) for name in ("optimizer", "lr_schedule") if name in given})


def _named(value: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"name": value} if isinstance(value, str) else dict(value)
