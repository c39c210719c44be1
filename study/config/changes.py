"""A study that goes on with another configuration: what may change, and what its trials depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any

from study.config.load import StudyConfig
from study.directory import Manifest
from trainables.errors import StudyError

MAY_CHANGE = (
    "notes",
    "trials",
    "searches",
    "methods.*.trials",
    "resources.*",
    "pack.*",
    "checkpoint.*",
    "limits.*",
    "retries",
    "keep_models",
    "loggers",
    "storage",
    "published",
    "reproduction",
    "reproduction.*",
)
"""The keys that no trial depends on; `*` is any name. Methods may be added, too."""

_UNSET = "nothing"


@dataclass(frozen=True)
class Change:
    """One key of the YAML, dotted, with its values before and now."""

    key: str
    was: Any
    now: Any
    allowed: bool

    def __str__(self) -> str:
        return f"{self.key}: was {self.was}, now {self.now}"


def recipe_of(config: StudyConfig, method: str) -> str:
    """A hash of what decides the numbers of a method's trials: what may not change, where it is not the default."""
    shared = config.model_dump(mode="json", exclude_defaults=True)
    own = shared.pop("methods")[method]
    leaves = _leaves({**shared, "methods": {method: own}})
    kept = {key: leaf for key, leaf in leaves.items() if not any(fnmatchcase(key, may) for may in MAY_CHANGE)}
    return blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=8).hexdigest()


def check_recipes(config: StudyConfig, manifests: Iterable[Manifest], where: str) -> None:
    """Raises StudyError where packs were made with another recipe than the configuration has; older ones do not say."""
    now = {method: recipe_of(config, method) for method in config.methods}
    known = ((m["pack"], m["recipe"], now[m["method"]]) for m in manifests if "recipe" in m and m["method"] in now)
    others = [pack for pack, was, is_now in known if was != is_now]
    if others:
        some = ", ".join(others[:3]) + ", ..." * (len(others) > 3)
        raise StudyError(
            f"{where}: {len(others)} packs ({some}) were made with other values than it has now; go on "
            "with the YAML that they were made with: `study resume DIR FILE`"
        )


class CannotChange(StudyError):
    """The trials of a study were made with another configuration."""

    def __init__(self, where: str, changes: list[Change]) -> None:
        lines = "".join(f"\n  {change}" for change in changes)
        super().__init__(
            f"{where}: its trials were made with other values, which cannot change:{lines}\n"
            f"Put the old values back to go on with it, or start another study with `study run FILE --output DIR`. "
            f"What may change: {', '.join(MAY_CHANGE)}, and methods may be added."
        )
        self.changes = changes


def changes(was: StudyConfig, now: StudyConfig) -> list[Change]:
    """Every key that differs, in the order of the YAML."""
    before, after = _leaves(was.model_dump(mode="json")), _leaves(now.model_dump(mode="json"))
    added = set(now.methods) - set(was.methods)
    return [
        Change(key, before.get(key, _UNSET), after.get(key, _UNSET), _allowed(key, added))
        for key in dict.fromkeys((*before, *after))
        if before.get(key, _UNSET) != after.get(key, _UNSET)
        and not (_has_keys_under(key, before) or _has_keys_under(key, after))
    ]


def check_changes(was: StudyConfig, now: StudyConfig, where: str) -> list[Change]:
    """The changes, all of them allowed.

    Raises:
        CannotChange: one is not; it names each of those with both values.
    """
    found = changes(was, now)
    forbidden = [change for change in found if not change.allowed]
    if forbidden:
        raise CannotChange(where, forbidden)
    return found


def _allowed(key: str, added_methods: set[str]) -> bool:
    method = key.split(".")[1] if key.startswith("methods.") else None
    return method in added_methods or any(fnmatchcase(key, pattern) for pattern in MAY_CHANGE)


def _leaves(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """By dotted key. An empty mapping is a leaf, so that a method without settings can be seen to come and go."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            found |= _leaves(inner, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = inner
    return found


def _has_keys_under(key: str, leaves: Mapping[str, Any]) -> bool:
    return any(other.startswith(f"{key}.") for other in leaves)
