"""docs/digits.md and the README's table follow from the committed trials."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import analysis
from benchmarks.digits_page import FOLDER, NEURONS, PAGE, TRIALS, page, table
from benchmarks.readme_part import README
from tests.analysis.conftest import write_study


def test_the_page_is_what_the_trials_say() -> None:
    again = "python -m benchmarks.digits_page runs/digits"
    assert PAGE.read_text(encoding="utf-8") == page(pd.read_parquet(TRIALS)), f"make it anew: {again}"


def test_the_readme_has_the_same_numbers() -> None:
    assert analysis.intervals(pd.read_parquet(TRIALS), NEURONS).markdown().strip() in README.read_text("utf-8")


def test_all_methods_had_the_same_epochs_in_three_searches_or_more() -> None:
    trials = pd.read_parquet(TRIALS)
    assert len(set(trials.groupby("method", observed=True)["epochs"].sum())) == 1
    assert trials["method"].nunique() == 8 and trials["search"].nunique() >= 3
    assert (FOLDER / "attainment.png").exists()


def test_the_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    found = table(analysis.load(write_study(tmp_path / "made-up", trials=6, searches=2)))
    found.to_parquet(tmp_path / "trials.parquet", index=False)
    again = pd.read_parquet(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(again, found)
    assert "worker" not in again and "finished_at" not in again
    assert page(again) == page(found)
