"""Constraints in words, as the sampler is told of them and as fronts show them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.figures.front import front_data, front_figure
from study.config import StudyConfig, to_yaml
from study.directory import Manifest, StudyDirectory, constraint_of
from study.search import Search, needed
from study.search.baseline import dense_scores
from trainables.errors import StudyError

TEXTS = ["accuracy >= dense - 1 point", "flops <= 0.25 dense"]


@pytest.mark.parametrize(
    "text, row, excess",
    [
        ("accuracy >= 0.9", {"val_accuracy": 0.81}, 0.1),
        ("accuracy >= dense - 1 point", {"val_accuracy": 0.95}, (0.97 - 0.95) / 0.97),
        ("accuracy >= dense - 1 point", {"val_accuracy": 0.97}, 0.0),
        ("accuracy>=0.5dense", {"val_accuracy": 0.98}, -1.0),
        ("flops <= 0.25 dense", {"flops": 300, "dense_flops": 1000}, 0.2),
        ("flops <= 0.25 * dense + 50", {"flops": 300, "dense_flops": 1000}, 0.0),
        ("neurons <= 1e1", {"neurons": 5}, -0.5),
        ("loss <= dense", {"val_loss": 1.0}, None),
        ("flops <= dense", {"flops": 3}, None),
    ],
)
def test_how_far_a_trial_is_from_it(text: str, row: dict[str, Any], excess: float | None) -> None:
    found = constraint_of(text).excess(row, {"accuracy": 0.98})
    assert found == (None if excess is None else pytest.approx(excess, abs=1e-12))


@pytest.mark.parametrize(
    "text, said",
    [
        ("accuracy > 0.9", "such as 'accuracy >= 0.9'"),
        ("acuracy >= 0.9", "did you mean 'accuracy'"),
        ("flops <= dense - 1 point", "points of accuracy only"),
        ("flops <= 0.25 of dense", "such as"),
    ],
)
def test_what_is_none_is_said(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        constraint_of(text)
    with pytest.raises(ValueError, match=r"constraints|" + said):
        config(constraints=[text])


def config(**settings: Any) -> StudyConfig:
    given = {"name": "digits", "seed": 5, "data": "digits", "model": "mlp", "epochs": 2, "trials": 8}
    methods = {"group_lasso": {}, "dense": {"trials": 4}}
    more = {"methods": methods, "sampler": "nsga2", "pack": {"size": 4}, "constraints": TEXTS}
    return StudyConfig.model_validate(given | more | settings)


def test_they_need_the_dense_network() -> None:
    with pytest.raises(ValueError, match="the method dense, whose score they are relative to"):
        config(methods={"group_lasso": {}})
    assert config(methods={"group_lasso": {}}, constraints=TEXTS[1:]).constrained[0].share == 0.25


def rows(manifest: Manifest) -> list[dict[str, Any]]:
    found = []
    for spec in manifest["trials"]:
        row = {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")}
        row |= {"study": "digits", "method": manifest["method"], "pack": manifest["pack"], "status": "COMPLETE"}
        dense = manifest["method"] == "dense"
        number = spec["number"]
        row |= {"val_accuracy": 0.96 + 0.005 * number if dense else 0.9 + 0.01 * number, "dense_flops": 1000}
        row |= {"flops": 1000 if dense else 400 - 40 * number, "neurons": 100 if dense else 40 - number}
        found.append(row | {f"param_{name}": value for name, value in spec["parameters"].items()})
    return found


def run(search: Search, directory: StudyDirectory, waiting: Iterable[Manifest] = ()) -> list[str]:
    packs = []
    for manifest in itertools.chain(waiting, iter(search.ask, None)):
        packs.append(manifest["pack"])
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], manifest["method"], rows(manifest), [])
        search.tell(manifest, rows(manifest))
    return packs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, StudyDirectory]:
    directory = StudyDirectory(tmp_path_factory.mktemp("constrained") / "digits")
    directory.create(to_yaml(config()))
    search = Search(config(), directory, {"group_lasso": 2, "dense": 2})
    first = search.ask()
    assert first is not None and first["method"] == "dense", "the others wait for its score"
    assert search.ask() is None
    assert run(search, directory, [first]) == ["dense-p0000", "group_lasso-p0000", "group_lasso-p0001"]
    return search, directory


def told(search: Search) -> list[dict[str, float]]:
    return [trial.constraints for trial in search._branches["group_lasso", 0].study.get_trials(deepcopy=False)]


def test_optuna_is_told_of_them_and_a_study_that_is_rebuilt_tells_the_same(
    finished: tuple[Search, StudyDirectory],
) -> None:
    search, directory = finished
    found = told(search)
    bound = 0.975 - 0.01
    assert [one[TEXTS[0]] for one in found] == pytest.approx([(bound - 0.9 - 0.01 * n) / bound for n in range(8)])
    assert [one[TEXTS[1]] > 0 for one in found] == [True] * 4 + [False] * 4
    again = Search(config(), directory, {"group_lasso": 2, "dense": 2})
    again.rebuild(directory.manifests(), directory.trials().select(needed(config())).to_pylist())
    assert told(again) == found


def test_the_fronts_figure_shows_where_they_lie(finished: tuple[Search, StudyDirectory]) -> None:
    trials = analysis.load(finished[1].path()).trials
    data = front_data(trials, ("accuracy", "flops"))
    assert data.bounds == (("x", 250.0), ("y", pytest.approx(96.5)))
    (axes,) = front_figure(data).axes
    assert [text.get_text() for text in axes.texts].count("constraint") == 2
    assert front_data(trials, ("accuracy", "neurons")).bounds == (("y", pytest.approx(96.5)),)
    assert len(analysis.pareto(trials, ("accuracy", "flops"))) > 1, "they lead the search and exclude nothing"


def test_a_study_without_them_says_nothing_of_them(tmp_path: Path) -> None:
    assert "constraints" not in to_yaml(config(constraints=None))
    search = Search(config(constraints=None), StudyDirectory(tmp_path), {"group_lasso": 2, "dense": 2}, workers=2)
    assert search.ask() is not None and search.ask() is not None, "nobody waits"


@pytest.mark.parametrize("pinned", [False, True])
def test_the_dense_baseline_is_that_of_reports(pinned: bool, tmp_path: Path) -> None:
    """The best configuration by the mean over its seeds, without those of which a trial diverged or falls short."""
    methods = {"group_lasso": {}, "dense": {"trials": 4, "space": {"lr": 0.01} if pinned else {}}}
    given = config(seeds=2, methods=methods, pack={"size": 8}, constraints=TEXTS[:1], require={"neurons": 150})
    directory = StudyDirectory(tmp_path / "study")
    directory.create(to_yaml(given))
    manifest = Search(given, directory, {"group_lasso": 2, "dense": 2}).ask()
    assert manifest is not None and manifest["method"] == "dense"
    changes: list[dict[str, Any]] = [{"val_accuracy": one} for one in (0.99, 0.9, 0.95, 0.96, 0.98, 0.99, 0.97, 0.99)]
    if not pinned:
        changes[4] |= {"status": "FAILED", "epochs": 1}
        changes[6] |= {"neurons": 160}
        changes[7] |= {"neurons": 160}
    changes[1] |= {"status": "FAILED"}  # it broke off: no outcome
    found = [row | own for row, own in zip(rows(manifest), changes, strict=True)]
    directory.write_manifest(manifest)
    directory.write_results(manifest["pack"], "dense", found, [])
    reported = analysis.baseline(analysis.load(directory.path()).trials)
    assert reported is not None
    scores = dense_scores(manifest, {row["trial"]: row for row in found}, given)
    assert scores == {"accuracy": pytest.approx(reported.validation)}
    assert scores["accuracy"] == pytest.approx(sum((0.99, 0.95, 0.96, 0.98, 0.99, 0.97, 0.99)) / 7 if pinned else 0.99)
