"""Studies as jobs of a real Ray head: submitted by a client that goes, stopped, resumed; its token asked for."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

import tests.study.gated as gated_network
from study.api import status
from tests.study.cluster.conftest import Study, laptop
from tests.study.cluster.heads import PYTHON, Head

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

STUDY = {
    "name": "shipped",
    "data": "digits",
    "epochs": 400,
    "polish": 10,
    "batch_size": 539,
    "trials": 4,
    "methods": ["group_lasso"],
    "pack": {"size": 2},
    "checkpoint": {"epochs": 5, "seconds": None},
    "keep_models": "none",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody with a network of their own."""
    folder = tmp_path_factory.mktemp("laptop")
    shutil.copy(gated_network.__file__, folder / "mine.py")
    model = gated_network.gated(folder / "gate", free=20) | {"name": "mine:Gated"}
    (folder / "shipped.yaml").write_text(yaml.safe_dump(STUDY | {"model": model}))
    return folder


def submitted(text: str) -> str:
    found = re.search(r"raysubmit_\w+", text)
    assert found is not None, text
    return found[0]


def test_a_job_outlives_its_client_and_is_stopped_and_resumed(
    head: Head, study: Study, place: Path, tmp_path: Path
) -> None:
    """Without the gate it naps for minutes in its first packs."""
    runs, there = tmp_path / "runs" / "shipped", ("--address", head.server)
    client = subprocess.Popen(
        [PYTHON, "-m", "study", "submit", "shipped.yaml", "--output", runs, *there, "--follow"],
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
    until = time.monotonic() + 240
    while not list(runs.glob("checkpoints/*.pt")):
        assert time.monotonic() < until, study("logs", job, *there).stdout
        time.sleep(0.1)
    exported = head.exported("ray_study_trials", 240)
    assert 'study="shipped"' in exported and 'state="training"' in exported
    stopped = study("stop", job, *there)
    assert stopped.returncode == 0 and f"{job} STOPPED" in stopped.stdout, stopped
    assert status(str(runs)).finished == 0
    (place / "gate").touch()
    resumed = study("resume", job, *there, "--working-dir", str(place), "--follow")
    assert resumed.returncode == 0 and "4 trials in" in resumed.stdout, resumed
    assert status(str(runs)).finished == 4 and submitted(resumed.stdout) != job
    assert "4 trials in" in study("logs", str(runs), *there).stdout, "found by its study directory, too"
    again = study("stop", str(runs), *there)
    assert again.returncode == 0 and f"{submitted(resumed.stdout)} is SUCCEEDED" in again.stdout


def test_what_is_wrong_is_said_before_anything_is_submitted(head: Head, study: Study, place: Path) -> None:
    there = ("--address", head.server)
    refused = study("submit", "shipped.yaml", "--output", "/x", *there, cwd=place, RAY_AUTH_TOKEN="another")
    assert refused.returncode == 2 and "wants its cluster's token" in refused.stderr
    relative = study("submit", "shipped.yaml", "--output", "runs/here", *there, cwd=place)
    assert relative.returncode == 2 and "absolute path that all nodes of the cluster see" in relative.stderr
    nobody = study("logs", "raysubmit_none", *there)
    assert nobody.returncode == 2 and "raysubmit_none" in nobody.stderr
