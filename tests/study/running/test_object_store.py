"""A whole study on a real S3 server (moto), keys by the usual variables: killed, suspended, taken over, reported."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import yaml
from pyarrow import fs
from sklearn.datasets import load_digits

import analysis
import study
from study.directory.lock import Locked, WatchingWarning
from study.directory.study_directory import StudyDirectory
from study.doctor.repair import examine, fix
from tests.study.gated import gated

LOCATION = "s3://studies/zombie/runs/little"
DATA = "s3://studies/zombie/digits.npz"


def config(gate: Path) -> dict[str, object]:
    """Of three packs of 80 steps. A worker takes 105 quick ones: it ends the first pack that it is given, which goes on
    from its 25th step at the latest, and naps for minutes before the end of the next."""
    return {
        "name": "little",
        "data": DATA,
        "model": gated(gate, free=105, nap=5.0),
        "epochs": 40,
        "polish": 10,
        "batch_size": 539,
        "trials": 6,
        "methods": ["group_lasso"],
        "pack": {"size": 2, "vectorize": "on"},
        "resources": {"workers": 1},
        "checkpoint": {"epochs": 5, "seconds": None},
    }


@pytest.fixture
def store(bucket: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyDirectory:
    """The server by the variables of a machine that uses it; the data are there."""
    (endpoint,) = parse_qs(urlsplit(bucket("")).query)["endpoint_override"]
    named = {
        "AWS_ENDPOINT_URL": f"http://{endpoint}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "STUDY_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "200",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    digits, held = load_digits(), io.BytesIO()
    np.savez(held, x=(digits.data / 16).astype(np.float32), y=digits.target)
    there, path = fs.FileSystem.from_uri(DATA)
    with there.open_output_stream(path) as stream:
        stream.write(held.getvalue())
    return StudyDirectory(LOCATION)


@contextmanager
def driver(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "study", *arguments]
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], happened: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_outlives_a_killed_and_a_suspended_driver(
    store: StudyDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    (tmp_path / "little.yaml").write_text(yaml.safe_dump(config(gate)))

    def under_way(finished: int) -> bool:
        """So many packs are finished, and there is a checkpoint of the next."""
        return len(store.finished()) == finished and bool(store.store.names("checkpoints", ".pt"))

    with driver("run", "little.yaml", "--output", LOCATION, cwd=tmp_path) as killed:
        until(killed, lambda: store.exists() and under_way(1))
    first = store.trials().to_pylist()

    with driver("resume", LOCATION, "--module", "tests.study.gated", cwd=tmp_path) as zombie:
        until(zombie, lambda: under_way(2))
        zombie.send_signal(signal.SIGSTOP)
        with pytest.raises(Locked, match="suspended"):
            study.resume(LOCATION, progress=False)
        # From here on it is seen as from another machine: by its heart alone, which is silent.
        monkeypatch.setattr("study.directory.process._space", lambda: "another machine's")
        monkeypatch.setattr("study.directory.lock.STALE_SECONDS", 1.0)
        gate.touch()
        with pytest.warns(WatchingWarning, match="taken over"):
            result = study.resume(LOCATION, progress=False)
        assert result.complete and result.finished == 6
        rows = store.trials().to_pylist()
        gate.unlink()
        zombie.send_signal(signal.SIGCONT)
        assert zombie.wait(120) == 1
        assert zombie.stderr is not None and "another driver has taken over" in zombie.stderr.read()

    assert store.trials().to_pylist() == rows and rows[:2] == first
    assert [row["status"] for row in rows] == ["COMPLETE"] * 6
    fix(store)  # what the zombie's worker may have written before it knew
    assert [str(finding) for finding in examine(store)] == [] and store.trials().to_pylist() == rows
    page = analysis.page(analysis.load(LOCATION))
    assert "little" in page and "group_lasso-00005" in page
    texts = [store.store.get(name) for name in ["study.yaml", *store.store.names("logs", ".jsonl")]]
    assert not any(b"secret" in text for text in texts)
