"""The YAML of a suite: what all of its studies have in common, and what each data set has of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from study.config.load import PRESETS, of_mapping
from study.config.mappings import Settings
from study.config.settings import StudyConfig
from study.config.yaml_source import ConfigError, Source, read
from trainables.errors import Mistake, Mistakes, StudyError, nearest

SUITES = PRESETS / "suites"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_WHERE_FOUND = "where_found"


class SuiteSettings(Settings):
    """A suite's YAML."""

    suite: str = Field(pattern=_NAME, description="Name of the suite and of its directory.")
    notes: str = Field(default="", description="What the suite is for, in your words.")
    base: dict[str, Any] = Field(
        default_factory=dict, description="Keys of a study (`study schema`) that all sets have in common."
    )
    sets: dict[str, dict[str, Any]] = Field(
        min_length=2,
        description="By name: keys of a study that go before those of base; data and model, as a rule. "
        "where_found: true leaves a set out whose data are not on this machine.",
    )

    @field_validator("sets")
    @classmethod
    def _without_names(cls, sets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        mistakes = [
            Mistake((key, "name"), "no name: the set's own is its study's") for key in sets if "name" in sets[key]
        ]
        odd = [key for key in sets if not re.fullmatch(_NAME, key)]
        mistakes += [Mistake((key,), "a name of letters (a to z), digits, '.', '_' and '-'", repr(key)) for key in odd]
        if mistakes:
            raise Mistakes(mistakes)
        return sets


@dataclass(frozen=True)
class Suite:
    """The studies of a suite by their sets' names, in the file's order.

    Attributes:
        left_out: sets whose data are not on this machine, and what is missing.
    """

    name: str
    notes: str
    studies: Mapping[str, StudyConfig]
    left_out: Mapping[str, str]


def load_suite(name_or_path: str | Path, overrides: Sequence[str] = (), *, names: bool = True) -> Suite:
    """The suite in a file, or the preset of that name, checked as a whole: every set's mistakes are told at once.

    Args:
        overrides: "key=value" for every study, the key dotted, the value YAML.

    Raises:
        ConfigError: no such file or preset, or something in it is wrong; a line for each mistake says what and where.
    """
    path = _find(str(name_or_path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a YAML file, but reading it failed: {error}") from None
    source = read(text, str(path))
    settings = _settings(source)
    studies, left_out, wrong = dict[str, StudyConfig](), dict[str, str](), list[str]()
    for key, own in settings.sets.items():
        asked = {name: value for name, value in own.items() if name != _WHERE_FOUND}
        try:
            studies[key] = of_mapping({**settings.base, **asked, "name": key}, overrides, names=names)
        except StudyError as error:
            wrong += [f"{path}: sets.{key}: {line}" for line in str(error).splitlines()]
            continue
        if own.get(_WHERE_FOUND) and (missing := _missing(studies[key])):
            left_out[key] = missing
            del studies[key]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return Suite(settings.suite, settings.notes, studies, left_out)


def suites() -> dict[str, Path]:
    """The suites that come with the package, by name."""
    return {path.stem: path for path in sorted(SUITES.glob("*.yaml"))}


def _settings(source: Source) -> SuiteSettings:
    try:
        found = SuiteSettings.model_validate(source.value)
    except ValidationError as error:
        mistakes = []
        for details in error.errors():
            inner = details.get("ctx", {}).get("error")
            keys = tuple(details["loc"])
            if isinstance(inner, Mistakes):
                mistakes += [mistake.under(*keys) for mistake in inner.mistakes]
            elif details["type"] == "extra_forbidden":
                known = list(SuiteSettings.model_fields)
                mistakes.append(Mistake.of_name(keys[-1], known, *keys))
            else:
                expected = {"missing": "a value", "too_short": "two sets or more"}.get(details["type"], details["msg"])
                mistakes.append(Mistake(keys, expected, "" if details["type"] == "missing" else repr(details["input"])))
        raise source.error(mistakes) from None
    return found


def _missing(config: StudyConfig) -> str:
    """What of a data set is not on this machine; empty where nothing is missing."""
    from trainables.data import DATA

    entry = DATA.get(config.data.name)
    if entry is None or entry.path is None:
        return ""
    folder = os.environ.get("STUDY_DATA")
    if folder is None:
        return f"STUDY_DATA names no folder with {entry.path}"
    return "" if (Path(folder) / entry.path).exists() else f"no {entry.path} in the folder of STUDY_DATA"


def _find(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if name in suites():
        return suites()[name]
    known = ", ".join(suites())
    mistake = Mistake((), f"a suite's YAML file or a preset ({known})", repr(name), nearest(name, suites()))
    raise ConfigError(f"{name}: {mistake}")
