"""A Ray that does not start ends a study with a message, and the study goes on when there is one."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import study

STUDY = """
name: little
data: digits
model: {name: mlp, widths: [8]}
epochs: 1
polish: 0
trials: 1
methods: [dense]
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_ray_that_does_not_start_is_said_in_one_message(tmp_path: Path) -> None:
    file, folder = tmp_path / "little.yaml", tmp_path / "out"
    file.write_text(STUDY)
    command = [sys.executable, "-m", "study", "run", str(file), "--output", str(folder)]
    (nowhere := tmp_path / "a file").touch()
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    found = subprocess.run(
        command, env=environment | {"RAY_TMPDIR": str(nowhere / "below")}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert "Ray did not start" in found.stderr and "Not a directory" in found.stderr
    assert f"study resume {folder}" in found.stderr and "Traceback" not in found.stderr
    resumed = subprocess.run(
        [sys.executable, "-m", "study", "resume", str(folder)], env=environment, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.ray
def test_a_study_leaves_tune_as_it_was_for_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNE_DISABLE_SIGINT_HANDLER", "0")

    def settings() -> tuple[dict[str, str], int]:
        own = {name: value for name, value in os.environ.items() if name.startswith(("TUNE_", "RAY_AIR_"))}
        return own, logging.getLogger("ray.tune").level

    before = settings()
    study.run(yaml.safe_load(STUDY), tmp_path / "out")
    assert settings() == before


_NEEDLESS = ("monitor.py", "dashboard/dashboard.py")
"""The autoscaler, what copies the logs, the dashboard's server: each imports Ray before training starts."""

_OUR_OWN = """
import json
import ray
import psutil  # which Ray brings along
from study.config import ResourceSettings
from study.running.session import session

def worker():
    import sys
    ready = "study.running.worker" in sys.modules
    import torch
    from trainables.process import settle_process
    settle_process()
    return ready, torch.get_num_threads()

with session(ResourceSettings()):
    ready, threads = ray.get(ray.remote(worker).options(num_cpus=1).remote())
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [socket for process in processes for socket in process.net_connections()]
    commands = [" ".join(process.cmdline()) for process in processes]
print(json.dumps([[socket.laddr.ip for socket in sockets if socket.status == "LISTEN"], commands, ready, threads]))
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_ray_of_our_own_is_small_and_listens_on_the_loopback_device_alone() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "OMP_"))}
    run = subprocess.run(
        [sys.executable, "-c", _OUR_OWN], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    listening, commands, ready, threads = json.loads(run.stdout.splitlines()[-1])
    assert len(listening) > 2 and {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
    started = {name for name in ("raylet", "dashboard/agent.py", *_NEEDLESS) if any(name in one for one in commands)}
    assert started == {"raylet", "dashboard/agent.py"}, "the agent exports the gauges"
    assert ready, "its workers import what they need before they are asked for anything"
    assert threads == 1, "and compute with the cores that they were given, though torch was there before"


_AHEAD = """
import json
import signal
import sys
import ray
import psutil  # which Ray brings along
from study.config import ResourceSettings
from study.running.session import ray_ahead, session

def refuse():
    started.extend(psutil.Process().children())
    raise RuntimeError("the network does not fit")

started, mine = [], lambda number, frame: None
signal.signal(signal.SIGTERM, mine)
try:
    with ray_ahead(ResourceSettings(), meanwhile=refuse):
        sys.exit("went on")
except RuntimeError as error:
    said = str(error)
left = len(psutil.wait_procs(started, timeout=10)[1])
calls = []
with ray_ahead(ResourceSettings(), meanwhile=lambda: calls.append(ray.is_initialized())):
    kept = signal.getsignal(signal.SIGTERM) is mine
    before = ray.get_runtime_context().gcs_address
    with session(ResourceSettings()) as own:
        same = ray.get_runtime_context().gcs_address == before
    over = not ray.is_initialized()
with ray_ahead(ResourceSettings(), meanwhile=lambda: None):
    pass
print(json.dumps([said, len(started) > 1, left, calls, kept, own.ours, same, over, ray.is_initialized()]))
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_ray_that_starts_ahead_is_the_next_sessions_and_ends_with_what_is_refused() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    run = subprocess.run([sys.executable, "-c", _AHEAD], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said, started, left, calls, kept, ours, same, over, running = json.loads(run.stdout.splitlines()[-1])
    assert said == "the network does not fit" and started and left == 0
    assert calls == [False], "called once, while Ray starts"
    assert kept, "signals are as the caller had them"
    assert ours and same and over and not running
