"""What `pack.size: auto` comes to where packs train on GPUs: measured on a node of each kind, before the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def ask_widths(config: StudyConfig, nodes: Mapping[str, str], sent: SentData | None) -> dict[str, int]:
    """Trials that train together at a node's best, by the name of one node of each kind that answered.

    Args:
        nodes: names by Ray's ids of the nodes that packs may train on.
        sent: the data, for those that do not see them.
    """
    ask = ray.remote(max_retries=0)(_width)
    asked = {
        name: ask.options(
            **_reserved(config), scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote(config, sent, trusted())
        for node, name in _one_of_each_kind(nodes).items()
    }
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=_PATIENCE)
    found = {}
    for name, answer in asked.items():
        try:
            found[name] = int(ray.get(answer, timeout=0))
        except (GetTimeoutError, RayError):  # busy, gone, or it cannot train: its first pack says why
            ray.cancel(answer, force=True)
    return found


def _one_of_each_kind(nodes: Mapping[str, str]) -> dict[str, str]:
    """Kinds are those of the accelerators."""
    kinds: dict[tuple[str, ...], tuple[str, str]] = {}
    for node in ray.nodes():
        if node["NodeID"] in nodes:
            kind = tuple(sorted(name for name in node["Resources"] if name.startswith("accelerator_type:")))
            kinds.setdefault(kind, (node["NodeID"], nodes[node["NodeID"]]))
    return dict(kinds.values())


def _reserved(config: StudyConfig) -> dict[str, Any]:
    """What a worker occupies, as a task asks for it."""
    asked = needs(config.resources)
    return {"num_cpus": asked.pop("CPU"), "num_gpus": asked.pop("GPU"), "resources": asked}


def _width(config: StudyConfig, sent: SentData | None, modules: Sequence[str]) -> int:
    """On the node."""
    from trainables.trainable import settle_process

    settle_process()
    trust(*modules)
    if sent is not None:
        sent.receive()
    return best_width(config)
