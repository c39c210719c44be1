"""Strengths that reach given compressions, whatever order results come in. Nothing is trained."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution

import search_spaces
from study.config.load import StudyConfig
from study.directory import Manifest, StudyDirectory, TrialSpec
from study.doctor.merge import merge
from study.search import Simulation
from study.search.brackets import Brackets, Lane
from tests.study.asked import LAYERS, Row, cut_and_resumed, row_of, run, search_at
from trainables.declarations import declared
from trainables.errors import StudyError

TARGETS, ROUNDS, TRIALS = (2.0, 4.0, 8.0), 5, 45
DENSE = 10_000


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "name": "aimed",
        "seed": 5,
        "data": "digits",
        "model": "mlp",
        "epochs": 2,
        "trials": TRIALS,
        "methods": {"group_lasso": {"space": {"lambda": [1e-4, 1e-1]}}, "dense": {"trials": 4}},
        "target": {"compressions": list(TARGETS), "rounds": ROUNDS},
        "pack": {"size": 6},
    }
    return StudyConfig.model_validate(given | changes)


def compression(parameters: dict[str, Any]) -> float:
    """1 at 1e-4 and some hundreds at .1, more with a larger rate."""
    return max(1.0, (parameters["lambda"] / 1e-4) ** (0.8 + 0.1 * math.log10(parameters["lr"] / 1e-3)))


def trained(manifest: Manifest) -> list[Row]:
    rows = []
    for spec in manifest["trials"]:
        ratio = compression(spec["parameters"]) if manifest["method"] == "group_lasso" else 1.0
        rows.append(
            row_of(
                manifest,
                spec,
                val_accuracy=1 / ratio,
                neurons=50,
                parameters=max(1, round(DENSE / ratio)),
                dense_parameters=DENSE,
                target=spec.get("target"),
            )
        )
    return rows


def brackets_of(directory: StudyDirectory) -> dict[int, list[TrialSpec]]:
    found: dict[int, list[TrialSpec]] = defaultdict(list)
    for manifest in directory.manifests():
        for spec in manifest["trials"] if manifest["method"] == "group_lasso" else ():
            found[spec["bracket"]].append(spec)
    return dict(found)


@pytest.fixture(scope="module")
def aimed(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    search, directory = search_at(tmp_path_factory.mktemp("aimed") / "one", study_of(), workers=3)
    run(search, directory, trained, workers=3)
    return directory


def test_lanes_of_a_bracket_differ_in_their_strength_alone(aimed: StudyDirectory) -> None:
    brackets = brackets_of(aimed)
    assert [len(own) for own in brackets.values()] == [len(TARGETS) * ROUNDS] * 3
    assert len({own[0]["parameters"]["lr"] for own in brackets.values()}) == 3
    for own in brackets.values():
        assert len({(spec["seed"], spec["parameters"]["lr"]) for spec in own}) == 1
        assert len({spec["parameters"]["lambda"] for spec in own}) == len(own)
        assert [spec["target"] for spec in own] == list(TARGETS) * ROUNDS
    first = [spec["parameters"]["lambda"] for spec in brackets[0][:3]]
    assert first == pytest.approx([10 ** (-4 + 0.75 * place) for place in (1, 2, 3)])


def test_what_was_asked_for_is_reached(aimed: StudyDirectory) -> None:
    for own in brackets_of(aimed).values():
        for target in TARGETS:
            errors = [
                abs(math.log(compression(spec["parameters"]) / target)) for spec in own if spec["target"] == target
            ]
            assert min(errors) < 0.12
            assert errors[-1] < errors[0] or min(errors) < 0.02
    rows = [row for row in aimed.trials().to_pylist() if row["method"] == "group_lasso"]
    assert [row["target"] for row in rows] == [
        spec["target"] for manifest in aimed.manifests() for spec in manifest["trials"] if "target" in spec
    ]


def test_a_method_without_a_strength_trains_as_ever(aimed: StudyDirectory) -> None:
    (dense,) = [manifest for manifest in aimed.manifests() if manifest["method"] == "dense"]
    assert len(dense["trials"]) == 4 and not any("target" in spec for spec in dense["trials"])
    assert {name for name in search_spaces.methods() if not declared(name).lever} == {"dense"}


@pytest.mark.parametrize("chance", [1, 2])
def test_the_same_whatever_order_results_come_in(chance: int, aimed: StudyDirectory, tmp_path: Path) -> None:
    search, directory = search_at(tmp_path / "other", study_of(), workers=3)
    run(search, directory, trained, workers=3, chance=chance)
    assert directory.manifests() == aimed.manifests()


@pytest.mark.parametrize("packs", [2, 5])
def test_the_same_after_a_driver_has_ended(packs: int, aimed: StudyDirectory, tmp_path: Path) -> None:
    directory = cut_and_resumed(tmp_path / "cut", study_of(), trained, packs)
    assert directory.manifests() == aimed.manifests()


@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_samplers_see_the_same_after_a_driver_has_ended(sampler: str, tmp_path: Path) -> None:
    cut_and_resumed(tmp_path / "cut", study_of(sampler=sampler), trained, packs=6)


def test_a_larger_budget_opens_more_brackets(aimed: StudyDirectory, tmp_path: Path) -> None:
    for manifest in aimed.manifests():
        search, directory = search_at(tmp_path / "more", study_of(trials=TRIALS + 20))
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
    assert search.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    run(search, directory, trained)
    assert [len(own) for own in brackets_of(directory).values()] == [15, 15, 15, 15, 5]


def test_a_search_goes_on_without_the_packs_that_opened_a_bracket(aimed: StudyDirectory, tmp_path: Path) -> None:
    search, directory = search_at(tmp_path / "lost", study_of(), workers=3)
    kept = [found for found in aimed.manifests() if not any(spec.get("bracket") == 0 for spec in found["trials"])]
    assert any(manifest["method"] == "group_lasso" for manifest in kept)
    for manifest in kept:
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
    assert search.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    run(search, directory, trained)
    brackets = brackets_of(directory)
    assert sum(map(len, brackets.values())) == TRIALS
    for own in brackets.values():
        assert len({spec["parameters"]["lr"] for spec in own}) == 1


def bracket(targets: tuple[float, ...] = (2, 4, 8)) -> Brackets:
    return Brackets("lambda", FloatDistribution(1e-4, 1e-1, log=True), targets, "parameters", 4)


def tell(brackets: Brackets, lanes: list[Lane], ratios: list[float | None]) -> None:
    for number, (lane, ratio) in enumerate(zip(lanes, ratios, strict=True)):
        spec: TrialSpec = {"trial": "", "number": number, "lane": 0, "seed": 0, "data_seed": 0, "parameters": {}}
        spec |= {"parameters": {"lambda": lane.strength}, "bracket": lane.bracket, "target": lane.target}
        brackets.asked(spec, {"lambda": lane.strength, "lr": 0.1})
        row = {"status": "COMPLETE", "dense_parameters": 1000, "parameters": ratio and 1000 / ratio}
        brackets.told(spec, row if ratio is not None else {"status": "FAILED"})


def test_compressions_between_the_same_two_strengths_share_what_is_between() -> None:
    brackets = bracket()
    first = brackets.next(8, 100)
    assert [lane.bracket for lane in first] == [0, 0, 0, 1, 1, 1]
    tell(brackets, first[:3], [1.5, 16, 90])
    low, high = first[0].strength, first[1].strength
    second = [lane.strength for lane in brackets.next(3, 100)]
    assert second == pytest.approx([low * (high / low) ** share for share in (0.25, 0.5, 0.75)])


def test_what_failed_tells_nothing_and_the_ends_are_never_passed() -> None:
    brackets = bracket((2, 1000))
    tell(brackets, brackets.next(2, 8), [None, 3.0])
    for ratio in (3.5, 4.0, 4.5):
        lanes = brackets.next(2, 8)
        assert len(lanes) == 2 and all(1e-4 <= lane.strength <= 1e-1 for lane in lanes)
        tell(brackets, lanes, [2.0, ratio])
    assert brackets.next(2, 0) == [] and not brackets.open(0)


def test_nothing_goes_on_before_all_lanes_of_a_bracket_are_known() -> None:
    brackets = bracket()
    lanes = brackets.next(3, 12)
    for number, lane in enumerate(lanes):
        spec: TrialSpec = {"trial": "", "number": number, "lane": 0, "seed": 0, "data_seed": 0, "parameters": {}}
        brackets.asked({**spec, "bracket": lane.bracket, "target": lane.target}, {"lambda": lane.strength})
    assert not brackets.open(9 + 11), "no whole bracket is left beside the rest of this one"
    assert brackets.open(9 + 12)


def test_such_studies_are_neither_merged_nor_replayed(aimed: StudyDirectory, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="brackets compressions"):
        merge([aimed, aimed], StudyDirectory(tmp_path / "out"))
    with pytest.raises(StudyError, match="cannot be replayed"):
        Simulation(study_of(), [], [], LAYERS)


def test_a_list_will_do() -> None:
    config = study_of(target=[2, 4])
    assert config.target is not None
    assert (config.target.compressions, config.target.of, config.target.rounds) == ((2.0, 4.0), "parameters", 4)
    assert StudyConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": [4, 2]}, "ascending numbers"),
        ({"target": [1, 2]}, "greater than 1"),
        ({"target": {"compressions": [2], "of": "units"}}, "parameters"),
        ({"methods": ["dense"]}, "a method with a strength"),
        ({"methods": {"group_lasso": {"space": {"lambda": 0.1}}}}, "a range, in which compressions are looked for"),
        ({"stopping": "auto"}, "a study without stopping"),
        ({"path": {"lambda": 3}, "polish": 1}, "a study without path"),
        ({"seeds": 2}, "one seed for each strength"),
        ({"seeds": {"front": 3}}, "one seed for each strength"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        study_of(**change)
