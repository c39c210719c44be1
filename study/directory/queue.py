"""Configurations that were asked for while a study is there: `queue/TIME-NUMBER.json`, tried before the sampler's own.

A trial that came from here says so in its manifest, so that a study that is resumed tries each once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any, TypedDict

from study.directory.encoding import Damaged, decode_mapping, encode_mapping
from study.directory.layout import QUEUE
from study.directory.store import Store


class Queued(TypedDict):
    """``parameters``: those given; the sampler chooses the others."""

    name: str
    method: str
    parameters: dict[str, Any]


def enqueue(store: Store, method: str, parameters: Mapping[str, Any]) -> str:
    """Put a configuration at the end of a method's queue; returns its name.

    Raises:
        OSError: the directory cannot be written.
    """
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    store.put(f"{QUEUE}/{name}.json", encode_mapping({"method": method, "parameters": dict(parameters)}))
    return name


def queued(store: Store, used: Collection[str] = ()) -> list[Queued]:
    """What waits, the oldest first, without those ``used``.

    Raises:
        Damaged: a file is torn.
    """
    found: list[Queued] = []
    for path in store.names(QUEUE, ".json"):
        name = path.rpartition("/")[2].removesuffix(".json")
        if name in used:
            continue
        try:
            entry = decode_mapping(store.get(path))
            found.append({"name": name, "method": str(entry["method"]), "parameters": dict(entry["parameters"])})
        except Damaged as error:
            raise type(error)(f"{store.place(path)} is damaged: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{store.place(path)} is damaged: {error}") from error
    return found
