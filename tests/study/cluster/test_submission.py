"""What a job is given, and what is refused before there is one; without a cluster."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from study.cluster.jobs import Jobs
from study.cluster.submission import Shipment, check_data, resuming, running
from tests.study.conftest import configuration
from trainables.errors import StudyError


def test_the_command_names_the_file_as_the_job_finds_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my study.yaml").touch()
    command = running(str(tmp_path / "sub" / "my study.yaml"), "s3://runs/a", ["trials=4"], tmp_path)
    assert command == "python -m study run 'sub/my study.yaml' --output s3://runs/a --set trials=4"
    assert running("digits", "/nfs/a", [], None) == "python -m study run digits --output /nfs/a"
    assert resuming("gs://runs/a", []) == "python -m study resume gs://runs/a"


def test_what_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.txt").touch()
    monkeypatch.setenv("SECRET", "known")
    found = Shipment(tmp_path, tmp_path / "requirements.txt", ["A=1=2", "SECRET"]).environment()
    assert found["env_vars"] == {"A": "1=2", "SECRET": "known"}
    assert found["working_dir"] == str(tmp_path) and found["pip"] == str(tmp_path / "requirements.txt")
    assert Shipment().environment() == {"env_vars": {}}


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda at: running(str(at / "a.yaml"), "/nfs/a", [], at / "elsewhere"), "in the working directory of the job"),
        (lambda at: running("digits", "runs/a", [], None), "absolute path that all nodes"),
        (lambda at: resuming("s3://key:secret@bucket/a", []), "a URI without keys"),
        (lambda at: resuming("s3://token@bucket/a", []), "a URI without keys"),
        (lambda at: running("digits", "s3://bucket/a?secret_key=secret", [], None), "a URI without keys"),
        (lambda at: Shipment(at / "nowhere").environment(), "--working-dir: expected a folder"),
        (lambda at: Shipment(requirements=at).environment(), "--requirements: expected a pip"),
        (lambda at: Shipment(variables=["NOT_SET_HERE"]).environment(), "expected NOT_SET_HERE to be set here"),
        (lambda at: Shipment(variables=["=1"]).environment(), "expected KEY=VALUE or KEY"),
        (lambda at: check_data(configuration(data="mine/train.parquet")), "expected a set that comes with study"),
        (lambda at: Jobs("127.0.0.1:8265"), "expected http://HEAD:8265"),
        (lambda at: Jobs(), "expected --address http://HEAD:8265"),
    ],
)
def test_what_is_refused(
    wrong: Callable[[Path], object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    (tmp_path / "a.yaml").touch()
    with pytest.raises(StudyError, match=said):
        wrong(tmp_path)


@pytest.mark.skipif(find_spec("aiohttp") is not None, reason="Ray's job client is installed")
def test_what_is_to_be_installed_for_jobs_is_said() -> None:
    with pytest.raises(StudyError, match=r"pip install 'study\[cluster\]'"):
        Jobs("http://127.0.0.1:8265")
