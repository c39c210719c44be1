"""How packs train under `vectorize: auto`: chosen once, and whoever goes on with the study keeps to it."""

from __future__ import annotations

from typing import Any

import pytest

from study.config import StudyConfig
from study.rehearsal import described, stackings
from study.running.stacking import ways
from trainables.rehearsal import Stacking

STUDY: dict[str, Any] = {
    "name": "little",
    "data": {"name": "digits", "image": True, "limit": 200},
    "model": {"name": "convnet", "channels": [16, 32]},
    "epochs": 4,
    "polish": 1,
    "batch_size": 16,
    "trials": 4,
    "methods": ["dense", "group_lasso", "npn"],
    "objectives": ["accuracy", "neurons"],
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_CACHE", str(tmp_path))
    monkeypatch.setattr("study.rehearsal.stacking.SECONDS", 60.0)  # however slow the machine is at the moment


def config(**changes: Any) -> StudyConfig:
    return StudyConfig.model_validate(STUDY | changes)


def manifest(method: str, **more: Any) -> Any:
    return {"schema": 1, "pack": f"{method}-pack-00000", "method": method, "trials": [], **more}


def chosen(config: StudyConfig, *manifests: Any) -> tuple[dict[str, str], list[tuple[str, str]]]:
    said: list[tuple[str, str]] = []
    return ways(config, manifests, 2, lambda *event: said.append(event)), said


def test_a_study_that_begins_chooses_for_each_method_and_says_so() -> None:
    found, said = chosen(config())
    assert found.keys() == {"dense", "group_lasso", "npn"} and set(found.values()) <= {"on", "off"}
    assert found["dense"] == found["group_lasso"], "of one family"
    assert {kind for kind, _ in said} == {"chosen"}
    assert {name for _, line in said for name in line.partition(":")[0].split(", ")} == set(found)
    assert chosen(config()) == (found, said), "the same machine, the same answer, the same floats"


def test_what_has_begun_goes_on_as_it_began() -> None:
    begun = [manifest("dense", vectorize="off"), manifest("group_lasso")]
    found, said = chosen(config(), *begun)
    assert found["dense"] == "off"
    assert "group_lasso" not in found, "begun before there were choices: its workers go by the rule, as they did"
    assert found["npn"] in ("on", "off")
    assert [line.partition(":")[0] for _, line in said] == ["npn"]
    assert chosen(config(), *begun, manifest("npn", vectorize="on"))[1] == []


@pytest.mark.parametrize("way", ["on", "off"])
def test_what_the_study_says_itself_is_not_tried(way: str) -> None:
    assert chosen(config(pack={"vectorize": way}), manifest("dense", vectorize="off")) == ({}, [])


def test_where_trials_have_networks_of_their_own_each_goes_by_its_size() -> None:
    searched = {"dense": {"space": {"model.channels": {"choices": [[4, 8], [64, 128]]}}}}
    assert stackings(config(methods=searched), 2) == {}


def test_methods_of_one_answer_share_a_line() -> None:
    one, other = Stacking(True, 1.0, 2.0), Stacking(False, 2.0, 1.0)
    assert [line.partition(":")[0] for line in described({"a": one, "b": other, "c": one})] == ["a, c", "b"]
