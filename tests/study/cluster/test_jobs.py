"""Studies as jobs of a real Ray head: submitted by a client that goes, stopped, resumed; its token asked for."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from study.api import status
from tests.study.cluster.conftest import Study, laptop
from tests.study.cluster.heads import PYTHON, Head

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

NETWORK = """
import torch

class Mine(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
"""

YAML = """
name: shipped
data: digits
model: {name: "mine:Mine"}
epochs: 3
polish: 1
batch_size: 539
trials: 4
methods: [group_lasso]
pack: {size: 2}
keep_models: none
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody with a network of their own."""
    folder = tmp_path_factory.mktemp("laptop")
    (folder / "mine.py").write_text(NETWORK)
    (folder / "shipped.yaml").write_text(YAML)
    return folder


def submitted(text: str) -> str:
    found = re.search(r"raysubmit_\w+", text)
    assert found is not None, text
    return found[0]


def test_a_study_goes_on_when_its_client_is_killed(head: Head, study: Study, place: Path, tmp_path: Path) -> None:
    runs, there = tmp_path / "runs" / "shipped", ("--address", head.server)
    options = ("--output", runs, *there, "--follow", "--set", "trials=6")
    client = subprocess.Popen(
        [PYTHON, "-m", "study", "submit", "shipped.yaml", *options],
        cwd=place,
        env=laptop(head),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    job = submitted(client.stdout.readline())
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    logs = study("logs", job, *there, "--follow")
    assert logs.returncode == 0 and "6 trials in" in logs.stdout, logs
    assert status(str(runs)).finished == 6
    assert "6 trials in" in study("logs", str(runs), *there).stdout, "found by its study directory, too"
    again = study("stop", str(runs), *there)
    assert again.returncode == 0 and f"{job} is SUCCEEDED" in again.stdout


def test_what_is_wrong_is_said_before_anything_is_submitted(head: Head, study: Study, place: Path) -> None:
    there = ("--address", head.server)
    refused = study("submit", "shipped.yaml", "--output", "/x", *there, cwd=place, RAY_AUTH_TOKEN="another")
    assert refused.returncode == 2 and "wants its cluster's token" in refused.stderr
    relative = study("submit", "shipped.yaml", "--output", "runs/here", *there, cwd=place)
    assert relative.returncode == 2 and "absolute path that all nodes of the cluster see" in relative.stderr
    nobody = study("logs", "raysubmit_none", *there)
    assert nobody.returncode == 2 and "raysubmit_none" in nobody.stderr
