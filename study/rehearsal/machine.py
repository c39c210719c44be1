"""What there is to train on, held against what a study asks for."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from study.config import StudyConfig
from trainables.errors import StudyError

_PATIENCE = 3.0
"""Seconds in which a cluster's head has to answer."""


@dataclass(frozen=True)
class Machine:
    """Processors of a machine, or of the largest node of a cluster."""

    cpus: float
    gpus: float
    name: str = "this machine"

    @classmethod
    def here(cls) -> Machine:
        import torch

        return cls(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            torch.cuda.device_count(),
        )

    def refuse(self, config: StudyConfig) -> None:
        """
        Raises:
            StudyError: a worker asks for more than there is, and would wait for ever.
        """
        resources = config.resources
        for key in ("custom", "labels"):
            if asked := getattr(resources, key):
                here = "a Ray of our own has none: give resources.address of a cluster with such nodes"
                raise StudyError(f"resources.{key}: {', '.join(asked)}: {here}")
        for key, asked, there, what in (
            ("gpus_per_worker", resources.gpus_per_worker, self.gpus, "GPU"),
            ("cpus_per_worker", resources.cpus_per_worker, self.cpus, "CPU"),
        ):
            if asked > there:
                most = f"{there:g}, the {what}s of {self.name}" if there else f"0, {self.name} has no {what}"
                raise StudyError(f"resources.{key}: expected at most {most}, but got {asked:g}")

    def workers(self, config: StudyConfig) -> int:
        """Packs that train at once."""
        resources = config.resources
        needs = ((self.cpus, resources.cpus_per_worker), (self.gpus, resources.gpus_per_worker))
        most = max(1, min(int(there // need) for there, need in needs if need))
        return most if resources.workers == "auto" else min(most, resources.workers)


def check_machine(config: StudyConfig) -> Machine | None:
    """The machine, where a Ray of our own is started on it; None for a cluster, which is asked once it is reached.

    Raises:
        StudyError: a worker asks for more than this machine has, or the address is one of Ray's client.
        ConnectionError: nothing answers at the address of the cluster.
    """
    address = config.resources.address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        machine = Machine.here()
        machine.refuse(config)
        return machine
    if address == "auto":
        address = _found_by_ray()
    if address.startswith("ray://"):
        raise StudyError(
            "resources.address: expected auto, or HOST:PORT of the head from one of its nodes, but got a Ray client's: "
            "a driver out here would end with this machine; `study submit --address http://HEAD:8265` starts it there"
        )
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise ConnectionError(f"resources.address: nothing answers at {address} ({error})") from None
    return None


def _found_by_ray() -> str:
    """What `auto` means to Ray: RAY_ADDRESS, the cluster in its temporary folder, a head that runs here."""
    from ray._private.services import get_ray_address_from_environment

    try:
        return str(get_ray_address_from_environment("auto", None))
    except ConnectionError:
        message = "resources.address: auto, but no Ray cluster runs here (`ray start --head`)"
        raise ConnectionError(message) from None
