"""Three Ray nodes on this machine, by the script of `study up`: in the middle of a study one dies, another comes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from study.directory.log import events
from study.directory.study_directory import StudyDirectory
from tests.study.cluster.heads import REPOSITORY
from tests.study.gated import gated

STUDY = {
    "name": "elastic",
    "data": "digits",
    "epochs": 200,
    "polish": 10,
    "batch_size": 128,
    "trials": 6,
    "methods": ["group_lasso"],
    "pack": {"size": 1},
    "checkpoint": {"epochs": 10, "seconds": None},
    "keep_models": "none",
}


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_follows_its_cluster_as_a_node_dies_and_another_comes(tmp_path: Path) -> None:
    """No pack comes to its end before both have happened."""
    file, folder, script = tmp_path / "elastic.yaml", tmp_path / "out", tmp_path / "local.sh"
    gate = tmp_path / "gate"
    file.write_text(yaml.safe_dump(STUDY | {"model": gated(gate)}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"PYTHONPATH": str(REPOSITORY), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    up = ["up", "--provider", "local", "--nodes", "3", "--study", str(file), "--output", str(folder)]
    command = [sys.executable, "-m", "study", *up, "--to", str(script)]
    subprocess.run(command, env=environment, cwd=REPOSITORY, check=True)
    place = StudyDirectory(folder)

    def until(what: str) -> None:
        end = time.monotonic() + 180
        while not any(what in f"{event['kind']} {event['message']}" for event in happened()):
            assert run.poll() is None and time.monotonic() < end, (what, happened(), output.read_text())
            time.sleep(0.2)

    def happened() -> list[dict[str, object]]:
        return [dict(event) for event in events(place.store)] if folder.exists() else []

    def order(word: str) -> None:
        assert run.stdin is not None
        run.stdin.write(f"{word}\n".encode())
        run.stdin.flush()

    output = tmp_path / "output"
    with (
        output.open("wb") as written,
        subprocess.Popen(
            ["bash", script],
            env=environment,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as run,
    ):
        try:
            until("started")
            while not list(folder.glob("checkpoints/*.pt")):
                assert run.poll() is None, output.read_text()
                time.sleep(0.1)
            order("kill")
            until("resized 2 packs at once, 3 before")
            order("add")
            until("resized 3 packs at once, 2 before")
            assert not place.finished()
            gate.touch()
            assert run.wait(400) == 0, output.read_text()
        finally:
            if run.poll() is None:
                order("quit")
    rows = place.trials().to_pylist()
    assert sorted(row["trial"] for row in rows) == [f"group_lasso-{number:05d}" for number in range(6)]
    assert {row["status"] for row in rows} == {"COMPLETE"}
