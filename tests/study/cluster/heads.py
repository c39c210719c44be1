"""A Ray head with its job server on the loopback device, in an environment that has `study[cluster]`."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.processes import descendants, kill

REPOSITORY = Path(__file__).parents[3]
PYTHON = Path(sys.prefix) / "cluster" / "bin" / "python"
"""Of an environment that adds the extra `cluster` to this one (Makefile): with it in this one, every Ray of the tests
would start a dashboard's processes."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Head:
    """`ray start --head` and nodes beside it, all on the loopback device, with a token."""

    def __init__(self, *options: str, python: Path = PYTHON, dashboard: bool = True) -> None:
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: sockets have short names
        self.python, self.token = python, secrets.token_hex(16)
        self.port, self.dashboard, self.metrics = free_port(), free_port(), free_port()
        self.address, self.server = f"127.0.0.1:{self.port}", f"http://127.0.0.1:{self.dashboard}"
        self.environment = {
            **os.environ,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's own name for: on the loopback device
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self.environment.pop("RAY_ADDRESS", None)
        self.nodes: list[subprocess.Popen[bytes]] = []
        ports = ["--port", str(self.port), "--metrics-export-port", str(self.metrics)]
        shown = ["--dashboard-host", "127.0.0.1", "--dashboard-port", str(self.dashboard)]
        self.start("--head", *ports, *(shown if dashboard else ["--include-dashboard", "false"]), *options)
        try:
            self._until_it_answers(self.port)
            if dashboard:
                self._until_it_answers(self.dashboard)
        except BaseException:
            self.stop()
            raise

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """A node."""
        command = [self.python, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *options]
        with (Path(self.folder) / f"node-{len(self.nodes)}").open("wb") as log:
            node = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)
        self.nodes.append(node)
        return node

    def join(self, *options: str) -> subprocess.Popen[bytes]:
        """Another node of this cluster."""
        return self.start("--address", self.address, *options)

    def exported(self, name: str, seconds: float) -> str:
        """What Prometheus reads from the head, as soon as it has a metric of this name."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
                if name in (text := answer.read().decode()):
                    return str(text)
            time.sleep(0.5)
        raise TimeoutError(f"no {name} within {seconds} s")

    def stop(self) -> None:
        for node in reversed(self.nodes):
            switch_off(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _until_it_answers(self, port: int) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.nodes[0].poll() is None, (Path(self.folder) / "node-0").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError((Path(self.folder) / "node-0").read_text())


def switch_off(node: subprocess.Popen[bytes]) -> None:
    """A node with all its processes, as a machine that loses power."""
    for pid in [*descendants(node.pid), node.pid]:
        kill(pid)
    node.wait()
