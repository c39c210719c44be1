"""A Ray that a study starts for itself, on this machine: small, soon there, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray._private import node, ray_constants, utils, worker


class _Node(node.Node):  # type: ignore[misc]  # Ray is untyped
    """Without the processes that nobody asks for anything: each imports Ray, and ray.init waits for the server. Not
    needed are the autoscaler where nodes do not come and go, what copies workers' output to a driver that does not
    want it, and the dashboard's server without a dashboard. Gauges are exported by another one, the node's agent.

    Attributes:
        meanwhile: called when the processes have been started, instead of only waiting for them.
    """

    meanwhile: Callable[[], object]

    def start_monitor(self) -> None:
        """No autoscaler."""

    def start_log_monitor(self) -> None:
        """No copies of the logs."""

    def start_api_server(self, **asked: Any) -> None:
        """No server."""

    def start_ray_processes(self) -> None:
        super().start_ray_processes()
        type(self).meanwhile()


def is_own() -> bool:
    """Whether the Ray that this process is connected to was started by `small_and_private`."""
    return isinstance(worker._global_node, _Node)


@contextmanager
def small_and_private(meanwhile: Callable[[], object]) -> Iterator[None]:
    """A Ray that is started in here has few processes, and listens on 127.0.0.1 alone, as it does by default where
    firewalls ask.

    Ray reads its own switch for that, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER, when it is imported. That others on this
    machine cannot use it either is its token's doing, which such a Ray has by default. Signals stay with whom they are:
    the processes of a driver that is gone end by themselves.

    Args:
        meanwhile: called while its processes start.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER, node.Node, utils.set_sigterm_handler
    own = type("Node", (_Node,), {"meanwhile": staticmethod(meanwhile)})
    ray_constants.ENABLE_RAY_CLUSTER, node.Node, utils.set_sigterm_handler = False, own, lambda handler: None
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER, node.Node, utils.set_sigterm_handler = before
