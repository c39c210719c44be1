"""The study's YAML: read, checked with file, line and key, and made a frozen StudyConfig."""

from study.config.changes import MAY_CHANGE, CannotChange, changes, check_changes, check_recipes, recipe_of
from study.config.load import check_names, load, loads, of_mapping, presets, stored, to_go_on, to_yaml
from study.config.named import SamplerSettings
from study.config.published import PublishedSettings, ReproductionSettings
from study.config.schema import schema, starter
from study.config.sections import LimitSettings, ResourceSettings, StrengthPath
from study.config.settings import StudyConfig
from study.config.suite import Suite, SuiteSettings, load_suite, suites
from study.config.yaml_source import ConfigError

__all__ = [
    "MAY_CHANGE",
    "CannotChange",
    "ConfigError",
    "LimitSettings",
    "PublishedSettings",
    "ReproductionSettings",
    "ResourceSettings",
    "SamplerSettings",
    "StrengthPath",
    "StudyConfig",
    "Suite",
    "SuiteSettings",
    "changes",
    "check_changes",
    "check_names",
    "check_recipes",
    "load",
    "load_suite",
    "loads",
    "of_mapping",
    "presets",
    "recipe_of",
    "schema",
    "starter",
    "stored",
    "suites",
    "to_go_on",
    "to_yaml",
]
