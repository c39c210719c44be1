"""The YAML explained: its JSON Schema, for editors, and a commented file to start from."""

from __future__ import annotations

import math
import re
import textwrap
from typing import Any

import yaml

import search_spaces
from search_spaces import Choice, Parameter, Pinned, Range
from study.config.mappings import Named
from study.config.named import (
    Alternative,
    DataSettings,
    ModelSettings,
    OptimizerSettings,
    SamplerSettings,
    ScheduleSettings,
)
from study.config.sections import MethodSettings
from study.config.settings import StudyConfig
from study.directory import OBJECTIVES
from trainables.declarations import MODEL
from trainables.options import Option

_OPEN: tuple[type[Named], ...] = (DataSettings, ModelSettings)
_ALTERNATIVES: tuple[type[Alternative], ...] = (OptimizerSettings, ScheduleSettings, SamplerSettings)
_START = {
    "name": "my-study",
    "data": "digits",
    "model": {"name": "mlp", "widths": [128, 64]},
    "epochs": 60,
    "polish": 15,
    "batch_size": 32,
    "optimizer": "adam",
    "objectives": ["accuracy", "neurons"],
    "trials": 64,
}
_METHODS: dict[str, dict[str, Any]] = {"dense": {"trials": 8}, "group_lasso": {}, "sparse_group_lasso": {}}

_SHORT: dict[str, dict[str, Any]] = {
    "StoppingSettings": {"const": "auto"},
    "StartSettings": {"type": "string"},
    "WarmStartSettings": {"type": "integer", "minimum": 1},
    "TargetSettings": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 1}, "minItems": 1},
    "PathSettings": {
        "type": "object",
        "properties": {"epochs": {"description": "From one point to the next.", "type": "integer", "minimum": 1}},
        "additionalProperties": {"type": "integer", "minimum": 2},
    },
}
"""How sections may be written shortly."""

_OWN = {"pattern": "^[^:]+:[^:]+$"}
"""module:Name, something of a user's own."""


