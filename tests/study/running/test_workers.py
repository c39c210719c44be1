"""What became of workers that Ray cannot reach any more: gone with their node, or on their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import ray
from ray.cluster_utils import Cluster
from ray.exceptions import ActorUnavailableError

from study.running.workers import _left_with_its_node


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    made.add_node(num_cpus=0, include_dashboard=False)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_cannot_be_reached_was_lost_with_its_node_or_on_its_own(cluster: Cluster) -> None:
    @ray.remote(num_cpus=1)
    class Worker:
        def process(self) -> int:
            return os.getpid()

    def unavailable() -> ActorUnavailableError:
        """As Ray raises it where a connection breaks before the head knows why."""
        return ActorUnavailableError("Socket closed", worker._actor_id.binary())

    node = cluster.add_node(num_cpus=1)
    worker = Worker.remote()  # type: ignore[attr-defined]
    os.kill(ray.get(worker.process.remote()), signal.SIGKILL)
    assert not _left_with_its_node(unavailable())
    worker = Worker.remote()  # type: ignore[attr-defined]
    ray.get(worker.process.remote())
    cluster.remove_node(node, allow_graceful=False)
    assert _left_with_its_node(unavailable())
