"""Commands that look at results: what they print and write, and what they say to wrong arguments."""

import csv
from datetime import UTC, datetime

import pytest
import yaml
from typer.testing import CliRunner

from study.cli import app
from study.results import StudyDirectory


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    place = StudyDirectory(tmp_path_factory.mktemp("studies") / "small")
    place.create(yaml.safe_dump({"name": "small", "objectives": ["accuracy", "neurons"], "methods": {"dense": {}}}))
    sizes = {"dense": [100, 100, 100, 100], "npn": [100, 60, 40, 20]}
    for method, neurons in sizes.items():
        rows = [
            {
                **{"study": "small", "method": method, "pack": f"{method}-p0", "trial": f"{method}-{number}"},
                **{"number": number, "lane": number, "seed": number, "data_seed": number % 2, "status": "COMPLETE"},
                **{"val_accuracy": 0.96 - 0.01 * number, "test_accuracy": 0.95 - 0.01 * number, "train_seconds": 1.0},
                **{"neurons": size, "dense_neurons": 100, "finished_at": datetime(2026, 1, 2, tzinfo=UTC)},
            }
            for number, size in enumerate(neurons)
        ]
        place.write_results(f"{method}-p0", method, rows, [])
    return place.path()


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "80"})
    return result.output if result.exit_code == 0 else result.exception


def test_table_at_compression(directory):
    text = run("table", directory, "--at-compression", "1,2", "--format", "csv")
    dense, npn = csv.DictReader(text.splitlines())
    assert (dense["method"], dense["runs"], dense["compression_2"]) == ("dense", "2", "")
    assert float(npn["compression_2"]) == pytest.approx(0.925)


def test_table_at_drop_in_points(directory):
    text = run("table", directory, "--at-drop", "0.5,3", "--format", "markdown")
    assert text.splitlines()[0] == "| method | ≤0.5 pt | ≤3 pt |"


def test_table_for_the_terminal_and_for_latex(directory, tmp_path):
    assert "hypervolume" in run("table", directory)
    assert run("table", directory, "--at-compression", "2", "--format", "latex").startswith(r"\begin{table}")
    run("table", directory, "--at-compression", "2", "--output", tmp_path / "table.tex")
    assert (tmp_path / "table.tex").read_text().startswith(r"\begin{table}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at-compression", "2,x"], "expected numbers with commas for --at-compression, e.g. 1,2,4, but got '2,x'"),
        (["--at-drop", "-1"], "but got '-1'"),
        (["--at-compression", "2", "--at-drop", "1"], "expected --at-compression or --at-drop, but got both"),
        (["--at-compression", "2", "--count", "neuron"], "did you mean 'neurons'?"),
    ],
)
def test_wrong_arguments(directory, arguments, message):
    assert message in str(run("table", directory, *arguments))


def test_report_lies_in_the_study_or_where_one_says(directory, tmp_path):
    assert "report.html" in run("report", directory)
    page = StudyDirectory(directory).local / "report" / "report.html"
    assert page.read_text().startswith("<!doctype html>")
    run("report", directory, "--output", tmp_path / "deep" / "page.html")
    assert (tmp_path / "deep" / "page.html").exists()


def test_compare(directory, tmp_path):
    other = StudyDirectory(tmp_path / "other")
    other.create(
        yaml.safe_dump({"name": "other", "objectives": ["accuracy", "neurons"], "methods": {"dense": {}}, "epochs": 9})
    )
    text = run("compare", directory, other.path())
    assert "epochs" in text and "1: small. 2: other." in " ".join(text.split())


def test_pareto(directory):
    assert "NPN" in run("pareto", directory)
