"""What the nodes of a cluster see: the study directory and the data, asked of a worker on each before any trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.config import StudyConfig
from study.directory import StudyDirectory
from study.running.sending import LARGEST
from trainables.errors import StudyError

_PATIENCE = 60.0
"""Seconds that nodes get to answer in; one that is busy is not blind."""


def look(config: StudyConfig, directory: StudyDirectory, nodes: Mapping[str, str], sent: bool = False) -> list[str]:
    """A line for each node that cannot see what its packs will need.

    Args:
        nodes: names by Ray's ids of the nodes that packs may train on.
        sent: the data are sent to those that do not see them.

    Raises:
        StudyError: none of them sees it all.
    """
    if len(nodes) < 2:
        return []  # the driver's own, or one on which the first pack says the same as quickly
    ask = ray.remote(num_cpus=0, max_retries=0)(missing)
    answers = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            directory.location, None if sent else config.data.name
        ): f"{name} ({node[:8]})"
        for node, name in nodes.items()
    }
    answered, waiting = ray.wait(list(answers), num_returns=len(answers), timeout=_PATIENCE)
    found = {answers[answer]: said for answer in answered if (said := _said(answer)) is not None}
    blind = [f"{node} cannot see {what}" for node, lacking in found.items() for what in lacking]
    if blind and not waiting and all(found.values()):
        raise StudyError(
            f"{'; '.join(blind)}: expected the study directory and the data where all nodes see them; only data of up "
            f"to {LARGEST / 1e6:.0f} MB are sent to nodes"
        )
    return blind


def _said(answer: ray.ObjectRef) -> list[str] | None:
    """What a node lacks; None where it is gone meanwhile."""
    try:
        return cast(list[str], ray.get(answer))
    except RayError:
        return None


def missing(location: str, data: str | None) -> list[str]:
    """What of the study directory and the data set, if it needs that, this process cannot see."""
    from trainables.data import locate

    found = []
    try:
        if not StudyDirectory(location).exists():
            found.append(f"the study directory {StudyDirectory(location).path()}")
    except OSError as error:
        found.append(f"the study directory ({error})")
    try:
        if data is not None:
            locate(data)
    except StudyError as error:
        found.append(f"the data ({error})")
    return found
