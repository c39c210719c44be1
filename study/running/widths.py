"""What `pack.size: auto` comes to where packs train on GPUs: measured on a node of each kind, before the start."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.config import StudyConfig
from study.rehearsal import best_width
from study.running.nodes import needs
from study.running.sending import SentData
from trainables.own_code import trust, trusted

_PATIENCE = 300.0
"""Seconds in which all kinds have to answer; nodes may be busy with another study."""


def ask_widths(config: StudyConfig, nodes: Collection[str], sent: SentData | None) -> dict[str, int]:
    """Trials that train together at a node's best, by the id of one node of each kind that answered.

    Args:
        nodes: Ray's ids of the nodes that packs may train on. Hosts may have several, so that names are no keys.
        sent: the data, for those that do not see them.
    """
    ask = ray.remote(max_retries=0)(_width)
    asked = {
        node: ask.options(
            **_reserved(config), scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote(config, sent, trusted())
        for node in one_of_each_kind(nodes, ray.nodes())
    }
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=_PATIENCE)
    found = {}
    for node, answer in asked.items():
        try:
            found[node] = int(ray.get(answer, timeout=0))
        except (GetTimeoutError, RayError):  # busy, gone, or it cannot train: its first pack says why
            ray.cancel(answer, force=True)
    return found


def one_of_each_kind(nodes: Collection[str], known: Iterable[Mapping[str, Any]]) -> list[str]:
    """The first node of each kind, by Ray's ids. Kinds are those of the accelerators.

    Args:
        nodes: to choose among.
        known: all nodes, as Ray describes them.
    """
    kinds: dict[tuple[str, ...], str] = {}
    for node in known:
        if node["NodeID"] in nodes:
            kind = tuple(sorted(name for name in node["Resources"] if name.startswith("accelerator_type:")))
            kinds.setdefault(kind, node["NodeID"])
    return list(kinds.values())


def _reserved(config: StudyConfig) -> dict[str, Any]:
    """What a worker occupies, as a task asks for it."""
    asked = needs(config.resources)
    return {"num_cpus": asked.pop("CPU"), "num_gpus": asked.pop("GPU"), "resources": asked}


def _width(config: StudyConfig, sent: SentData | None, modules: Sequence[str]) -> int:
    """On the node."""
    from trainables.process import settle_process

    settle_process()
    trust(*modules)
    if sent is not None:
        sent.receive()
    return best_width(config)
