"""Candidates for the front are trained again: who, and how often, whatever order results come in. Without training."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState
from pydantic import ValidationError

import analysis
from analysis.statistics import front_members
from study.config.load import StudyConfig, to_yaml
from study.directory import Front, Manifest, StudyDirectory, TrialSpec
from study.doctor.merge import merge
from study.search import Search, Simulation
from study.search.racing import UNLIKELY, Race
from tests.study.asked import LAYERS, Row, cut_and_resumed, row_of, run, search_at
from trainables.errors import StudyError
from trainables.seeds import seed_of

TRIALS, REPEATS, FRONT = 60, 20, 4
NOISE = 0.02


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "name": "raced",
        "seed": 5,
        "data": "digits",
        "model": "mlp",
        "epochs": 2,
        "trials": TRIALS,
        "methods": ["group_lasso"],
        "seeds": {"front": FRONT},
        "pack": {"size": 8},
        "require": {"accuracy": 0.3},
    }
    return StudyConfig.model_validate(given | changes)


def trained(manifest: Manifest) -> list[Row]:
    """Scores that are functions of the parameters, and of luck with the seed."""
    rows = []
    for spec in manifest["trials"]:
        strength, lr = spec["parameters"]["lambda"], spec["parameters"]["lr"]
        luck = np.random.default_rng(spec["seed"] % 2**32).standard_normal()
        rows.append(
            row_of(
                manifest,
                spec,
                repeats=spec.get("repeats"),
                shared_epochs=0,
                val_accuracy=0.9 - 0.1 * abs(math.log10(strength) + 2) - abs(math.log10(lr) + 2) + NOISE * luck,
                test_accuracy=0.5,
                neurons=max(1, int(60 - 15 * math.log10(strength * 1e4))),
                dense_neurons=100,
            )
        )
    return rows


def specs_of(directory: StudyDirectory) -> list[TrialSpec]:
    return [spec for manifest in directory.manifests() for spec in manifest["trials"]]


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, StudyDirectory]:
    search, directory = search_at(tmp_path_factory.mktemp("raced") / "one", study_of(), workers=3)
    run(search, directory, trained, workers=3)
    return search, directory


def test_a_third_of_the_budget_goes_to_candidates(raced: tuple[Search, StudyDirectory]) -> None:
    specs = specs_of(raced[1])
    assert [spec["number"] for spec in specs] == list(range(TRIALS))
    again = [spec for spec in specs if "repeats" in spec]
    assert len(again) == REPEATS
    assert min(spec["number"] for spec in again) == TRIALS - REPEATS, "once all of the others are known"
    first = {spec["number"]: spec for spec in specs}
    counts = Counter(spec["repeats"] for spec in again)
    assert max(counts.values()) == FRONT - 1
    for number, count in counts.items():
        own = [spec for spec in again if spec["repeats"] == number]
        assert all(spec["parameters"] == first[number]["parameters"] for spec in own)
        assert [spec["data_seed"] for spec in own] == [seed_of(5, replicate + 1) for replicate in range(count)]
    assert len({spec["seed"] for spec in specs}) == TRIALS


def test_what_is_clearly_dominated_is_not_trained_again(raced: tuple[Search, StudyDirectory]) -> None:
    """By more than five times what seeds scatter, in score, by something that is no larger."""
    rows = {row["number"]: row for row in raced[1].trials().to_pylist()}
    raced_numbers = {row["repeats"] for row in rows.values()} - {None}
    for number in raced_numbers:
        mine = rows[number]
        better = [
            other
            for other in rows.values()
            if other["neurons"] <= mine["neurons"] and other["val_accuracy"] > mine["val_accuracy"] + 5 * NOISE
        ]
        assert not better


def test_the_front_is_of_means_and_its_members_have_several_seeds(raced: tuple[Search, StudyDirectory]) -> None:
    trials = analysis.load(raced[1].path()).trials
    front = analysis.pareto(trials)
    assert (front["seeds"] > 1).mean() > 0.7
    for _, one in front.iterrows():
        own = trials[trials["configuration"] == one["number"]]
        assert len(own) == one["seeds"]
        assert one["val_accuracy"] == pytest.approx(own["val_accuracy"].mean())


def test_networks_kept_are_of_that_front(raced: tuple[Search, StudyDirectory]) -> None:
    """In whatever order rows come, with what they bring back to the front."""
    rows = raced[1].trials().to_pylist()
    trials = analysis.load(raced[1].path()).trials
    expected = set(trials["trial"][front_members(trials)])
    config = study_of().model_dump(mode="json")
    for order in (rows, rows[::-1]):
        front = Front.of(config)
        for row in order:
            front.add([row])
        assert {trial for trial in front.trials if trial in expected} == expected


def test_the_sampler_sees_one_trial_of_a_configuration_at_its_mean(raced: tuple[Search, StudyDirectory]) -> None:
    search, directory = raced
    seen = {trial.number: trial for trial in search._branches["group_lasso", 0].study.get_trials(deepcopy=False)}
    rows = directory.trials().to_pylist()
    again = {row["number"] for row in rows if row["repeats"] is not None}
    assert seen.keys() == {row["number"] for row in rows} - again
    for number, trial in seen.items():
        own = [row for row in rows if number in (row["number"], row["repeats"])]
        mean = np.mean([row["val_accuracy"] for row in own])
        assert (trial.values or [0])[0] == pytest.approx(mean)
        assert trial.constraints["accuracy"] == pytest.approx(0.3 - mean)


@pytest.mark.parametrize("chance", [1, 2])
def test_the_same_whatever_order_results_come_in(
    chance: int, raced: tuple[Search, StudyDirectory], tmp_path: Path
) -> None:
    search, directory = search_at(tmp_path / "other", study_of(), workers=3)
    run(search, directory, trained, workers=3, chance=chance)
    assert directory.manifests() == raced[1].manifests()


@pytest.mark.parametrize("packs", [3, 5, 7])
def test_the_same_after_a_driver_has_ended(packs: int, raced: tuple[Search, StudyDirectory], tmp_path: Path) -> None:
    directory = cut_and_resumed(tmp_path / "cut", study_of(), trained, packs)
    assert directory.manifests() == raced[1].manifests()


@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_samplers_see_the_same_after_a_driver_has_ended(sampler: str, tmp_path: Path) -> None:
    cut_and_resumed(tmp_path / "cut", study_of(sampler=sampler), trained, packs=6)


def test_a_larger_budget_goes_on_from_there(raced: tuple[Search, StudyDirectory], tmp_path: Path) -> None:
    search, directory = search_at(tmp_path / "more", study_of())
    for manifest in raced[1].manifests():
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
    search, _ = search_at(tmp_path / "more", study_of(trials=2 * TRIALS))
    assert search.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    run(search, directory, trained)
    specs = specs_of(directory)
    assert specs[:TRIALS] == specs_of(raced[1]) and len(specs) == 2 * TRIALS
    assert sum("repeats" in spec for spec in specs) == 2 * REPEATS
    assert not any("repeats" in spec for spec in specs[TRIALS : 2 * TRIALS - REPEATS])


def test_a_pack_that_is_lost_is_made_up_for(raced: tuple[Search, StudyDirectory], tmp_path: Path) -> None:
    """Its trials are no candidates any more, whatever repeats them."""
    search, directory = search_at(tmp_path / "less", study_of())
    gone, *others = raced[1].manifests()
    for manifest in others:
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
    assert search.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    run(search, directory, trained)
    specs = specs_of(directory)
    assert len(specs) == TRIALS and max(spec["number"] for spec in specs) == TRIALS + len(gone["trials"]) - 1


def race_of(points: list[tuple[float, float]], seeds: int = 5) -> Race:
    race = Race(seeds, 8, ["accuracy", "neurons"])
    for number, (accuracy, neurons) in enumerate(points):
        told(race, number, accuracy, neurons)
    return race


def told(
    race: Race, number: int, accuracy: float | None, neurons: float, repeats: int | None = None, **row: Any
) -> None:
    spec: TrialSpec = {"trial": f"t{number}", "number": number, "lane": 0, "seed": 0, "data_seed": 0, "parameters": {}}
    if repeats is not None:
        spec["repeats"] = repeats
    race.asked(spec)
    values = None if accuracy is None else [accuracy, neurons]
    race.told(spec, {"status": "COMPLETE" if values else "FAILED", "epochs": 9} | row, values, {})


def test_seeds_go_where_the_front_is_in_doubt() -> None:
    """Two of one size that only luck tells apart, one that is alone on the front, one that is far behind."""
    race = race_of([(0.90, 20), (0.901, 20), (0.70, 5), (0.50, 20)])
    for number, (first, accuracy) in enumerate([(0, 0.93), (1, 0.925), (2, 0.71), (3, 0.52)], 4):
        told(race, number, accuracy, 5 if first == 2 else 20, repeats=first)
    likely = race.likelihoods()
    assert 0.2 < likely[0] < 0.8 and 0.2 < likely[1] < 0.8
    assert likely[2] == 1 and likely[3] < UNLIKELY
    counts = Counter(race.wanted(6))
    assert counts[0] + counts[1] > 4 * counts[2]
    assert counts[3] == 0
    assert Counter(race.wanted(100)) == {0: 3, 1: 3, 2: 3}, "up to five trials each"


def test_a_configuration_that_diverges_once_is_out_and_one_that_broke_off_is_not() -> None:
    race = race_of([(0.90, 20), (0.89, 10)])
    told(race, 2, None, 0, repeats=0)
    assert race.mean(0) == (None, {}) and set(race.wanted(10)) == {1}
    told(race, 3, None, 0, repeats=1, epochs=None)
    assert race.mean(1) == ([0.89, 10], {})
    assert race.waits is False


def test_a_diverged_repetition_fails_the_trial_that_the_sampler_knows(tmp_path: Path) -> None:
    search, directory = search_at(tmp_path / "one", study_of())
    run(search, directory, trained, packs=5)
    manifest = search.ask()
    assert manifest is not None
    rows = [{**row, "status": "FAILED", "reason": "loss is inf"} for row in trained(manifest)]
    search.tell(manifest, rows)
    study = search._branches["group_lasso", 0].study
    spoilt = {spec["repeats"] for spec in manifest["trials"]}
    states = {trial.number: trial.state for trial in study.get_trials(deepcopy=False)}
    assert {number for number, state in states.items() if state == TrialState.FAIL} == spoilt


def test_trials_without_parameters_are_seeds_already(tmp_path: Path) -> None:
    config = study_of(methods={"dense": {"space": {"lr": 0.01}, "trials": 6}})
    search, _ = search_at(tmp_path / "one", config)
    manifest = search.ask()
    assert manifest is not None and len(manifest["trials"]) == 6
    assert not any("repeats" in spec for spec in manifest["trials"])


def test_such_studies_are_neither_merged_nor_replayed(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "one")
    directory.create(to_yaml(study_of()))
    with pytest.raises(StudyError, match="races seeds"):
        merge([directory, directory], StudyDirectory(tmp_path / "out"))
    with pytest.raises(StudyError, match="cannot be replayed"):
        Simulation(study_of(), [], [], LAYERS)


def test_what_a_study_may_say() -> None:
    config = study_of(methods={"group_lasso": None, "dense": {"seeds": 3, "trials": 2}})
    assert config.budget("group_lasso") == TRIALS and config.budget("dense") == 6
    assert (config.repeats("dense"), config.repeats("group_lasso")) == (0, REPEATS)
    assert config.racing("dense") is None and config.racing("group_lasso") is not None
    assert StudyConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": {"front": 1}}, "greater than or equal to 2"),
        ({"seeds": {"fornt": 5}}, "front"),
        ({"seeds": {"front": 5, "share": 1.0}}, "less than 1"),
        ({"path": {"lambda": 8}, "polish": 1}, "one seed for each path"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        study_of(**change)


def test_the_audit_looks_at_the_seeds_of_the_fronts(raced: tuple[Search, StudyDirectory]) -> None:
    trials = analysis.load(raced[1].path()).trials
    points = {point.title: point for point in analysis.audit(trials, study_of().model_dump(mode="json"))}
    (seeds,) = [point for title, point in points.items() if "seeds" in title]
    assert "configurations on the methods' fronts have" in seeds.found
