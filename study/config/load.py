"""One YAML file -> one frozen StudyConfig; whatever is wrong is a ConfigError with file, line and key."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from study.config.own_methods import check_defined
from study.config.paths import absolute
from study.config.schema import schema, starter
from study.config.settings import StudyConfig
from study.config.start import started
from study.config.yaml_source import ConfigError, Keys, Source, read
from study.directory import CONFIG, OBJECTIVES, StudyDirectory
from trainables.declarations import MODEL
from trainables.errors import Mistake, Mistakes, StudyError, nearest

__all__ = [
    "ConfigError",
    "StudyConfig",
    "check_names",
    "load",
    "loads",
    "of_mapping",
    "presets",
    "schema",
    "starter",
    "stored",
    "to_go_on",
    "to_yaml",
]

SCORES = {
    "classification": ("accuracy", "loss"),
    "regression": ("nmse", "mse", "loss"),
    "reconstruction": ("nmse", "mse", "loss"),
}
_LOGS_WITH = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
_ADDRESS = "resources.address"
_SETS_ADDRESS = {_ADDRESS, "resources"}
PRESETS = Path(__file__).parents[1] / "presets"


def load(name_or_path: str | Path, overrides: Sequence[str] = (), *, names: bool = True) -> StudyConfig:
    """The study in a file, or the preset of that name.

    Args:
        overrides: "key=value" each, the key dotted (`methods.dense.trials`), the value YAML.
        names: check the names and options of data and model as well, which loads torch.

    Raises:
        ConfigError: no such file or preset, or something in it is wrong.
    """
    path = _find(str(name_or_path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a YAML file, but reading it failed: {error}") from None
    return loads(text, str(path), overrides, names=names)


def loads(text: str, source: str = "study.yaml", overrides: Sequence[str] = (), *, names: bool = True) -> StudyConfig:
    """As `load`, from text that errors call `source`."""
    return _checked(read(text, source), overrides, names)


def of_mapping(value: Mapping[str, Any], overrides: Sequence[str] = (), *, names: bool = True) -> StudyConfig:
    """As `load`, of what a YAML file would hold; tuples are lists."""
    plain = _lists(value)
    return _checked(Source("configuration", plain, {}), overrides, names)


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lists(inner) for key, inner in value.items()}
    return [_lists(inner) for inner in value] if isinstance(value, list | tuple) else value


def _checked(document: Source, overrides: Sequence[str], names: bool) -> StudyConfig:
    document = document.without(ANCHORS)
    for setting in overrides:
        document = document.with_setting(setting)
    try:
        config = started(StudyConfig.model_validate(document.value), PRESETS)
        if names:
            check_names(config)
    except ValidationError as error:
        raise document.error(_mistakes(error, document)) from None
    except Mistakes as error:
        raise document.error(error.mistakes) from None
    return absolute(config)


def stored(directory: StudyDirectory, overrides: Sequence[str] = (), *, names: bool = False) -> StudyConfig:
    """As `load`, of the study that a directory holds.

    Raises:
        NotAStudy: it holds none.
        Damaged: its configuration is no YAML mapping.
        StudyError: it would read another study, which no directory of ours does.
    """
    if directory.config().get("start_from") is not None:
        raise StudyError(
            f"{directory.path(CONFIG)}: start_from: expected its configurations, as a study directory keeps them"
        )
    resolved = directory.config().get("methods")
    for name, method in resolved.items() if isinstance(resolved, Mapping) else ():
        if isinstance(method, Mapping) and method.get("like") is not None:
            raise StudyError(
                f"{directory.path(CONFIG)}: methods.{name}.like: expected its numbers, as a study directory keeps them"
            )
    return loads(directory.config_text(), directory.path(CONFIG), overrides, names=names)


def to_go_on(directory: StudyDirectory, overrides: Sequence[str] = ()) -> StudyConfig:
    """As `stored`, for training to go on with. A directory may be a stranger's: which Ray to connect to is the user's.

    Ray's workers and its head run what they send each other. So an address in the directory is used where it is the
    user's as well: this machine's cluster, what RAY_ADDRESS says, or an override.

    Raises:
        StudyError: it names another cluster.
    """
    config = stored(directory, overrides, names=bool(overrides))  # they were checked before they were stored
    set_by_user = {setting.partition("=")[0] for setting in overrides}
    _check_storage(config, directory, set_by_user)
    address = config.resources.address
    if address in (None, "auto", "local") or not _SETS_ADDRESS.isdisjoint(set_by_user) or address in _own_clusters():
        return config
    raise StudyError(
        f"{directory.path(CONFIG)}: {_ADDRESS}: expected a cluster that you name, too, but only this directory names "
        f"{address}: add --set {_ADDRESS}={address} if it is yours (from Python overrides=), or =local"
    )


def _check_storage(config: StudyConfig, directory: StudyDirectory, set_by_user: Collection[str]) -> None:
    """Raises StudyError: only the directory names a database, which would be told the user's password."""
    storage = config.storage
    if storage not in (None, os.environ.get("STUDY_STORAGE")) and "storage" not in set_by_user:
        raise StudyError(
            f"{directory.path(CONFIG)}: storage: expected a database that you name, too, but only this directory names "
            f"{storage}: set STUDY_STORAGE, or add --set storage={storage} if it is yours, --set storage=null if not"
        )


