"""Latency as a searched objective: timed once at a trial's end, recorded with it, and never measured again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import analysis
from study.cli import app
from study.config import of_mapping
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.rehearsal import scales
from study.running.training import job_of
from study.search.search import Search
from tests.study.train import trained
from trainables.errors import StudyError
from trainables.training.pack import Pack

LATENCY = {"batch": 32, "seconds": 0.01}
PLAIN: dict[str, Any] = {
    "name": "timed",
    "data": "digits",
    "model": {"name": "mlp", "widths": [12]},
    "epochs": 2,
    "polish": 1,
    "batch_size": 512,
    "objectives": ["accuracy", "latency"],
    "latency": LATENCY,
    "trials": 3,
    "methods": {"magnitude": {}, "dense": {"trials": 1}},
    "pack": {"size": 3},
    "sampler": "random",
}


@pytest.fixture(scope="module")
def config() -> StudyConfig:
    return of_mapping(PLAIN)


@pytest.fixture(scope="module")
def place(config: StudyConfig, tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    directory = StudyDirectory(tmp_path_factory.mktemp("studies") / "timed")
    trained(config, directory)
    return directory


def rows_of(place: StudyDirectory) -> list[dict[str, Any]]:
    return list(place.trials().select(["trial", "status", "latency_ms", "dense_latency_ms"]).to_pylist())


def test_every_complete_trial_has_its_latency_and_the_whole_networks(place: StudyDirectory) -> None:
    rows = rows_of(place)
    assert len(rows) == 4 and all(row["latency_ms"] > 0 and row["dense_latency_ms"] > 0 for row in rows)
    assert len({row["dense_latency_ms"] for row in rows if row["trial"].startswith("magnitude")}) == 1


def test_who_goes_on_with_the_study_has_the_recorded_numbers(config: StudyConfig, place: StudyDirectory) -> None:
    before = rows_of(place)
    search = Search(config, place, scales(config))
    assert search.rebuild(place.manifests(), place.trials().to_pylist()) == [] and search.ask() is None
    assert rows_of(place) == before


def test_what_was_timed_before_a_checkpoint_is_not_timed_again(config: StudyConfig, place: StudyDirectory) -> None:
    """Two stacks, one after the other: the rows of the first are in the checkpoint, their latencies too."""
    manifest = next(one for one in place.manifests() if one["method"] == "magnitude")
    job = job_of(config, {**manifest, "vectorize": "off"})
    pack = Pack(job)
    while not pack.finished:
        pack.train_epoch()
    (first,) = pack.trial_rows()
    resumed = Pack(job)
    resumed.load_state_dict(pack.state_dict())
    while not resumed.done:
        resumed.train_epoch()
    again, *others = resumed.trial_rows()
    assert again["latency_ms"] == first["latency_ms"] and len(others) == 2
    assert all(row["latency_ms"] > 0 for row in others)


def test_fronts_and_pages_have_the_axis_and_say_how_it_was_timed(place: StudyDirectory) -> None:
    study = analysis.load(place.path())
    assert set(study.trials["latency_ms_condition"]) == {"cpu, 1 thread, batch 32"}
    front = analysis.pareto(study.trials, study.objectives)
    assert len(front) and front["latency_ms"].notna().all()
    for command in (["status"], ["pareto"], ["table"], ["pareto", "--json"]):
        done = CliRunner().invoke(app, [command[0], place.path(), *command[1:]], env={"COLUMNS": "120"})
        assert done.exit_code == 0, done.output
    assert {point["latency_ms"] for point in json.loads(done.output)} == set(front["latency_ms"])
    done = CliRunner().invoke(app, ["best", place.path(), "--within", "100"], env={"COLUMNS": "120"})
    assert "the lowest latency within 100 points" in done.output and "ms latency" in done.output


def test_a_report_is_drawn(place: StudyDirectory, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", place.path(), "--output", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output


def test_a_study_that_does_not_ask_times_nothing(config: StudyConfig) -> None:
    plain = of_mapping({**PLAIN, "objectives": ["accuracy", "neurons"]})
    assert plain.timing is None and config.timing == {"batch": 32, "device": "cpu", "threads": 1, "seconds": 0.01}
    required = of_mapping({**PLAIN, "objectives": ["accuracy", "neurons"], "require": {"latency": 2.0}})
    relative = of_mapping({**PLAIN, "objectives": ["accuracy"], "constraints": ["latency <= 0.5 dense"]})
    assert required.timing == relative.timing == config.timing


def test_stopping_has_no_compact_network_to_time() -> None:
    with pytest.raises(StudyError, match="stopping: expected a study without latency"):
        of_mapping({**PLAIN, "epochs": 9, "stopping": {"rungs": [2]}})
