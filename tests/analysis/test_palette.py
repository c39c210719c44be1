"""How methods look: the known ones always the same, any other from its name, all told apart by everyone."""

import itertools

import numpy as np
import pytest

import analysis
from analysis.palette import _OWN, NIGHT, in_order, looks, title
from analysis.report.payload import payload

MINE, THEIRS = "my_method", "their_module:TheirMethod"


def test_known_methods_keep_their_looks():
    known = looks(_OWN)
    assert [(look.title, look.colour, look.marker) for look in known.values()] == [
        ("dense", "#000000", "*"),
        ("group lasso", "#0072B2", "o"),
        ("sparse group lasso", "#D55E00", "s"),
        ("CGES", "#009E73", "^"),
        ("DropNeuron", "#CC79A7", "D"),
        ("NPN", "#E69F00", "v"),
        ("magnitude pruning", "#56B4E9", "P"),
        ("random pruning", "#777777", "X"),
    ]
    assert looks(["npn", MINE])["npn"] == known["npn"]


def test_looks_differ_in_marker_and_line_without_colour():
    shapes = [(look.marker, str(look.line)) for look in looks(_OWN).values()]
    assert len({marker for marker, _ in shapes}) == len({line for _, line in shapes}) == len(_OWN)


def test_another_method_looks_the_same_whatever_is_shown_beside_it():
    (alone,) = looks([MINE]).values()
    assert alone == looks([*_OWN, MINE])[MINE] == looks([THEIRS, MINE, "npn"])[MINE]
    assert (alone.colour, alone.marker) == ("#882255", "<")  # in years to come


def test_sixteen_others_differ_without_colour_too_and_more_are_drawn_all_the_same():
    many = [f"method_{index}" for index in range(16)]
    found = looks([*_OWN, *many])
    assert len({(look.marker, str(look.line)) for look in found.values()}) == len(_OWN) + 16
    assert looks(many) == looks(reversed(many))
    assert len(looks([*many, MINE, THEIRS])) == 18


def test_names_in_print():
    assert [title(name) for name in (MINE, THEIRS, "group_lasso", "npn")] == [
        "my method",
        "TheirMethod",
        "group lasso",
        "NPN",
    ]
    assert in_order([THEIRS, MINE, "npn", "dense"]) == ["dense", "npn", MINE, THEIRS]


# -- colours -------------------------------------------------------------------------------------------------------

SEEN_AS = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}
"""Machado, Oliveira & Fernandes 2009, on linear RGB."""


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE 1976, of a screen's white."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.array([np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz / [0.9505, 1, 1.089]])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SEEN_AS)
def test_colours_on_paper_are_told_apart(sight):
    """A just noticeable difference is about 2."""
    seen = {colour: lab(np.array(SEEN_AS[sight]) @ linear(colour)) for colour in NIGHT}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(seen, 2)}
    assert min(distances.values()) > 10, min(distances, key=distances.__getitem__)


def test_colours_on_a_dark_page_have_contrast():
    def brightness(colour):
        return float(np.dot([0.2126, 0.7152, 0.0722], linear(colour))) + 0.05

    assert min(brightness(colour) / brightness("#14171a") for colour in NIGHT.values()) > 5


# -- a method that nobody here has heard of ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foreign(tmp_path_factory, study_writer):
    methods = {"dense": {}, "npn": {}, MINE: {}}
    return analysis.load(study_writer(tmp_path_factory.mktemp("studies") / "foreign", methods=methods, seeds=3))


def test_an_unknown_method_is_in_every_table_and_sentence(foreign):
    trials, config = foreign.trials, foreign.configs["made-up"]
    assert "my method" in analysis.summary(trials).markdown()
    assert "my method" in analysis.intervals(trials).markdown()
    assert "my method" in analysis.score_at_compression(trials).markdown()
    assert "my method" in analysis.compression_at_drop(trials).markdown()
    assert "my method" in " ".join(analysis.sentences(trials))
    assert "my method" in " ".join(check.found for check in analysis.audit(trials[trials["number"] < 2], config))


def test_an_unknown_method_is_in_every_figure(foreign, tmp_path):
    trials = foreign.trials
    (look,) = looks([MINE]).values()
    shared = (
        analysis.front_figure(analysis.front_data(trials)),
        analysis.attainment_figure(analysis.attainment_data(trials)),
        analysis.hypervolume_figure(analysis.hypervolume_data(trials)),
    )
    for figure in shared:
        (legend,) = figure.legends
        handles = {text.get_text(): line for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}
        assert handles["my method"].get_color() == look.colour
    own = (
        analysis.budget_figure(analysis.budget_data(trials)),
        analysis.widths_figure(analysis.widths_data(trials, MINE)),
        analysis.slices_figure(analysis.slices_data(trials, MINE)),
        analysis.parallel_figure(analysis.parallel_data(trials, MINE)),
        analysis.importance_figure(analysis.importance(trials)),
    )
    for index, figure in enumerate((*shared, *own)):
        analysis.save(figure, tmp_path / f"{index}.png")


def test_an_unknown_method_is_on_the_page(foreign):
    data = payload(foreign)
    (series,) = (series for series in data["series"] if series["method"] == MINE)
    (look,) = looks([MINE]).values()
    assert (series["title"], series["colour"]["light"], series["symbol"]) == ("my method", look.colour, "triangle-left")
    assert str(data["series"].index(series)) in data["fronts"]["neurons"]
    assert "my method" in analysis.page(foreign)
