"""The nodes that packs train on: which of them fail packs that others train, and are set aside for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from study.config import ResourceSettings

ASIDE_AFTER = 3
"""Faults in a row, without a pack advancing there in between, after which a node is taken for broken."""

ASIDE_SECONDS = 1800.0
"""How long a broken node gets nothing to do; after that one more fault sets it aside again."""


_OF_A_KIND = 0.001
"""Of Ray's resource that stands for a kind of accelerator: every node has 1, so small parts never run out."""


def needs(resources: ResourceSettings) -> dict[str, float]:
    """What a worker occupies, in Ray's words."""
    kind = {f"accelerator_type:{resources.accelerator}": _OF_A_KIND} if resources.accelerator else {}
    return {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker, **kind, **resources.custom}


def able(resources: ResourceSettings) -> dict[str, str]:
    """Ray's nodes that are there and are large enough for a worker: their names by their ids."""
    return {node["NodeID"]: node["NodeManagerHostname"] for node in _nodes(resources) if _fit(node, resources)}


def room(resources: ResourceSettings) -> int:
    """How many workers fit on all nodes that are there."""
    return sum(_fit(node, resources) for node in _nodes(resources))


def _nodes(resources: ResourceSettings) -> list[dict[str, Any]]:
    """Those that are there and have the labels that are asked for."""
    return [
        node
        for node in ray.nodes()
        if node["Alive"]
        and all(_matches(node.get("Labels", {}).get(name, ""), asked) for name, asked in resources.labels.items())
    ]


def _fit(node: Mapping[str, Any], resources: ResourceSettings) -> int:
    """Workers that a node has room for, while nobody else is there."""
    there = node["Resources"]
    return min(int(there.get(name, 0) / need + 1e-9) for name, need in needs(resources).items() if need)


def _matches(label: str, asked: str) -> bool:
    """Whether a node's label is what is asked for, as Ray reads it: a, !a, in(a,b), !in(a,b)."""
    wanted = asked.removeprefix("!")
    names = wanted[3:-1].split(",") if wanted.startswith("in(") and wanted.endswith(")") else [wanted]
    return (label in [name.strip() for name in names]) != asked.startswith("!")


@dataclass
class _Record:
    faults: int = 0
    """In a row."""
    good: bool = False
    """Whether a pack has advanced there."""
    aside_until: float = -math.inf


class Nodes:
    """What is known about the nodes.

    Args:
        alive: the names by the ids of the nodes that are there now.
        clock: seconds from anywhere.
    """

    def __init__(self, alive: Callable[[], Mapping[str, str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._alive, self._clock = alive, clock
        self._records: dict[str, _Record] = {}

    def advanced(self, node: str) -> None:
        """A pack has advanced there: the node has all it needs."""
        record = self._record(node)
        record.faults, record.good, record.aside_until = 0, True, -math.inf

    def failed(self, node: str) -> bool:
        """A pack could not go on there; whether the node is set aside for that, because others do better."""
        record = self._record(node)
        record.faults += 1
        if record.faults < ASIDE_AFTER or not any(self._record(other).faults == 0 for other in self.others([node])):
            return False
        record.aside_until = self._clock() + ASIDE_SECONDS
        return True

    def good(self, node: str) -> bool:
        """Whether a pack has advanced there."""
        return self._record(node).good

    def broken(self) -> list[str]:
        """Those that are set aside now."""
        now = self._clock()
        aside = {node for node, record in self._records.items() if record.aside_until > now}
        return sorted(aside.intersection(self._alive())) if aside else []  # to ask the cluster takes a while

    def others(self, tried: Collection[str]) -> list[str]:
        """Those that are there, are not set aside and are none of these."""
        broken = self.broken()
        return sorted(node for node in self._alive() if node not in broken and node not in tried)

    def all_fail(self) -> bool:
        """Whether no node is left that has not failed the last pack it was given."""
        usable = self.others(())
        return all(self._record(node).faults for node in usable)

    def name(self, node: str) -> str:
        """As people call it: the host's name, with the beginning of the id where hosts share it."""
        names = dict(self._alive())
        host = names.get(node, "")
        shared = list(names.values()).count(host) != 1
        return f"{host} ({node[:8]})" if host and shared else host or node[:8] or "an unknown node"

    def _record(self, node: str) -> _Record:
        return self._records.setdefault(node, _Record())
