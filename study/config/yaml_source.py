"""YAML that remembers where everything stands, so that a mistake can be shown with its file and line.

As `yaml.safe_load` reads it, with the traps of YAML 1.1 closed: 1e-3 is a number, 010 is ten, `on`, `off`,
`yes` and `no` are words; numbers are finite, keys are names, and none stands twice.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import yaml

from trainables.errors import Mistake, StudyError

Keys: TypeAlias = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_SCALARS = (  # YAML 1.2's core schema, decimal only: tag, pattern, first characters
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 -- without PyYAML's own


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^({_pattern})$"), list(_first))
_Loader.add_constructor(_TAG + "int", lambda _, node: int(node.value))


class ConfigError(StudyError):
    """What a user configured is wrong; each line of the message is one mistake and its place."""


@dataclass(frozen=True)
class Source:
    """A YAML document: its value, and the place of everything in it by the keys that lead there."""

    name: str
    value: Any
    places: dict[Keys, str] = field(repr=False)

    def error(self, mistakes: Iterable[Mistake]) -> ConfigError:
        """One line each, in the order of the document's lines."""
        shown = [replace(mistake, keys=self.written(mistake.keys)) for mistake in mistakes]
        lines = sorted(((self._place(mistake.keys), mistake) for mistake in shown), key=lambda line: _line(line[0]))
        return ConfigError("\n".join(f"{place}: {mistake}" for place, mistake in lines))

    def without(self, prefix: str) -> Source:
        """The document without its outermost keys that begin with ``prefix``; what aliases took from them stays."""
        if not isinstance(self.value, dict):
            return self
        return replace(self, value={key: value for key, value in self.value.items() if not key.startswith(prefix)})

    def written(self, keys: Keys) -> Keys:
        """The keys as far as the document goes: `model: mlp` has no model.name."""
        value = self.value
        for depth, key in enumerate(keys):
            match value:
                case dict() if key in value:
                    value = value[key]
                case list() if isinstance(key, int) and key < len(value):
                    value = value[key]
                case dict() | list() | None:
                    return keys
                case _:
                    return keys[:depth]
        return keys

    def _place(self, keys: Keys) -> str:
        """The place of what the keys lead to, or of the innermost thing around it."""
        around = (keys[:end] for end in range(len(keys), -1, -1))
        return next((self.places[part] for part in around if part in self.places), self.name)

    def with_setting(self, setting: str) -> Source:
        """The document with `a.b=value` set; a short form on the way, such as `model: mlp`, is written out.

        Raises: ConfigError.
        """
        path, equals, text = setting.partition("=")
        *around, last = keys = tuple(path.strip().split("."))
        place = f"--set {setting}"
        if not equals or not all(keys):
            raise ConfigError(f"{place}: expected key=value, such as epochs=30 or pack.size=8")
        given = read(text, place, line_numbers=False, under=keys)
        inner: Any = _written_out(copy.deepcopy(self.value))
        value = inner
        for depth, key in enumerate([*around, last]):
            if not isinstance(inner, dict):
                raise ConfigError(f"{place}: {Mistake(keys[:depth], 'a mapping', repr(inner))}")
            if depth < len(around):
                inner[key] = inner = _written_out(inner.get(key))
        inner[last] = given.value
        kept = {known: where for known, where in self.places.items() if known[: len(keys)] != keys}
        made = {keys[:depth]: place for depth in range(1, len(keys)) if keys[:depth] not in kept}
        return replace(self, value=value, places=kept | made | given.places)


def _line(place: str) -> int:
    """The line of a place "name:line"; what has none comes last."""
    number = place.rpartition(":")[2]
    return int(number) if number.isdecimal() else 10**9


def _written_out(value: object) -> object:
    match value:
        case None:
            return {}
        case str():
            return {"name": value}
        case list() if all(isinstance(name, str) for name in value):
            return dict.fromkeys(value)
        case _:
            return value


def read(text: str, name: str, *, line_numbers: bool = True, under: Keys = ()) -> Source:
    """The document in `text`, its places "name:line", or "name" without line numbers. Raises ConfigError."""
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:  # control characters
        raise ConfigError(f"{name}: expected YAML, but got an error: {' '.join(str(error).split())}") from None
    walk = _Walk(name, line_numbers)
    try:
        node = loader.get_single_node()
        if node is None:
            return Source(name, None, {under: name})
        walk(node, under)
        source = Source(name, None if walk.mistakes else loader.construct_document(node), walk.places)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: `!!int abc`
        mark = getattr(error, "problem_mark", None)
        said = ", ".join(part for part in (getattr(error, "context", None), getattr(error, "mistake", None)) if part)
        place = f"{name}:{mark.line + 1}" if mark and line_numbers else name
        raise ConfigError(f"{place}: expected YAML, but got an error: {said or error}") from None
    finally:
        loader.dispose()
    if walk.mistakes:
        raise source.error(walk.mistakes)
    return source


class _Walk:
    """Notes the place of everything in a document, and gathers what YAML allows and a study does not."""

    def __init__(self, name: str, line_numbers: bool) -> None:
        self.places: dict[Keys, str] = {}
        self.mistakes: list[Mistake] = []
        self._name = name
        self._line_numbers = line_numbers
        self._around: list[yaml.Node] = []
        self._seen: set[yaml.Node] = set()

    def __call__(self, node: yaml.Node, keys: Keys) -> None:
        self.places[keys] = self._place(node)
        if node in self._around:
            self.mistakes.append(Mistake(keys, "a value", "an alias of what it stands in"))
        if node in self._seen:  # an alias: aliases of aliases would take for ever
            return
        self._seen.add(node)
        self._around.append(node)
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, keys)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self(item, (*keys, index))
                if isinstance(item, yaml.ScalarNode):  # a list of names may stand for a mapping
                    self.places[*keys, item.value] = self._place(item)
        elif node.tag == _TAG + "float" and not math.isfinite(float(re.sub(r"\.(?=[iInN])", "", node.value))):
            self.mistakes.append(Mistake(keys, "a finite number", node.value))
        self._around.pop()

    def _mapping(self, node: yaml.MappingNode, keys: Keys) -> None:
        lines: dict[str, str] = {}
        for key, value in node.value:
            if key.tag not in (_TAG + "str", _TAG + "merge"):
                got = key.value if isinstance(key, yaml.ScalarNode) else f"a {key.id}"
                self.places[*keys, f"{got}"] = self._place(key)
                self.mistakes.append(Mistake((*keys, f"{got}"), "a name (in quotes if it is one)", f"{got}"))
                continue
            if key.value in lines:
                duplicate = Mistake((*keys, key.value), "each name once", f"it again, after {lines[key.value]}")
                self.mistakes.append(duplicate)
            lines[key.value] = self._place(key)
            self(value, (*keys, key.value))
            self.places[*keys, key.value] = self._place(key)

    def _place(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}" if self._line_numbers else self._name
