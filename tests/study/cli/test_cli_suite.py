"""`study suite`: several studies run, resumed, shown and reported as one."""

import json
import subprocess
import sys

import pytest

from study.cli import main
from study.directory import StudyDirectory

YAML = """
suite: three
base:
  {epochs: 2, polish: 1, trials: 4, pack: {size: 4}, resources: {workers: 1}, methods: [dense, group_lasso, magnitude]}
sets:
  wine: {data: wine, model: {name: mlp, widths: [8]}, batch_size: 64}
  diabetes: {data: diabetes, model: {name: mlp, widths: [4]}, batch_size: 64, objectives: [nmse, neurons]}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a command; its exit code, and what it writes to stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_dry_run_rehearses_every_set_and_writes_nothing(file, call, tmp_path):
    code, said, _ = call("suite", file, "--dry-run", "--json", "--output", tmp_path / "runs")
    sets = json.loads(said)["sets"]
    assert code == 0 and list(sets) == ["wine", "diabetes"]
    assert sets["wine"]["trials"] == {"dense": 4, "group_lasso": 4, "magnitude": 4}
    assert sets["wine"]["data"]["splits"] == {"train": 106, "validation": 36, "test": 36}
    assert sets["diabetes"]["data"]["task"] == "regression" and not (tmp_path / "runs").exists()


def test_status_before_anything_has_begun(file, call, tmp_path):
    code, said, _ = call("suite", file, "--status", "--json", "--output", tmp_path)
    wine = json.loads(said)["sets"]["wine"]
    assert code == 0 and (wine["state"], wine["finished"], wine["budget"]) == ("not begun", 0, 12)
    code, _, said = call("suite", file, "--report", "--output", tmp_path)
    assert code == 2 and "expected two studies of three or more that have begun, but there are 0" in said


def test_one_thing_at_a_time(file, call):
    code, _, said = call("suite", file, "--status", "--dry-run")
    assert code == 2 and "expected one of --dry-run, --status and --report" in said


@pytest.mark.slow
@pytest.mark.ray
def test_it_runs_resumes_and_reports(file, tmp_path):
    """The second study is begun by the second run; what is complete stays as it is."""

    def study(*arguments):
        command = [sys.executable, "-m", "study", "suite", file, "--output", tmp_path / "runs", *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=250)

    first = study("--json")
    assert first.returncode == 0, first.stderr[-2000:]
    ranked = json.loads(first.stdout)
    assert [line["set"] for line in ranked["ranks"]] == ["wine", "diabetes", "average rank"]
    assert {one["method"] for one in ranked["wins"]} == {"group_lasso", "magnitude"}
    rows = {name: StudyDirectory(tmp_path / "runs" / name).trials().to_pylist() for name in ("wine", "diabetes")}
    assert all(len(one) == 12 for one in rows.values())
    again = study()
    assert again.returncode == 0 and "average rank" in again.stdout, again.stderr[-2000:]
    assert StudyDirectory(tmp_path / "runs" / "wine").trials().to_pylist() == rows["wine"]
    written = {path.name for path in (tmp_path / "runs" / "report").iterdir()}
    assert written == {
        "ranks.md",
        "report.html",
        *(f"{name}.{end}" for name in ("ranks", "fronts") for end in ("pdf", "svg", "png")),
    }
