"""A whole study on a real S3 server (moto), keys by the usual variables: suspended, killed, resumed, reported."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from study.directory.study_directory import StudyDirectory

STUDY = """
name: little
data: s3://studies/digits.npz
model: {name: mlp, widths: [8]}
epochs: 60
polish: 10
batch_size: 256
trials: 4
methods: [group_lasso]
pack: {size: 2}
resources: {workers: 1}
checkpoint: {epochs: 5, seconds: null}
"""

LOCATION = "s3://studies/runs/little"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Those of a machine that uses this server."""
    server_module, boto3 = pytest.importorskip("moto.server"), pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    named = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in named.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="studies")
        held = io.BytesIO()
        digits = load_digits()
        np.savez(held, x=(digits.data / 16).astype(np.float32), y=digits.target)
        client.put_object(Bucket="studies", Key="digits.npz", Body=held.getvalue())
        client.close()
        patch.setenv("STUDY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield os.environ | {"COLUMNS": "200"}
    server.stop()


@pytest.mark.ray
@pytest.mark.slow
def test_a_study_on_s3_from_its_start_to_its_report(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "little.yaml").write_text(STUDY)

    def study(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "study", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120)

    command = [sys.executable, "-m", "study", "run", "little.yaml", "--output", LOCATION]
    place = StudyDirectory(LOCATION)
    with subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.DEVNULL) as driver:
        until = time.monotonic() + 120
        while not (place.exists() and place.finished() and place.store.names("checkpoints", ".pt")):
            assert driver.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        driver.send_signal(signal.SIGSTOP)
        zombie = study("resume", LOCATION)
        assert zombie.returncode != 0 and "suspended" in zombie.stderr, zombie
        before = place.trials().to_pylist()
        driver.kill()
    resumed = study("resume", LOCATION)
    assert resumed.returncode == 0, resumed
    rows = place.trials().to_pylist()
    assert before and [row for row in rows if row["trial"] in {known["trial"] for known in before}] == before
    assert [row["status"] for row in rows] == ["COMPLETE"] * 4
    assert study("doctor", LOCATION).returncode == 0
    reported = study("report", LOCATION, "--output", "report.html")
    assert reported.returncode == 0 and "little" in (tmp_path / "report.html").read_text(), reported
    named = [place.store.get(name).decode() for name in place.store.names("logs", ".jsonl")]
    assert not any("secret" in text for text in [place.config_text(), resumed.stdout, *named])
