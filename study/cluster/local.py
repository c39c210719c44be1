"""A cluster of several Ray nodes on this machine, on the loopback device, to try things on.

    python -m study.cluster.local --nodes 3 --cpus 1 -- study run digits --set trials=16

The command runs with RAY_ADDRESS and Ray's token set; it may be a shell. A line on standard input does something to the
cluster meanwhile: `add` starts a node, `kill` ends one as a power cut does, `nodes` counts them, `quit` ends all. Each
node has the CPUs and GPUs that it is said to have, whatever the machine has.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's own name for: all listens on 127.0.0.1, as it does by default where firewalls ask."""


class LocalCluster:
    """Ray nodes on this machine; the first is the head, which `kill` leaves alone.

    Args:
        nodes: how many at first.
        node: what each has, as `ray.cluster_utils.Cluster.add_node` takes it: num_cpus, num_gpus, resources, labels.
    """

    def __init__(self, nodes: int, **node: Any) -> None:
        self.variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        os.environ.update(LOOPBACK | self.variables)  # before Ray is imported
        from ray.cluster_utils import Cluster

        self._node = {"include_dashboard": False, "object_store_memory": 100 * 2**20} | node
        self._cluster = Cluster(initialize_head=True, head_node_args=self._node, shutdown_at_exit=False)
        self.address = str(self._cluster.address)
        self._more: list[Any] = []
        for _ in range(nodes - 1):
            self.add()

    def __len__(self) -> int:
        return 1 + len(self._more)

    def add(self) -> None:
        """One more node, the same as the others."""
        self._more.append(self._cluster.add_node(**self._node))

    def kill(self) -> bool:
        """End the oldest node beside the head with all its processes, at once; whether there was one."""
        if not self._more:
            return False
        self._cluster.remove_node(self._more.pop(0), allow_graceful=False)
        return True

    def close(self) -> None:
        """End all nodes."""
        self._cluster.shutdown()


@contextmanager
def _obeying(orders: dict[str, Callable[[], object]], lines: Iterator[str]) -> Iterator[None]:
    """Standard input is read beside whatever runs."""

    def obey() -> None:
        for line in lines:
            if (order := orders.get(line.strip())) is not None:
                order()

    threading.Thread(target=obey, name="orders", daemon=True).start()
    yield


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=float, default=1, help="of each node")
    parser.add_argument("--gpus", type=float, default=0, help="of each node; they need not be there")
    parser.add_argument("command", nargs="+", help="what to run on it, after --")
    arguments = parser.parse_args(given)
    cluster = LocalCluster(arguments.nodes, num_cpus=arguments.cpus, num_gpus=arguments.gpus)
    environment = os.environ | cluster.variables | {"RAY_ADDRESS": cluster.address}
    try:
        _say(f"{len(cluster)} nodes at {cluster.address}")
        with subprocess.Popen(arguments.command, env=environment, stdin=subprocess.DEVNULL) as child:

            def told(order: Callable[[], object]) -> Callable[[], None]:
                def follow() -> None:
                    order()
                    _say(f"{len(cluster)} nodes")

                return follow

            orders: dict[str, Callable[[], object]] = {
                "add": told(cluster.add),
                "kill": told(cluster.kill),
                "nodes": told(lambda: None),
                "quit": child.terminate,
            }
            with _obeying(orders, sys.stdin), contextlib.suppress(KeyboardInterrupt):
                child.wait()
        return child.returncode
    finally:
        cluster.close()


def _say(line: str) -> None:
    sys.stdout.write(f"cluster: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
