"""A small data set goes with the study: once into Ray's object store, and from there to nodes that do not see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import ray
from ray.exceptions import RayError

from study.config import StudyConfig
from study.running.faults import Fault, explained
from study.running.session import Session
from trainables.errors import StudyError

if TYPE_CHECKING:
    from trainables.data import Files

LARGEST = 100_000_000
"""Bytes of a data set that is sent; a larger one belongs where all nodes see it, or into an object store."""


@dataclass(frozen=True)
class SentData:
    """The study's data set as the driver has it.

    Attributes:
        name: what the study calls it.
        version: of its content.
        files: in the object store.
    """

    name: str
    version: str
    files: ray.ObjectRef

    def receive(self) -> None:
        """In a worker: make sure that it trains on this, where its node sees nothing by that name or something else.

        Raises:
            Fault: it could not be had, or there is no room for it.
        """
        from trainables.data import content_hash, receive

        try:
            if content_hash(self.name) == self.version:
                return
        except (StudyError, OSError):
            pass
        try:
            receive(self.name, self.version, lambda: cast("Files", ray.get(self.files)))
        except (RayError, OSError) as error:
            raise Fault("place", explained(error)) from error


def send_data(config: StudyConfig, connected: Session) -> SentData | None:
    """The data set for the nodes of a cluster; None where all is on one machine, or the data are not to be sent.

    Raises:
        StudyError: the driver does not see the data.
    """
    from trainables.data import content_hash, to_be_sent

    files = to_be_sent(config.data.name, LARGEST) if connected.elsewhere() else None
    return None if files is None else SentData(config.data.name, content_hash(config.data.name), ray.put(files))