def schema() -> dict[str, Any]:
    """JSON Schema of a study's YAML."""
    whole = StudyConfig.model_json_schema()
    definitions = whole["$defs"]
    for settings in _OPEN:
        name = settings.__name__
        definitions[name] = {"anyOf": [{"type": "string"}, definitions[name]]}
    for alternative in _ALTERNATIVES:
        definitions[alternative.__name__] = _one_of(alternative)
    for name, short in _SHORT.items():
        definitions[name] = {"anyOf": [short, definitions[name]]}
    method = definitions.pop(MethodSettings.__name__)
    names = search_spaces.methods()
    methods = whole["properties"]["methods"]
    whole["properties"]["methods"] = {
        "description": methods["description"],
        "anyOf": [
            {
                "type": "object",
                "properties": {name: _method(name, method) for name in names},
                "patternProperties": {_OWN["pattern"]: method},
                "additionalProperties": {**method, "required": ["defined_in"]},
                "minProperties": 1,
            },
            {
                "type": "array",
                "items": {"anyOf": [{"enum": list(names)}, {"pattern": "^[^:]+:[^:]+$"}]},
                "minItems": 1,
                "uniqueItems": True,
            },
        ],
    }
    whole["properties"]["objectives"]["items"] = {"enum": list(OBJECTIVES)}
    whole["patternProperties"] = {"^x-": {"description": "What YAML aliases name."}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _one_of(alternative: type[Alternative]) -> dict[str, Any]:
    """The schema of a choice: a bare name, or a mapping with the options that this one has."""
    named: dict[str, Any] = {"description": alternative.model_fields["name"].description}
    mappings = [
        {
            "type": "object",
            "properties": {"name": named | {"const": name}} | {key: _option(one) for key, one in options.items()},
            "required": ["name"],
            "additionalProperties": False,
        }
        for name, options in alternative.declared.items()
    ]
    bare: list[dict[str, Any]] = [named | {"enum": list(alternative.declared)}]
    if alternative is SamplerSettings:
        bare.append(named | _OWN)
        mappings.append({"type": "object", "properties": {"name": named | _OWN}, "required": ["name"]})
    return {"anyOf": [*bare, *mappings]}


def _option(option: Option) -> dict[str, Any]:
    kind = {"number": "number", "whole number": "integer", "flag": "boolean"}[option.kind]
    ends = {"low": ("exclusiveMinimum", "minimum"), "high": ("exclusiveMaximum", "maximum")}
    value: dict[str, Any] = {"type": kind}
    for end, (strict, weak) in ends.items():
        if math.isfinite(bound := getattr(option, end)):
            value[strict if end in option.open else weak] = bound
    if option.many:
        length = {} if option.length is None else {"minItems": option.length, "maxItems": option.length}
        value = {"type": "array", "items": value, **length}
    if option.default is None:
        value = {"anyOf": [value, {"type": "null"}]}
    return {"description": option.doc, **value}


def _method(name: str, method: dict[str, Any]) -> dict[str, Any]:
    """The schema of a method, its search space written out; beta_3 and the like as a pattern."""
    known = {parameter.name: parameter for parameter in search_spaces.every_parameter(name, layers=2)}
    deeper = {
        p.name.removesuffix("_3"): p for p in search_spaces.every_parameter(name, layers=3) if p.name not in known
    }
    space = {
        "type": "object",
        "description": method["properties"]["space"]["description"],
        "properties": {name: _parameter(parameter) for name, parameter in known.items()},
        "patternProperties": {f"^{stem}_[1-9][0-9]*$": _parameter(p) for stem, p in deeper.items()}
        | {f"^{re.escape(MODEL)}": {"description": "An argument of the network: a value, or what is searched."}},
        "additionalProperties": False,
    }
    return {**method, "type": ["object", "null"], "properties": {**method["properties"], "space": space}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    value: dict[str, Any] = {"enum": list(parameter.choices)} if parameter.choices else {"type": "number"}
    many = {"type": "array", "items": value, "minItems": 1}
    forms = [
        value,
        {
            "type": "object",
            "properties": {"choices": many},
            "required": ["choices"],
            "additionalProperties": False,
        },
    ]
    if parameter.choices:
        forms.append(many)
    else:
        ends = {"low": value, "high": value, "log": {"type": "boolean"}, "step": value}
        forms.append({**many, "minItems": 2, "maxItems": 2})
        forms.append({"type": "object", "properties": ends, "additionalProperties": False})
    default = f"{parameter.domain} by default{f', if {parameter.when}' if parameter.when else ''}"
    return {"description": f"{default}. {parameter.why}", "anyOf": forms}


def starter() -> str:
    """A study to start from: the keys one usually sets, the others commented out with their defaults."""
    start = StudyConfig.model_validate(_START | {"methods": _METHODS})
    parts = ["# A study. What is commented out is the default; see `study schema` for all there is.\n"]
    for name, field in StudyConfig.model_fields.items():
        comment = textwrap.indent(textwrap.fill(field.description or "", 100), "# ")
        if name == "methods":
            entry = "methods:\n" + "".join(_method_entry(*method) for method in _METHODS.items())
        elif name in _START:
            entry = _entry(name, _START[name])
        else:
            entry = "# " + _entry(name, start.model_dump(mode="json").get(name))
        parts.append(f"{comment}\n{entry}")
    return "\n".join(parts)


def _method_entry(method: str, given: dict[str, Any]) -> str:
    entries = "".join(_entry(name, value) for name, value in given.items())
    space = "".join(f"{p.name}: {_setting(p)}  # {p.why}\n" for p in search_spaces.parameters(method))
    commented = textwrap.indent("space:\n" + textwrap.indent(space, "  "), "# ")
    return f"  {method}:\n" + textwrap.indent(entries + commented, "    ")


def _setting(parameter: Parameter) -> str:
    match parameter.domain:
        case Range(low, high):
            return f"[{low:g}, {high:g}]"
        case Choice(choices):
            return f"{{choices: [{', '.join(map(str, choices))}]}}"
        case Pinned(value):
            return str(value)


def _entry(name: str, value: object) -> str:
    text = yaml.safe_dump(value, sort_keys=False, default_flow_style=True, width=1000)
    return f"{name}: {text.removesuffix('...' + chr(10))}"
