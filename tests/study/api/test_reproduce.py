"""Published beside measured: what counts as reproduced, and what is read, refused, and left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import study
from study.api.comparison import compared, verdict_of
from study.api.reproduction import Row, written
from study.config import PublishedSettings, ReproductionSettings
from study.config.load import StudyConfig, load
from study.directory.study_directory import StudyDirectory
from tests.study.train import trained
from trainables.errors import StudyError

RULES = ReproductionSettings(accuracy_within=0.003, others_within=0.25)
ENTRY = PublishedSettings(
    label="a",
    source="b",
    method="npn",
    accuracy=0.98,
    neurons_removed=0.5,
    counts={"npn_weights": 1000, "npn_gates": "7-9"},
)


def row(accuracy: float, weights: float, neurons: int = 50) -> dict[str, Any]:
    counts = {"count_npn_weights": weights, "count_npn_gates": "7-8"}
    return {"test_accuracy": accuracy, "neurons": neurons, "dense_neurons": 100, **counts}


@pytest.mark.parametrize(
    ("rows", "verdicts", "verdict"),
    [
        ([row(0.979, 900), row(0.983, 1100)], ("yes", "yes", "yes"), "reproduced"),
        ([row(0.983, 1250)], ("yes", "yes", "yes"), "reproduced"),
        ([row(0.99, 700)], ("better", "better", "yes"), "at least as good"),
        ([row(0.98, 1260)], ("yes", "no", "yes"), "not reproduced"),
        ([row(0.99, 1000, 70)], ("better", "yes", "no"), "not reproduced"),
        ([], (None, None, None), "nothing published"),
    ],
)
def test_a_number_is_reproduced_by_its_mean(
    rows: list[dict[str, Any]], verdicts: tuple[str | None, ...], verdict: str
) -> None:
    numbers = compared(ENTRY, RULES, rows)
    names = ("test_accuracy", "count_npn_weights", "neurons_removed")
    assert tuple(numbers[name].verdict for name in names) == verdicts
    assert numbers["count_npn_gates"].verdict is None
    assert verdict_of(numbers.values()) == verdict


def test_a_score_before_pruning_is_compared_where_one_was_published() -> None:
    plain = PublishedSettings(label="a", source="b", method="drop_neuron", accuracy=0.98, unpruned=0.97)
    rows = [{"test_accuracy": 0.98, "unpruned_test_accuracy": 0.972}]
    numbers = compared(plain, RULES, rows, ("unpruned_test_accuracy",))
    assert {name: number.verdict for name, number in numbers.items()} == {
        "test_accuracy": "yes",
        "unpruned_test_accuracy": "yes",
    }
    assert "unpruned_test_accuracy" not in compared(ENTRY, RULES, [row(0.98, 1000)], ("unpruned_test_accuracy",))


def test_what_is_not_published_is_shown_and_decides_nothing() -> None:
    plain = PublishedSettings(label="a", source="b", method="npn")
    numbers = compared(plain, RULES, [row(0.5, 1.0), row(0.7, 3.0)], ("test_accuracy",))
    assert numbers["test_accuracy"].mean == pytest.approx(0.6) and numbers["test_accuracy"].published is None
    assert numbers["test_accuracy"].sd == pytest.approx(0.1 * 2**0.5)
    assert verdict_of(numbers.values()) == "nothing published"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both rows of the regression, two seeds of an epoch each, trained without Ray."""
    folder = tmp_path_factory.mktemp("quick")
    entries = load("dropneuron_regression", names=False).published
    for entry, slug in zip(entries, ("dropneuron", "dropout"), strict=True):
        settings = (*entry.set, "trials=1", "seeds=2", *QUICK)
        trained(load("dropneuron_regression", settings), StudyDirectory(folder / slug))
    return folder


QUICK = ("epochs=2", "evaluate_every=1")


def test_rows_that_are_there_are_read(quick: Path) -> None:
    told: list[Row] = []
    found = study.reproduce(
        "dropneuron_regression", seeds=2, quick=True, directory=quick, progress=False, told=told.append
    )
    assert list(found.rows) == told and [row.label for row in found.rows] == ["DropNeuron", "dropout"]
    for line in found.rows:
        assert line.numbers is not None
        assert (line.status, line.verdict, line.full) == ("complete", "partial", False)
        assert (line.seeds, line.failed, line.epochs, line.published_epochs) == (2, 0, 2, 100)
        assert len(line.numbers["test_nmse"].values) == 2 and line.numbers["count_drop_neuron_units"].mean
        assert len(line.numbers["unpruned_test_nmse"].values) == 2
        assert {number.verdict for number in line.numbers.values()} == {None}
        assert line.machine and line.same_code and line.seconds_per_epoch
        assert line.data == "sparse_regression (generated)"
    assert found.command == "study reproduce dropneuron_regression --seeds 2 --quick"
    kept = json.loads(written(found, quick).read_text())
    assert kept["rows"][1]["settings"][0] == "model.dropout=0.5" and kept["differs"]


def test_another_experiment_in_the_same_place_is_refused(quick: Path) -> None:
    with pytest.raises(StudyError, match="cannot change"):
        study.reproduce("dropneuron_regression", seeds=2, rows=["dropout"], directory=quick, progress=False)


def test_a_row_that_there_is_not(quick: Path) -> None:
    with pytest.raises(StudyError, match="did you mean 'dropout'"):
        study.reproduce("dropneuron_regression", rows=["dropot"], directory=quick)


def test_a_study_without_published_rows(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="digits: expected a study with `reproduction:`"):
        study.reproduce("digits", directory=tmp_path)


def test_without_its_data_a_row_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDY_DATA", raising=False)
    found = study.reproduce("dropneuron_lenet300", rows=["l1"], directory=tmp_path, progress=False)
    assert found.rows[0].status.startswith("not run: data: mnist: STUDY_DATA is not set")
    assert found.rows[0].verdict == "partial" and found.rows[0].numbers is None


def test_published_counts_are_those_of_a_convention() -> None:
    from study.config import of_mapping

    entry = {"label": "a", "source": "b", "counts": {"npn_weight": 3}}
    plain = {"name": "x", "data": "digits", "model": "mlp", "epochs": 1, "methods": ["dense"]}
    with pytest.raises(StudyError, match=r"published\.0\.counts\.npn_weight: .*'npn_weights'"):
        of_mapping({**plain, "published": [entry]})
    with pytest.raises(StudyError, match=r"counts\.0: .*'npn'"):
        of_mapping({**plain, "counts": ["npm"]})
    assert isinstance(of_mapping({**plain, "counts": ["npn"]}), StudyConfig)
