"""A suite's YAML: studies made of what they share and what they have of their own, and what is refused."""

import pytest

from study.config import ConfigError, load_suite, suites

YAML = """
suite: two
base: {epochs: 2, polish: 1, trials: 2, methods: [dense, magnitude]}
sets:
  wine: {data: wine, model: {name: mlp, widths: [8]}}
  diabetes: {data: diabetes, model: {name: mlp, widths: [4]}, objectives: [nmse, neurons], trials: 3}
"""


@pytest.fixture
def write(tmp_path):
    def at(text):
        path = tmp_path / "suite.yaml"
        path.write_text(text)
        return path

    return at


def test_a_set_is_a_study_of_its_name(write):
    suite = load_suite(write(YAML), ["epochs=3"])
    assert suite.name == "two" and list(suite.studies) == ["wine", "diabetes"]
    wine, diabetes = suite.studies.values()
    assert (wine.name, wine.epochs, wine.trials, wine.data.name) == ("wine", 3, 2, "wine")
    assert (diabetes.trials, diabetes.objectives) == (3, ("nmse", "neurons"))


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("suite: two", "sweet: two", "sweet"),
        ("data: wine", "data: whine", "sets.wine: .*did you mean 'wine'"),
        ("objectives: [nmse", "objectives: [accuracy", r"sets.diabetes: .*objectives"),
        ("data: wine,", "data: wine, name: x,", "sets.wine.name: expected no name"),
        ("  wine:", "  'a b':", "sets.a b: expected a name of letters"),
        ("polish: 1", "polihs: 1", r"sets.wine: .*polihs.*\n.*sets.diabetes: .*polihs"),
    ],
)
def test_a_mistake_names_the_file_and_the_set(write, old, new, message):
    path = write(YAML.replace(old, new))
    with pytest.raises(ConfigError, match=message) as wrong:
        load_suite(path)
    assert "suite.yaml" in str(wrong.value)


def test_a_suite_has_two_sets_and_a_file(write):
    with pytest.raises(ConfigError, match="sets: expected two sets or more"):
        load_suite(write("suite: a\nsets: {}\n"))
    with pytest.raises(ConfigError, match="did you mean 'small_suite'"):
        load_suite("smal_suite")


@pytest.mark.parametrize("name", suites())
def test_presets_are_suites(name, monkeypatch, tmp_path):
    monkeypatch.setenv("STUDY_DATA", str(tmp_path))
    suite = load_suite(name)
    assert suite.left_out == {"mnist": "no mnist in the folder of STUDY_DATA"}
    assert list(suite.studies) == ["digits", "wine", "breast_cancer", "diabetes", "moons"]
