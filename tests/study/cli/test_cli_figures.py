"""Commands that draw for paper."""

import sys

import pytest

from study.cli import main


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a command; its exit code and what it says."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_a_figure_by_its_name(grow, call):
    place = grow().path
    code, said = call("plot", "front", place)
    folder = place / "report" / "figures"
    assert code == 0, said
    assert {file.name for file in folder.iterdir()} == {"front.pdf", "front.svg", "front.png"}
    code, _ = call("plot", "slices", place, "--method", "group_lasso", "--output", place / "a.svg", "--width", "5")
    assert code == 0 and "<text" in (place / "a.svg").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["fornt"], "figure: expected one of front, attainment"),
        (["slices", "--method", "lasso"], "did you mean 'group_lasso'"),
        (["front", "--objectives", "accuracy,neuron"], "did you mean 'neurons'"),
        (["front", "--width", "wide"], "expected a width"),
    ],
)
def test_names_are_checked(grow, call, arguments, message):
    name, *options = arguments
    code, said = call("plot", name, grow().path, *options)
    assert code == 2 and message in said


def test_all_figures_and_why_not(grow, call):
    place = grow().path
    code, said = call("figures", place, "--all", "--format", "svg")
    assert code == 0 and "no sharpness: no method has such trials" in said, said
    drawn = {file.stem for file in (place / "report" / "figures").iterdir()}
    assert {"front-accuracy-neurons", "budget", "slices-group_lasso"} <= drawn
    code, said = call("figures", place, "--format", "jpg")
    assert code == 2 and "--format: expected one of pdf, svg, png" in said


def test_figures_have_names(call):
    code, said = call("list", "figures", "--json")
    assert code == 0 and '"timeline": "When each pack trained' in said