def _own_clusters() -> set[str]:
    """What the user's environment names, and the cluster that this machine is part of."""
    from ray._private.services import get_ray_address_from_environment

    found = {os.environ.get("RAY_ADDRESS", "")}
    with contextlib.suppress(ConnectionError):
        found.add(str(get_ray_address_from_environment("auto", None)))
    return found


def presets() -> dict[str, Path]:
    """The studies that come with the package, by name."""
    return {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}


def to_yaml(config: StudyConfig) -> str:
    """The whole study, defaults included, such that `loads` gives it back."""
    return yaml.safe_dump(
        config.model_dump(mode="json"),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=110,
    )


def check_names(config: StudyConfig) -> None:
    """Raises Mistakes where no data set, network or option of it has such a name. Imports torch."""
    from trainables.data import DATA
    from trainables.models import MODELS

    mistakes: list[Mistake] = []
    data, model = config.data.name, config.model.name
    if data in DATA:
        scores = SCORES.get(str(config.data.options.get("task", DATA[data].task)), tuple(OBJECTIVES))
        for i, name in enumerate(config.objectives):
            if OBJECTIVES[name].column.startswith("val_") and name not in (*scores, "score"):
                expected = f"one of {', '.join(scores)} (or a size), the scores of {data}"
                mistakes.append(Mistake(("objectives", i), expected, repr(name)))
    elif not data.startswith("hub:") and not _is_path(data):
        mistakes.append(Mistake.of_name(data, [*DATA, "a path", "hub:OWNER/SET"], "data", "name"))
    for i, name in enumerate(config.loggers):
        if find_spec(_LOGS_WITH[name]) is None:
            expected = f"one whose package is installed (pip install 'study[{name}]')"
            mistakes.append(Mistake(("loggers", i), expected, repr(name)))
    if ":" not in model:
        if model not in MODELS:
            mistakes.append(Mistake.of_name(model, [*MODELS, "module:Class"], "model", "name"))
        else:
            valid = MODELS[model].options
            mistakes += [
                Mistake.of_name(name, valid, "model", name) for name in config.model.options if name not in valid
            ]
            named = [(method, name) for method, own in config.methods.items() for name in own.space]
            mistakes += [
                Mistake.of_name(name, [f"{MODEL}{option}" for option in valid], "methods", method, "space", name)
                for method, name in named
                if name.startswith(MODEL) and name.removeprefix(MODEL) not in valid
            ]
    for name, method in config.methods.items():
        if method.defined_in:
            try:
                check_defined(name, method.defined_in, method.space)
            except Mistakes as wrong:
                mistakes += [mistake.under("methods", name) for mistake in wrong.mistakes]
    if mistakes:
        raise Mistakes(mistakes)


def _is_path(name: str) -> bool:
    folders = (Path(), Path(os.environ.get("STUDY_DATA", ".")))
    return any(sign in name for sign in "/\\.") or any((folder / name).exists() for folder in folders)


def _find(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if name in presets():
        return presets()[name]
    beside = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
    files = [str(file) for file in beside]
    known = ", ".join(presets())
    mistake = Mistake((), f"a YAML file or a preset ({known})", repr(name), nearest(name, [*presets(), *files]))
    raise ConfigError(f"{name}: {mistake}")


ANCHORS = "x-"
"""Begins keys at the top that hold what YAML aliases name, and nothing of the study itself."""

_EXPECTED = {  # pydantic's words for types -> ours
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "too_short": "at least one",
    "string_pattern_mismatch": "letters (a to z), digits, '.', '_' and '-', after a letter or digit first",
}


def _mistakes(error: ValidationError, document: Source) -> list[Mistake]:
    """Pydantic's errors in our words; the alternatives of a union become one mistake."""
    found: list[Mistake] = []
    unions: dict[Keys, int] = {}
    for mistake in (mistake for details in error.errors() for mistake in _translated(details)):
        keys = document.written(mistake.keys)  # pydantic adds a key to tell the alternatives apart
        if keys in unions:
            first = found[unions[keys]]
            found[unions[keys]] = replace(first, expected=f"{first.expected} or {mistake.expected}")
            continue
        if keys != mistake.keys:
            unions[keys] = len(found)
        found.append(mistake)
    return found


def _translated(details: Mapping[str, Any]) -> Iterator[Mistake]:
    kind, keys, context = details["type"], tuple(details["loc"]), details.get("ctx", {})
    if isinstance(context.get("error"), Mistakes):
        yield from (mistake.under(*keys) for mistake in context["error"].mistakes)
    elif kind == "too_short" and len(details["input"]) >= context["min_length"]:
        return  # what is wrong with its elements is said of them
    elif kind == "missing":
        yield Mistake(keys, "a value (it has no default)", "nothing")
    elif kind == "extra_forbidden":
        yield Mistake.of_name(keys[-1], _valid_keys(keys[:-1]), *keys)
    else:
        expected = _EXPECTED.get(kind) or details["msg"].removeprefix("Input should be ")
        names = re.findall(r"'([^']*)'", context.get("expected", ""))
        got = details["input"]
        if kind == "int_type" and isinstance(got, float) and got.is_integer():
            expected = f"a whole number without point and exponent, {got:.0f}"
        yield Mistake(keys, expected, repr(got), nearest(got, names))


def _valid_keys(keys: Keys) -> list[str]:
    """The keys of the mapping that `keys` lead to."""
    model: type[BaseModel] = StudyConfig
    for key in keys:
        if key in model.model_fields:
            model = _model_in(model.model_fields[str(key)].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)
