"""The page without a browser: whole, self-contained, escaped, small, and what its data says."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import analysis
from analysis.report.payload import payload

EVIL = '"><img src=x onerror=alert(1)></script><script>alert(2)</script>'


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the data script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.data, self.inside = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = ("id", "data") in attrs

    def handle_data(self, data):
        if self.inside:
            self.data += data

    def handle_endtag(self, tag):
        self.inside = False


@pytest.fixture(scope="module")
def evil(study_writer, tmp_path_factory):
    published = [{"label": EVIL, "source": EVIL, "accuracy": 0.9, "neurons": 30}]
    folder = tmp_path_factory.mktemp("evil") / "<b>'\"&"
    return analysis.load(study_writer(folder, trials=9, searches=3, notes=EVIL, published=published))


@pytest.fixture(scope="module")
def html(evil):
    return analysis.page(evil)


def test_nothing_in_a_study_becomes_an_element(html):
    page = Elements(html)
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 3 and "img" not in tags
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    assert json.loads(page.data)["studies"][0]["published"][0]["label"] == EVIL


def test_the_page_asks_nothing_of_any_network(html):
    links = [
        value for _, attributes in Elements(html).found for name, value in attributes.items() if name in ("src", "href")
    ]
    assert links and all(value.startswith(("#", "data:")) for value in links)
    assert "default-src 'none'" in html


def test_everything_is_on_the_page(html):
    sections = [attributes["id"] for tag, attributes in Elements(html).found if tag == "section"]
    assert sections[:7] == ["summary", "fronts", "findings", "tolerance", "tables", "search", "networks"]
    assert sections[7:] == ["parameters", "trials", "failures", "audit", "run"]
    assert "of dense accuracy" in html
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert html.count('data-table="intervals"') == 1 and html.count('data-table="floors"') == 1
    assert html.count("Plotly=(") == 1 and "Permission is hereby granted" in html


def test_data_of_the_figures(study):
    found = payload(study)
    complete = study.trials[study.trials["status"] == "COMPLETE"]
    assert [series["method"] for series in found["series"]] == ["dense", "group_lasso", "npn", "magnitude", "random"]
    assert found["score"]["name"] == "accuracy"
    assert found["marks"]["neurons"]["dense"] == {
        "0": {"level": pytest.approx(100 * analysis.baseline(study.trials).validation, abs=0.01), "searches": 1}
    }
    assert [count["name"] for count in found["counts"]] == ["neurons", "parameters", "flops"]
    assert len(found["trials"]["name"]) == len(study.trials)
    npn = analysis.pareto(complete[complete["method"] == "npn"]).sort_values("neurons")
    rows = found["fronts"]["neurons"]["2"]
    assert [found["trials"]["name"][row] for row in rows] == npn["trial"].tolist()
    assert [found["trials"]["counts"]["neurons"][row] for row in rows] == npn["neurons"].tolist()
    assert found["parameters"][2]["k"] == {"pinned": 9}
    assert found["parameters"][2]["lambda"]["log"] and len(found["parameters"][2]["lambda"]["values"]) == 12
    first = found["trials"]["name"].index("npn-00000")
    curve = found["curves"][str(first)]
    assert curve["epoch"] == [1, 2, 3, 4, 5, 6]
    assert [layer[-1] for layer in curve["widths"]] == found["trials"]["widths"][first]
    assert found["curves"][str(first)]["stages"] == [[1, 7], [2, 9], [4, 5000]]
    assert found["spread"]["neurons"] == {}  # one seed: no band
    front = analysis.front_data(study.trials)
    chosen = [(one["x"], one["y"], one["test"]) for one in found["marks"]["neurons"]["selected"]]
    assert chosen == [pytest.approx((one.x, one.y, one.test), rel=1e-5) for one in front.selected] and chosen
    assert found["marks"]["neurons"]["error"] is None  # how many examples there were is not known
    curve = analysis.tolerance_data(study.trials).curves["npn"]
    assert (
        found["tolerance"]["paths"]["2"][0] == pytest.approx(curve[:, 0], rel=1e-5) and found["tolerance"]["band"] == ""
    )
    assert found["trials"]["collapsed"] == []
    ends = found["importance_intervals"]["2"]["accuracy"]["lambda"]
    assert ends == [None, None] or 0 <= ends[0] <= found["importance"]["2"]["accuracy"]["lambda"] <= ends[1] <= 1


def test_collapsed_networks_and_standard_errors_are_on_the_page(study_writer, tmp_path):
    study = analysis.load(study_writer(tmp_path / "required", require={"accuracy": 0.85}))
    study = replace(study, trials=study.trials.assign(val_examples=359))
    found = payload(study)
    short = [found["trials"]["score"][row] for row in found["trials"]["collapsed"]]
    assert short and all(score < 0.85 for score in short)
    assert not set(found["trials"]["collapsed"]) & {row for rows in found["fronts"]["neurons"].values() for row in rows}
    assert found["marks"]["neurons"]["error"] == pytest.approx(analysis.front_data(study.trials).error, rel=1e-5)
    assert found["studies"][0]["require"] == "accuracy 0.85"


def test_a_spread_needs_seeds(evil):
    spread = payload(evil)["spread"]["neurons"]
    assert set(spread) == {"1", "2", "3", "4"} and spread["1"]["runs"] == 3


def test_fronts_of_several_seeds_are_of_means(study_writer, tmp_path):
    study = analysis.load(study_writer(tmp_path / "seeded", trials=6, seeds=2))
    found = payload(study)
    rows = analysis.configurations(study.trials[study.trials["method"] == "npn"])
    front = analysis.pareto(rows).sort_values("neurons")
    shown = found["fronts"]["neurons"]["2"]
    assert [found["trials"]["name"][row] for row in shown] == front["trial"].tolist()
    means = [found["means"]["neurons"][str(row)] for row in shown]
    assert means == pytest.approx(front[["neurons", "val_accuracy"]].to_numpy() * [1, 100])
    assert payload(study, limit=0)["means"]["neurons"].keys() <= set(map(str, range(len(study.trials))))
    assert len(payload(study, limit=0)["fronts"]["neurons"]["2"]) == len(shown)


def test_thinned_pages_say_so_and_keep_fronts(study):
    found = payload(study, limit=5)
    whole = payload(study)
    assert found["thinned"]["dominated_shown"] <= 5 < found["thinned"]["dominated"]
    names = [[one["trials"]["name"][row] for row in one["fronts"]["neurons"]["2"]] for one in (found, whole)]
    assert names[0] == names[1]


def test_a_large_study_makes_no_large_page(trials, study):
    random = np.random.default_rng(0)
    count = 60_000
    sizes = {name: random.integers(1, 10**6, count) for name in ("parameters", "macs", "flops", "inputs")}
    frame = trials(
        random.random(count),
        random.integers(1, 10**6, count),
        method=np.array(["npn", "random", "dense"])[np.arange(count) % 3],
        dense_neurons=10**6,
        **sizes,
        **{f"dense_{name}": 10**6 for name in sizes},
        **{f"param_{name}": random.random(count) for name in ("lambda", "lr", "beta")},
        widths=[[100, 200]] * count,
        dense_widths=[[500, 500]] * count,
        pack="npn-p0000",
        device="cpu",
        epochs=6,
        finished_at=study.trials["finished_at"].iloc[0],
        val_accuracy_before_polish=0.5,
    )
    config = {"made-up": {**study.configs["made-up"], "name": "s"}}
    large = analysis.Study(frame.assign(study="made-up"), config, study.directories)
    assert len(analysis.page(large).encode()) < 3_500_000


def test_several_studies_are_told_apart(study_writer, tmp_path):
    one, two = (study_writer(tmp_path / name, name=name, trials=6) for name in ("one", "two"))
    both = analysis.load(one, two)
    html = analysis.page(both)
    found = payload(both)
    assert [series["title"] for series in found["series"]][::5] == ["dense · one", "dense · two"]
    assert found["series"][5]["symbol"] == "star-open"
    assert html.count('data-table="methods"') == 2
    assert len(re.findall(r"<h3>(?:one|two)</h3>", html)) >= 6


def test_a_study_that_has_just_begun_has_a_page(study_writer, tmp_path):
    location = study_writer(tmp_path / "new", trials=3)
    study = analysis.load(location)
    html = analysis.page(analysis.Study(study.trials.iloc[:0], study.configs, study.directories))
    assert "No trial has finished yet." in html
    assert "15 trials of made-up have not finished" in html
    assert "study resume" in html


def test_losses_have_a_page_too(trials, study):
    random = np.random.default_rng(0)
    values = random.random(40)
    extra = {"val_mse": values, "test_mse": values, "val_nmse": values, "pack": "x", "device": "cpu", "epochs": 6}
    frame = trials([np.nan] * 40, random.integers(1, 90, 40), method=["dense", "npn"] * 20, **extra)
    frame = frame.assign(parameters=7, inputs=8, macs=9, flops=18, widths=None, dense_widths=None, dense_macs=9)
    frame = frame.assign(dense_parameters=7, finished_at=study.trials["finished_at"].iloc[0], study="made-up")
    config = {"made-up": {**study.configs["made-up"], "objectives": ["mse", "neurons"]}}
    large = analysis.Study(frame, config, study.directories)
    assert "At an mse 2&nbsp;% above the dense one" in analysis.page(large)


def made_up_boundary(size=8):
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [0.5, 1.0]])
    return analysis.boundary_data(
        lambda x: np.column_stack([-x[:, 0], x[:, 0]]), points, np.array([0, 1, 1]), grid=size
    )


def test_boundaries_are_of_rows_and_share_their_points(study):
    given = {("made-up", name): made_up_boundary() for name in ("npn-00001", "npn-00002", "gone-00000")}
    found = payload(study, boundaries=given)
    rows, points = found["boundaries"]["networks"], found["boundaries"]["points"]
    assert [found["trials"]["name"][int(row)] for row in rows] == ["npn-00001", "npn-00002"]
    assert len(points) == 1 and points[0]["label"] == [0, 1, 1]
    assert {network["classes"] for network in rows.values()} == {"00001111" * 8}


def test_curves_of_gated_trials_have_their_gates(study):
    found = payload(study)
    gates = {found["trials"]["name"][int(row)]: curve["gates"] for row, curve in found["curves"].items()}
    assert gates["group_lasso-00001"] == []
    assert [line["epoch"] for line in gates["npn-00001"]] == [1, 2, 3, 4]
    assert all(sum(line["counts"]) == 100 for line in gates["npn-00001"])


def test_large_studies_keep_the_curves_of_what_is_shown(study_writer, tmp_path, monkeypatch):
    """Of the packs that are shown only, which is what makes it possible."""
    directory = analysis.load(study_writer(tmp_path / "s", trials=30))
    monkeypatch.setattr("analysis.report.rows.CURVE_TRIALS", 3)
    read = []
    store = directory.directories["made-up"].store
    monkeypatch.setattr(store, "get", lambda path, get=store.get: read.append(path) or get(path))
    assert len(payload(directory)["curves"]) == 3
    assert 1 <= len([path for path in read if "/curves/" in path]) <= 3
