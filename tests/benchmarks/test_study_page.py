"""docs/digits.md and the README's table follow from the committed trials, and so does the page of any other study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from benchmarks.readme_part import README
from benchmarks.study_page import DOCS, NEURONS, TRIALS, page, read, table
from tests.analysis.conftest import write_study

PAGES = sorted(file.parent for file in DOCS.glob(f"*/{TRIALS}"))


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_the_page_is_what_the_trials_say(folder: Path) -> None:
    again = f"python -m benchmarks.study_page runs/{folder.name}"
    assert folder.with_suffix(".md").read_text(encoding="utf-8") == page(*read(folder)), f"make it anew: {again}"


def test_the_readme_has_the_same_numbers() -> None:
    trials, _ = read(DOCS / "digits")
    assert analysis.intervals(trials, NEURONS).markdown().strip() in README.read_text("utf-8")


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_all_methods_had_the_same_epochs_in_three_searches_or_more(folder: Path) -> None:
    trials, _ = read(folder)
    assert len(set(trials.groupby("method", observed=True)["epochs"].sum())) == 1
    assert trials["method"].nunique() == 8 and trials["search"].nunique() >= 3
    assert (folder / "attainment.png").exists()


def test_the_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path / "made-up", trials=6, searches=2))
    found = table(study)
    found.to_parquet(tmp_path / "trials.parquet", index=False)
    again = pd.read_parquet(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(again, found)
    assert "worker" not in again and "finished_at" not in again
    (config,) = study.configs.values()
    assert page(again, config) == page(found, config)
