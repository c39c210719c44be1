"""Two studies side by side."""

import pytest

import analysis


@pytest.fixture(scope="module")
def pair(study_writer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    one = study_writer(folder / "one", name="one")
    two = study_writer(folder / "two", name="two", trials=18, notes="more of it", methods={"dense": {}, "npn": {}})
    return analysis.load(one, two)


def test_settings_that_differ(pair):
    found = analysis.settings_that_differ(*pair.configs.values())
    rows = {row.setting: (row.first, row.second) for row in found.itertuples()}
    assert rows["trials"] == ("12", "18")
    assert "methods.group_lasso" in rows and rows["methods.group_lasso"][1] == "–"
    assert not {"name", "notes", "epochs"} & set(rows)


def test_each_method_in_both(pair):
    table = analysis.compare(pair)
    frame = table.frame.set_index("method")
    one, two = (pair.trials[pair.trials["study"] == name] for name in ("one", "two"))
    box = analysis.reference_of(pair.trials)
    npn = frame.loc["npn"]
    assert npn["hypervolume_first"] == analysis.hypervolume(one[one["method"] == "npn"], reference=box)
    assert npn["hypervolume_second"] == analysis.hypervolume(two[two["method"] == "npn"], reference=box)
    assert npn["hypervolume_change"] == pytest.approx(npn["hypervolume_second"] - npn["hypervolume_first"])
    assert npn["best_second"] == two.loc[two["method"] == "npn", "val_accuracy"].max()
    assert frame.loc["group_lasso", ["hypervolume_second", "best_second", "fewest_second"]].isna().all()
    assert frame.index[-1] == "all"
    assert table.caption.startswith("1: one. 2: two.")


def test_two_are_needed(study):
    with pytest.raises(ValueError, match="expected two studies, got 1"):
        analysis.compare(study)


def test_studies_of_other_configurations_are_no_replicates(study_writer, tmp_path):
    one = study_writer(tmp_path / "a", name="one", trials=4)
    repeated = analysis.load(one, study_writer(tmp_path / "b", name="two", trials=5, seed=1))
    analysis.check_replicates(repeated.configs)
    other = analysis.load(one, study_writer(tmp_path / "c", name="three", trials=4, epochs=9))
    with pytest.raises(ValueError, match="one and three differ in epochs"):
        analysis.check_replicates(other.configs)


def test_of_several_searches_each_chooses_by_itself_and_the_change_lies_in_its_interval(study_writer, tmp_path):
    one = study_writer(tmp_path / "a", name="one", trials=6, searches=3)
    two = study_writer(tmp_path / "b", name="two", trials=8, searches=2)
    pair = analysis.load(one, two)
    frame = analysis.compare(pair).frame.set_index("method")
    box = analysis.reference_of(pair.trials)
    for side, name in (("first", "one"), ("second", "two")):
        own = pair.trials[(pair.trials["study"] == name) & (pair.trials["method"] == "npn")]
        best = own[own["status"] == "COMPLETE"].groupby("search")["val_accuracy"].max().mean()
        assert frame.loc["npn", f"best_{side}"] == pytest.approx(best)
        volumes = analysis.per_run(own, lambda run: analysis.hypervolume(run, reference=box))
        assert frame.loc["npn", f"hypervolume_{side}"] == pytest.approx(volumes.mean())
        # The table of the one study has each search's own baseline, and so has this one.
        table = analysis.summary(pair.trials[pair.trials["study"] == name]).frame.set_index("method")
        assert frame.loc["npn", f"fewest_{side}"] == pytest.approx(table.loc["npn", "fewest"], nan_ok=True)
    for what in ("hypervolume", "best", "test"):
        change, low, high = (frame.loc["npn", f"{what}_change{end}"] for end in ("", "_low", "_high"))
        assert low <= change <= high
        assert change == pytest.approx(frame.loc["npn", f"{what}_second"] - frame.loc["npn", f"{what}_first"])
