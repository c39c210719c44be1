"""Commands that look at results: what they print and write, and what they say to wrong arguments."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import yaml
from typer.testing import CliRunner

from study.cli import app
from study.directory.study_directory import StudyDirectory
from trainables.errors import StudyError


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    place = StudyDirectory(tmp_path_factory.mktemp("studies") / "small")
    place.create(yaml.safe_dump({"name": "small", "objectives": ["accuracy", "neurons"], "methods": {"dense": {}}}))
    sizes = {"dense": [100, 100, 100, 100], "npn": [100, 60, 40, 20]}
    for method, neurons in sizes.items():
        rows = [
            {
                **{"study": "small", "method": method, "pack": f"{method}-p0", "trial": f"{method}-{number}"},
                **{"number": number, "lane": number, "seed": number, "data_seed": number % 2, "search": number % 2},
                "status": "COMPLETE",
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
        (["--at-compression", "2", "--at-drop", "1"], "--at-budget, but got several"),
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
    assert "NPN" in run("pareto", directory, "--summary")


MOONS = """
name: moons
data: moons
model: {name: mlp, widths: [8]}
epochs: 2
polish: 1
trials: 2
methods: [magnitude]
keep_models: all
"""


def test_boundaries_of_data_that_lie_in_a_plane(tmp_path):
    """The moons do, in their 100 dimensions; the network is asked there, and says what it says of its own examples."""
    import numpy as np

    from study.cli.boundaries import boundaries
    from study.config.load import loads, to_yaml
    from study.directory.models import Models
    from study.running.networks import Writer
    from study.running.publishing import publish
    from study.running.training import job_of
    from trainables import data
    from trainables.training.pack import Pack

    place = StudyDirectory(tmp_path / "moons")
    config = loads(MOONS, names=False)
    place.create(to_yaml(config))
    trial = {"trial": "magnitude-00000", "number": 0, "lane": 0, "seed": 1, "data_seed": 0}
    manifest = {"schema": 1, "pack": "magnitude-p0000", "method": "magnitude"}
    manifest["trials"] = [{**trial, "parameters": {"sparsity": 0.2, "lr": 0.01}}]
    place.write_manifest(manifest)
    worker = Pack(job_of(config, manifest), keep=Writer(config, place, manifest).write)
    while not worker.done:
        worker.train_epoch()
    publish(place, "moons", manifest, worker.trial_rows(), worker.curve_rows())

    found = boundaries({"moons": place})
    assert list(found) == [("moons", "magnitude-00000")]
    boundary = found["moons", "magnitude-00000"]
    test = data.load("moons", seed=0).test
    assert boundary.labels.tolist() == test.y[: len(boundary.labels)].tolist()
    said = Models(place).read("magnitude-00000").module(test.x[: len(boundary.labels)]).argmax(1).numpy()
    columns, lines = (
        np.abs(edges[:, None] - values).argmin(0)
        for edges, values in zip((boundary.across, boundary.up), boundary.points.T, strict=True)
    )
    assert (boundary.predicted[lines, columns] == said).mean() > 0.95  # the grid is coarse at the border
    text = run("report", place.path())
    assert "open it in any browser" in text and "No decision boundaries" not in text


def test_other_data_has_no_boundaries_and_costs_no_torch(tmp_path):
    """The card tells."""
    place = StudyDirectory(tmp_path / "digits")
    place.create(yaml.safe_dump({"name": "digits", "objectives": ["accuracy", "neurons"]}))
    row = {"study": "digits", "method": "dense", "pack": "dense-p0", "trial": "dense-0", "number": 0, "lane": 0}
    row |= {"seed": 0, "data_seed": 0, "status": "COMPLETE", "val_accuracy": 0.9, "neurons": 10}
    place.write_results("dense-p0", "dense", [row], [])
    card = {"task": "classification", "input_shape": [64], "classes": [str(digit) for digit in range(10)]}
    place.store.put("models/dense-0.json", json.dumps(card).encode())
    place.store.put("models/dense-0.safetensors", b"never read")
    program = "import sys; from study.cli.boundaries import boundaries; "
    program += "from study.directory import StudyDirectory as S; "
    program += f"print(boundaries({{'digits': S({place.path()!r})}}), 'torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["{}", "False"]


def test_tables_have_words_at_the_left(capsys):
    from study.cli.app import console, table_of

    table = table_of("method", "trials", "parameter", words=("parameter",))
    table.add_row("npn", "8", "a")
    table.add_row("dense", "16", "longer")
    console.print(table)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["method  trials  parameter", "npn          8  a", "dense       16  longer"]


def test_latency_of_a_study_without_any_names_the_command(directory):
    assert "study latency DIR" in str(run("pareto", directory, "--objectives", "accuracy,latency"))


@pytest.mark.parametrize("ratios", ["abc", "-2", "2,,4", "nan", "inf"])
def test_ratios_that_are_none(directory, ratios):
    error = run("table", directory, "--at-compression", ratios)
    assert isinstance(error, StudyError) and "expected numbers with commas for --at-compression" in str(error)


def test_a_count_that_no_trial_has(directory):
    error = run("best", directory, "--by", "macs")
    assert isinstance(error, StudyError) and "expected complete trials with macs" in str(error)
    error = run("pareto", directory, "--objectives", "accuracy,macs")
    assert isinstance(error, StudyError) and "expected complete trials with accuracy, macs" in str(error)
