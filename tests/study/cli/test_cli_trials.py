"""Commands about single trials: what they tell, and that what they advise works."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from study.cli import app, ascii
from study.cli.app import console
from study.cli.sparkline import sparkline
from study.config import loads
from study.directory import Manifest


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the console was made in."""
    monkeypatch.setattr(console, "_width", 200)


@pytest.fixture
def study(grow: Callable[..., Any]) -> Any:
    """Two packs are finished (dense-p0000, group_lasso-p0000), one trial of them failed, one is in flight."""
    grown = grow(packs=3, finished=1)
    _, pack, *_ = grown.manifests
    rows = [_row(grown.config.name, pack, spec, index) for index, spec in enumerate(pack["trials"])]
    curves = [
        {"study": grown.config.name, "method": pack["method"], "pack": pack["pack"], "trial": row["trial"]}
        | {"epoch": epoch, "val_accuracy": 0.3 * epoch, "neurons": 192 - epoch}
        for row in rows
        for epoch in (1, 2, 3)
    ]
    grown.directory.write_results(pack["pack"], pack["method"], rows, curves)
    return grown


def _row(study: str, pack: Manifest, spec: Any, index: int) -> dict[str, Any]:
    row: dict[str, Any] = {"study": study, "method": pack["method"], "pack": pack["pack"]}
    row["finished_at"] = datetime(2026, 5, 1, tzinfo=UTC)
    row |= {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")}
    row |= {f"param_{name}": value for name, value in spec["parameters"].items()}
    if index == 1:
        return row | {"status": "FAILED", "reason": "Traceback\n  the loss is not finite: nan"}
    return row | {
        **{"status": "COMPLETE", "epochs": 3, "val_accuracy": 0.9, "test_accuracy": 0.88, "neurons": 20 + index},
        **{"dense_neurons": 192, "widths": [15, 5 + index], "dense_widths": [128, 64], "train_seconds": 0.5},
    }


def test_the_front_is_listed_with_names_and_parameters(study: Any) -> None:
    lines = run("pareto", study.path).splitlines()
    assert lines[0].split()[:3] == ["trial", "accuracy", "neurons"]
    shown = next(line for line in lines if line.startswith("group_lasso-00000"))
    lr = study.manifests[1]["trials"][0]["parameters"]["lr"]
    assert "90.00 %" in shown and "88.00 %" in shown and f"lr {lr:.3g}" in shown
    assert not any(line.startswith("group_lasso-00001") for line in lines), "it failed"
    assert "hypervolume" in run("pareto", study.path, "--summary")


def test_a_trial_is_shown(study: Any) -> None:
    said = run("show", study.path, "group_lasso-00000")
    spec = study.manifests[1]["trials"][0]
    assert "COMPLETE" in said and str(spec["seed"]) in said
    assert all(name in said for name in spec["parameters"])
    assert "15 of 128 → 5 of 64" in said and "20 of 192 neurons" in said
    assert "▁▅█  30.00 % → 90.00 %" in said
    assert f"study retrain {study.path} group_lasso-00000" in said.replace("\n", " ")
    found = json.loads(run("show", study.path, "group_lasso-00000", "--json"))
    assert found["spec"] == spec and found["row"]["widths"] == [15, 5] and len(found["curve"]) == 3


def test_a_failed_trial_tells_why_in_full(study: Any) -> None:
    said = run("show", study.path, "group_lasso-00001")
    assert "FAILED" in said and "Traceback\n  the loss is not finite: nan" in said


def test_a_trial_in_flight_has_parameters_and_no_scores(study: Any) -> None:
    said = run("show", study.path, study.manifests[2]["trials"][0]["trial"])
    assert "IN FLIGHT" in said and "lr" in said and "accuracy" not in said


def test_an_unknown_trial_is_answered_with_the_nearest(study: Any) -> None:
    with pytest.raises(ValueError, match="got 'group_lasso-0000'; did you mean group_lasso-0000"):
        run("show", study.path, "group_lasso-0000")


def test_the_best_network_comes_with_a_study_that_trains_it_again(study: Any) -> None:
    spec = study.manifests[1]["trials"][0]
    said = run("best", study.path, "--within", 100)
    assert said.startswith("group_lasso-00000: the fewest neurons within 100 points")
    assert f"study export {study.path} --trial group_lasso-00000" in said
    config = loads(run("best", study.path, "--within", 100, "--yaml"))
    assert config.methods["group_lasso"].space == spec["parameters"]
    assert config.trials == 1 and config.epochs == study.config.epochs and config.name == "group_lasso-00000"
    assert json.loads(run("best", study.path, "--within", 100, "--json"))["trial"] == "group_lasso-00000"


def test_best_names_what_can_be_small(study: Any) -> None:
    with pytest.raises(ValueError, match=r"--by: expected one of neurons, .* but got 'accuracy'"):
        run("best", study.path, "--by", "accuracy")


def test_importance_is_told_per_method_and_objective(grow: Callable[..., Any]) -> None:
    grown = grow(trials=32, packs=16, finished=16)
    lines = run("importance", grown.path).splitlines()
    assert any(line.startswith("group_lasso") and "accuracy" in line for line in lines)
    shares = json.loads(run("importance", grown.path, "--json"))
    assert {"lambda", "lr"} <= {share["parameter"] for share in shares}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, float("nan")], ""),
        ([1.0, None, 2.0], "▁ █"),
        ([5, 5], "▅▅"),
        (list(range(8)), "▁▂▃▄▅▆▇█"),
    ],
)
def test_sparkline(values: list[Any], line: str) -> None:
    assert sparkline(values) == line


def test_a_long_curve_is_averaged() -> None:
    assert sparkline([1.0] * 500 + [2.0] * 500, width=4) == "▁▁██"


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_written, encoding="ascii"))
    ascii.accept()
    print("5 min · 3 → 2 ▁█ Größe ±1 漢", flush=True)  # noqa: T201
    assert bytes_written.getvalue() == b"5 min - 3 -> 2 _# Gro?e +-1 ?\n"
