"""The table per method, cell by cell, and its printed forms."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import analysis
from analysis.text.table import Column, Table


def cells(table: Table, method: str) -> dict:
    return table.frame.set_index("method").loc[method].to_dict()


def test_cells_of_a_method(digits):
    lasso = cells(analysis.summary(digits), "group_lasso")
    assert lasso == {
        "trials": 5,
        "left_out": 1,
        "front": 4,
        "hypervolume": pytest.approx(0.3948785),
        "best_validation": 0.97,
        "best_test": pytest.approx(0.96),
        "fewest": 30,  # 95 % is within a point of the dense 96 %
        "fewest_share": 0.3,
        "fewest_test": pytest.approx(0.94),
    }


def test_every_method_and_all_of_them(digits):
    table = analysis.summary(digits)
    assert list(table.frame["method"]) == ["dense", "group_lasso", "npn", "all"]
    assert cells(table, "npn")["fewest"] == 40
    assert cells(table, "all")["fewest"] == 30
    assert cells(table, "dense")["fewest"] == 100
    assert cells(table, "all")["trials"] == 10


def test_caption_states_reference_and_baseline(digits):
    assert analysis.summary(digits).caption == (
        "HV: hypervolume, the share of the box up to accuracy 0, neurons 100 (log). Best: by validation accuracy."
        " Fewest neurons: the smallest network"
        " within 1 point of the dense baseline's validation accuracy of 96 %."
    )


def test_a_study_that_has_just_begun(trials):
    table = analysis.summary(trials([np.nan, np.nan], [np.nan, np.nan], status="FAILED", dense_neurons=np.nan))
    assert table.caption == "No trial has finished with all objectives."
    assert table.rows == [
        ["group lasso", "2", "2", "0", "–", "–", "–", "–", "–", "–"],
        ["all", "2", "2", "0", "–", "–", "–", "–", "–", "–"],
    ]
    assert [row[0] for row in analysis.summary(trials([], [])).rows] == ["all"]


def test_without_a_dense_baseline_it_says_so(digits):
    table = analysis.summary(digits[digits["method"] != "dense"])
    assert "no dense trial finished" in table.caption
    assert np.isnan(cells(table, "all")["fewest"])


def test_tolerance_is_relative_for_losses(trials):
    frame = trials([0.5] * 3, [100, 20, 10], val_mse=[0.1, 0.1009, 0.102], test_mse=[0.1] * 3)
    frame = frame.assign(method=["dense", "npn", "npn"])
    assert cells(analysis.summary(frame, ("mse", "neurons")), "npn")["fewest"] == 20


def test_counts_alone_have_no_score_columns(digits):
    table = analysis.summary(digits, ("neurons",))
    assert "best_validation" not in table.frame
    assert table.headings == ["method", "trials", "left out", "front", "HV"]


def test_row_order_does_not_matter(digits):
    shuffled = digits.sample(frac=1, random_state=1)
    assert analysis.summary(shuffled).csv() == analysis.summary(digits).csv()


@pytest.fixture
def table(digits) -> Table:
    return analysis.summary(digits)


def test_markdown(table):
    lines = table.markdown().splitlines()
    assert lines[3] == "| group lasso | 5 | 1 | 4 | 0.3949 | 97.00 | 96.00 | 30 | 30.0 | 94.00 |"
    assert len({line.count("|") for line in lines[:6]}) == 1


def test_csv_holds_stored_units(table):
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert rows[1]["method"] == "group_lasso"
    assert float(rows[1]["best_validation"]) == 0.97


def test_eighty_columns_show_every_number_whole(digits):
    table = analysis.summary(digits.assign(method=digits["method"].astype(str).replace("npn", "magnitude")))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for row in table.rows:
        assert " ".join(row).split() in [line.split() for line in text.splitlines()]


def test_several_searches_are_not_pooled(trials):
    frame = trials(
        [0.96, 0.98, 0.96, 0.94, 0.98, 0.90],
        [100, 100, 50, 30, 60, 10],
        method=["dense"] * 2 + ["npn"] * 4,
        search=[0, 1, 0, 0, 1, 1],
    )
    table = analysis.summary(frame)
    npn = cells(table, "npn")
    volumes = [analysis.hypervolume(run, reference=analysis.reference_of(frame)) for run in (frame[2:4], frame[4:])]
    assert npn["hypervolume"] == pytest.approx(np.mean(volumes))
    assert npn["hypervolume_half"] == pytest.approx(12.706 * np.std(volumes, ddof=1) / np.sqrt(2), rel=1e-3)
    assert npn["best_validation"] == pytest.approx(0.97) and npn["fewest_share"] == pytest.approx(0.55)
    assert table.caption.startswith("Means over 2 searches ± half of their 95 % t intervals. HV")
    assert table.rows[1][3:6] == ["0.354 ± 1.335", "97.0 ± 12.7", "96.0"]


def test_text_is_no_markup(table):
    odd = Table(pd.DataFrame({"a": ["[red]x", "<b>&"]}), (Column("a", "a<"),), "c<d", frozenset({(0, "a")}))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(odd)
    assert "[red]x" in console.export_text()
    assert '<td data-value="&lt;b&gt;&amp;">&lt;b&gt;&amp;</td>' in odd.html()
    assert "<b>[red]x</b>" in odd.html() and "a&lt;" in odd.html() and "c&lt;d" in odd.html()


def test_html_sorts_by_number_and_names_the_method(table):
    assert '<tr data-method="group_lasso"><td data-value="group_lasso">group lasso</td>' in table.html()
    assert '<td data-value="0.97">97.00</td>' in table.html()


@pytest.mark.parametrize("suffix", [".csv", ".md", ".tex"])
def test_files(table, tmp_path, suffix):
    path = table.write(tmp_path / f"table{suffix}")
    assert "group" in path.read_text(encoding="utf-8")


def test_unknown_suffix(table, tmp_path):
    with pytest.raises(ValueError, match=r"ending in one of.*\.csv.*got 'table.xls'"):
        table.write(tmp_path / "table.xls")
