"""Studies that ran apart, made one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from typing import Any

import pytest
from typer.testing import CliRunner

from study.cli import app
from study.config.changes import MAY_CHANGE
from study.config.load import loads
from study.directory import store
from study.directory.study_directory import NotAStudy, StudyDirectory
from study.doctor.merge import merge
from study.doctor.repair import examine, fix
from study.search.search import Search
from trainables.errors import StudyError

Grow = Callable[..., Any]


def merged(output: Any, *studies: Any, name: str | None = None) -> StudyDirectory:
    directory = StudyDirectory(output)
    merge([study.directory for study in studies], directory, name)
    return directory


def budgets(directory: StudyDirectory) -> dict[str, int]:
    config = loads(json.dumps(directory.config()), names=False)
    return {method: config.budget(method) for method in config.methods}


def content(directory: StudyDirectory) -> dict[str, bytes]:
    assert directory.local is not None
    files = (path for path in directory.local.rglob("*") if path.is_file() and path.name != ".driver.lock")
    return {path.relative_to(directory.local).as_posix(): path.read_bytes() for path in files}


def without_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {"study", "trial", "pack", "number"}
    plain = [{name: value for name, value in row.items() if name not in names} for row in rows]
    return sorted(plain, key=lambda row: (row["method"], row["seed"]))


@pytest.fixture
def two(grow: Grow) -> tuple[Any, Any]:
    """Of one configuration with two seeds, one of them stopped; their budgets differ."""
    return grow("one", seed=1), grow("two", seed=2, name="other", trials=12, packs=5, finished=4)


def test_every_row_is_kept_under_a_new_name(two: tuple[Any, Any], tmp_path: Any) -> None:
    both = merged(tmp_path / "both", *two)
    rows = both.trials().to_pylist()
    olds = [row for study in two for row in study.directory.trials().to_pylist()]
    assert without_names(rows) == without_names(olds)
    assert len({row["trial"] for row in rows}) == len(rows) == 28
    answers = {row["trial"]: row["val_answers"] for row in both.answers().to_pylist()}
    assert all(answers[row["trial"]] == bytes([row["seed"] % 256]) for row in rows)
    assert {row["study"] for row in rows} == {"digits"}
    assert both.curves().num_rows == 3 * 28
    for row in rows:
        assert row["trial"] == f"{row['method']}-{row['number']:05d}"
    for method, found in groupby(both.manifests(), key=lambda manifest: manifest["method"]):
        packs = list(found)
        assert [manifest["pack"] for manifest in packs] == [f"{method}-p{i:04d}" for i in range(len(packs))]
        assert [t["number"] for m in packs for t in m["trials"]] == list(range(sum(len(m["trials"]) for m in packs)))
    assert both.config()["name"] == "digits"
    assert budgets(both) == {"dense": 20, "group_lasso": 20}


def test_a_manifest_says_where_its_pack_comes_from(two: tuple[Any, Any], tmp_path: Any) -> None:
    both = merged(tmp_path / "both", *two)
    places = {study.directory.location: study for study in two}
    for manifest in both.manifests():
        origin = manifest["origin"]
        old = places[origin["directory"]].directory.manifest(origin["pack"])
        assert origin["trials"] == [trial["trial"] for trial in old["trials"]]
        assert (manifest["versions"], origin["seed"]) == (old["versions"], places[origin["directory"]].config.seed)
        for new, trial in zip(manifest["trials"], old["trials"], strict=True):
            assert {**new, "trial": 0, "number": 0} == {**trial, "trial": 0, "number": 0}
    again = merged(tmp_path / "more", *two, name="more")
    third = StudyDirectory(tmp_path / "third")
    merge([again, StudyDirectory(merged(tmp_path / "other", *reversed(two)).path())], third)
    assert all("origin" in manifest["origin"] for manifest in third.manifests())


def test_the_same_studies_give_the_same_bytes(two: tuple[Any, Any], tmp_path: Any) -> None:
    before = [study.files() for study in two]
    first, second = merged(tmp_path / "first", *two), merged(tmp_path / "second", *two)
    assert content(first) == content(second)
    merge([study.directory for study in two], first)
    assert content(first) == content(second)
    assert [study.files() for study in two] == before


def test_a_trial_of_several_studies_is_kept_once(grow: Grow, tmp_path: Any) -> None:
    """A copy that went on: what both have is there once, finished if one of them has finished it."""
    stopped, went_on = grow("one", seed=1), grow("two", seed=1, trials=12, packs=6, finished=5)
    both = StudyDirectory(tmp_path / "both")
    made = merge([stopped.directory, went_on.directory], both)
    assert (made.finished, made.waiting, made.doubled) == (20, 4, 16)
    assert without_names(both.trials().to_pylist()) == without_names(went_on.directory.trials().to_pylist())
    assert budgets(both) == {"dense": 12, "group_lasso": 12}


def test_packs_that_share_a_few_trials(grow: Grow, tmp_path: Any) -> None:
    """Two clusters with one seed and packs of two sizes drew the same first configurations."""
    small, large = grow("one", finished=4), grow("two", pack={"size": 8}, packs=2, finished=2)
    both = StudyDirectory(tmp_path / "both")
    made = merge([small.directory, large.directory], both)
    assert (made.finished, made.waiting, made.doubled) == (24, 0, 8)
    assert len({(row["method"], row["seed"], row["param_lr"]) for row in both.trials().to_pylist()}) == 24
    assert budgets(both) == {"dense": 12, "group_lasso": 12}
    assert [f.kind for f in examine(both)] == []


def test_replicates_stay_neighbours(grow: Grow, tmp_path: Any) -> None:
    options = {"seeds": 3, "trials": 3, "methods": ["group_lasso"], "packs": 2, "finished": 2}
    one, two = grow("one", seed=1, **options), grow("two", seed=2, **options)  # 8 of 9 trials each
    rows = merged(tmp_path / "both", one, two).trials().to_pylist()
    groups: dict[int, set[float]] = {}
    for row in rows:
        groups.setdefault(row["number"] // 3, set()).add(row["param_lambda"])
    assert [len(values) for values in groups.values()] == [1] * 4
    assert {row["number"] for row in rows} == set(range(12))


def test_the_result_is_a_study_like_any_other(two: tuple[Any, Any], tmp_path: Any) -> None:
    """It is healthy, can be gone on with, and every row of its sources stays."""
    import analysis

    both = merged(tmp_path / "both", *two)
    assert {finding.kind for finding in examine(both)} == {"zombie"}, "packs in flight wait"
    assert fix(both) == []
    frame = analysis.load(str(both.path())).trials
    assert len(analysis.pareto(frame, ("accuracy", "neurons"))) >= 1
    config = loads(json.dumps(both.config()), names=False)
    search = Search(config, both, dict.fromkeys(config.methods, 2))
    before = both.trials().to_pylist()
    waiting = search.rebuild(both.manifests(), before)
    assert sorted(len(manifest["trials"]) for manifest in waiting) == [4, 4]
    two[0].directory = both
    for manifest in chain(waiting, iter(search.ask, None)):
        both.write_manifest(manifest)
        two[0].finish(manifest)
        search.tell(manifest, both.rows(manifest["pack"], manifest["method"]))
    rows = {row["trial"]: row for row in both.trials().to_pylist()}
    assert len(rows) == both.trials().num_rows == 40
    assert all(rows[row["trial"]] == row for row in before)


def test_networks_of_the_merged_front_come_along(two: tuple[Any, Any], tmp_path: Any) -> None:
    from safetensors import safe_open

    from study.directory.models import front_of

    both = merged(tmp_path / "both", *two)
    local = both.local
    assert local is not None
    assert {path.stem for path in (local / "models").iterdir()} == set(front_of(both)) != set()
    packs = {row["trial"]: row["pack"] for row in both.trials().to_pylist()}
    for path in (local / "models").glob("*.safetensors"):
        with safe_open(path, "np") as network:
            card = json.loads(network.metadata()["card"])
            assert network.get_tensor("weight").tolist() == [1, 1]
        assert (card["trial"]["trial"], card["trial"]["pack"]) == (path.stem, packs[path.stem])
        assert json.loads(path.with_suffix(".json").read_text()) == card


def test_methods_of_both_are_in_it(grow: Grow, tmp_path: Any) -> None:
    one, two = grow("one", methods=["dense"], packs=2), grow("two", seed=2, methods=["group_lasso", "dense"], packs=2)
    assert budgets(merged(tmp_path / "both", one, two)) == {"dense": 16, "group_lasso": 8}


def test_a_budget_for_all_is_one_number(two: tuple[Any, Any], tmp_path: Any) -> None:
    config = merged(tmp_path / "both", *two).config()
    assert (config["trials"], config["methods"]) == (20, {"dense": {"space": {}}, "group_lasso": {"space": {}}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 4}, "epochs: 3 there, 4 here"),
        ({"methods": {"dense": {"space": {"lr": 0.01}}, "group_lasso": {}}}, "methods.dense.space"),
        ({"seeds": 2}, "seeds: 1 there, 2 here"),
    ],
    ids=str,
)
def test_differences_that_matter_are_shown(grow: Grow, tmp_path: Any, changes: Any, message: str) -> None:
    one, two = grow("one"), grow("two", **changes)
    with pytest.raises(ValueError, match=message):
        merged(tmp_path / "both", one, two)
    assert not (tmp_path / "both").exists()


def test_what_may_differ(grow: Grow, tmp_path: Any) -> None:
    two = grow("two", name="b", seed=3, notes="n", trials=9, resources={"workers": 2}, retries=1, pack={"size": 2})
    assert {"resources.*", "retries", "pack.*", "notes", "trials"} <= set(MAY_CHANGE)
    assert merged(tmp_path / "both", grow("one"), two).config()["notes"] == ""


def test_an_output_that_holds_anything_else_is_refused(two: tuple[Any, Any], grow: Grow, tmp_path: Any) -> None:
    third = grow("third", seed=3)
    before = third.files()
    with pytest.raises(ValueError, match="another study"):
        merged(third.path, *two)
    assert third.files() == before
    for output in (two[0].path, two[1].path):
        with pytest.raises(ValueError, match="another directory"):
            merged(output, *two)
    with pytest.raises(ValueError, match="two studies or more"):
        merged(tmp_path / "both", two[0])
    with pytest.raises(NotAStudy):
        merge([two[0].directory, StudyDirectory(tmp_path / "nothing")], StudyDirectory(tmp_path / "both"))
    assert not (tmp_path / "both").exists()


def test_a_damaged_source_is_refused(two: tuple[Any, Any], tmp_path: Any) -> None:
    part = next((two[1].path / "results/trials").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(StudyError, match=f"{part.name} cannot be read.*study doctor"):
        merged(tmp_path / "both", *two)
    assert not (tmp_path / "both").exists()


def test_results_without_a_manifest_are_merged_too(two: tuple[Any, Any], tmp_path: Any) -> None:
    (two[0].path / "packs/dense-p0000.json").unlink()
    assert merged(tmp_path / "both", *two).trials().num_rows == 28


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [0, 9, 24])
def test_a_merge_that_was_cut_off_can_be_done_again(
    two: tuple[Any, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole = content(merged(tmp_path / "whole", *two))
    steps: Iterator[int] = iter(range(10**6))

    def kill(step: str, path: str) -> None:
        if step == "rename" and next(steps) == after:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(store, "HOOKS", [kill])
        with pytest.raises(Killed):
            merged(tmp_path / "both", *two)
    assert not StudyDirectory(tmp_path / "both").exists(), "half a study is none"
    both = merged(tmp_path / "both", *two)
    fix(both)
    assert content(both) == whole


def test_the_command(two: tuple[Any, Any], tmp_path: Any) -> None:
    places = [str(study.path) for study in two]
    done = CliRunner().invoke(app, ["merge", *places, "--output", str(tmp_path / "both"), "--name", "both"])
    assert done.exit_code == 0, done.output
    assert "28 finished trials and 8 to be trained" in done.output
    assert StudyDirectory(tmp_path / "both").config()["name"] == "both"


def test_on_an_object_store(
    grow: Grow, bucket: Callable[[str], str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged from a bucket and a folder into a bucket; torn there, found, set aside, and merged again."""
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0)
    options = {"packs": 2, "finished": 1, "methods": ["dense"]}
    one, two = grow(bucket("runs/one"), seed=1, **options), grow("two", seed=2, **options)
    both, same = StudyDirectory(bucket("runs/both")), StudyDirectory(tmp_path / "both")
    for output in (both, same):
        assert merge([one.directory, two.directory], output).finished == 8
    names = sorted(content(same))
    assert names == sorted(name for folder in ("", "packs", "results", "models") for name in listed(both, folder))
    assert {name: both.store.get(name) for name in names} == content(same)
    origin = both.manifest("dense-p0000").get("origin")
    assert origin is not None and origin["directory"] == "s3://studies/runs/one", "no keys"
    part = "results/trials/method=dense/dense-p0000.parquet"
    damage = both.store.get(part)[:-9]
    both.store.put(part, damage, replace=True)
    both.store.put("driver.json", b"{}")
    assert {(f.kind, f.path) for f in examine(both)} >= {("torn", part), ("lock", "driver.json")}
    fixed = {finding.path for finding in fix(both)}
    assert fixed == {part, part.replace("trials", "curves"), "driver.json"}
    assert (both.store.exists(part), both.store.get(f"{part}.corrupt")) == (False, damage)
    assert fix(both) == []
    merge([one.directory, two.directory], both)
    assert both.trials().num_rows == 8


def listed(directory: StudyDirectory, folder: str) -> list[str]:
    """The files of a study by its folders; the configuration under none."""
    return directory.store.names(folder, "") if folder else ["study.yaml"]
