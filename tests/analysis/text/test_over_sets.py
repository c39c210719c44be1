"""Tables and figures over several studies, one for each data set."""

import numpy as np
import pytest

import analysis


@pytest.fixture(scope="module")
def sets(study_writer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    return analysis.load(*(study_writer(folder / name, name=name, trials=6 + n) for n, name in enumerate("abc")))


def test_scores_are_of_each_study_alone(sets):
    scores = analysis.scores_over_sets(sets)
    assert list(scores.index) == ["a", "b", "c"]
    assert list(scores.columns) == ["group_lasso", "npn", "magnitude", "random"]
    own = sets.trials[sets.trials["study"] == "b"]
    box = analysis.reference_of(own, ("accuracy", "neurons"))
    expected = analysis.hypervolume(own[own["method"] == "npn"], ("accuracy", "neurons"), reference=box)
    assert scores.loc["b", "npn"] == pytest.approx(expected)
    kept = analysis.scores_over_sets(sets, "kept")
    assert ((kept > 0) & (kept <= 1)).all(axis=None)


def test_of_several_searches_a_score_is_the_mean(study_writer, tmp_path):
    searched = analysis.load(*(study_writer(tmp_path / name, name=name, trials=6, searches=2) for name in "ab"))
    own = searched.trials[searched.trials["study"] == "a"]
    box = analysis.reference_of(own, ("accuracy", "neurons"))
    npn = own[own["method"] == "npn"]
    volumes = analysis.per_run(npn, lambda run: analysis.hypervolume(run, reference=box))
    assert volumes.nunique() == 2
    assert analysis.scores_over_sets(searched).loc["a", "npn"] == pytest.approx(volumes.mean())
    kept = analysis.scores_over_sets(searched, "kept").loc["a", "npn"]
    each = [
        analysis.scores_over_sets(
            analysis.Study(
                searched.trials[(searched.trials["search"] == search)], searched.configs, searched.directories
            ),
            "kept",
        ).loc["a", "npn"]
        for search in (0, 1)
    ]
    assert kept == pytest.approx(np.mean(each))


def test_the_rank_table_ends_with_averages_and_what_tests_say(sets):
    table = analysis.rank_table(sets)
    last = table.frame.iloc[-1]
    ranks = [last[f"{name}_rank"] for name in ("group_lasso", "npn", "magnitude", "random")]
    assert last["set"] == "average rank" and np.sum(ranks) == pytest.approx(10)
    assert "Friedman: p = " in table.caption
    assert (
        "No two methods can be told apart" in table.caption
        and "of 6 pairs 3 sets can give no p below 1." in table.caption
    )


def test_wins_are_against_pruning(sets):
    table = analysis.wins_table(sets)
    line = table.frame.set_index("method").loc["npn"]
    assert line["magnitude_win"] + line["magnitude_tie"] + line["magnitude_loss"] == 3
    assert np.isnan(table.frame.set_index("method").loc["magnitude", "magnitude_win"])


def test_both_figures_are_drawn(sets, tmp_path):
    data = analysis.ranks_data(analysis.scores_over_sets(sets))
    assert data.groups == (tuple(data.average),) and data.sets == 3
    assert list(data.average.values()) == sorted(data.average.values())
    assert analysis.save(analysis.ranks_figure(data), tmp_path / "ranks.svg").exists()
    fronts = analysis.fronts_over_sets_data(sets)
    assert list(fronts) == ["a", "b", "c"]
    figure = analysis.fronts_over_sets_figure(fronts)
    assert [axes.get_title("left") for axes in figure.axes] == ["a", "b", "c"]
    assert analysis.save(figure, tmp_path / "fronts.svg").read_text().count(">NPN</text>") == 1


def test_one_study_has_no_ranks(study):
    with pytest.raises(ValueError, match="expected several studies"):
        analysis.rank_table(study)
    with pytest.raises(ValueError, match="measure: expected one of hypervolume, kept, but got 'speed'"):
        analysis.scores_over_sets(study, "speed")


def test_the_page_of_a_suite_has_ranks_tests_fronts_and_every_set(sets):
    html = analysis.suite_page(sets, "three <sets>", "notes & more", {"mnist": "no file"})
    assert "three &lt;sets&gt;" in html and "notes &amp; more" in html and "mnist is left out: no file" in html
    assert "<script" not in html and html.count("data:image/svg+xml") == 3
    assert "Friedman: p = " in html and "win vs magnitude pruning" in html and html.count("of dense accuracy") >= 3
    with pytest.raises(ValueError, match="several studies"):
        analysis.suite_page(analysis.load(sets.directories["a"].path()), "one")


def test_the_suites_page_is_dark_where_the_system_is(sets):
    """It has no script that could choose."""
    html = analysis.suite_page(sets, "three")
    dark = html.split("@media (prefers-color-scheme: dark)")[1]
    assert "<script" not in html and "color-scheme: dark" in dark and "--paper: #14171a" in dark
