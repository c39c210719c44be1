"""Configurations to try first: of the YAML, and of the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.config import StudyConfig, loads, to_yaml
from study.directory import Manifest, StudyDirectory, enqueue, queued
from study.search import Search
from tests.study.cli.test_cli_trials import run
from tests.study.conftest import configuration, trained

FIRST = [{"lr": 0.05, "lambda": 0.003}, {"lambda": 0.002}]
SPACE = {"lr": [0.01, 0.1], "lambda": [0.001, 0.01]}


def config(**changes: Any) -> StudyConfig:
    method = {"space": SPACE, "first": FIRST, **changes.pop("method", {})}
    return configuration(**{"trials": 8, "methods": {"group_lasso": method}, "sampler": "tpe", **changes})


def search(location: Path, settings: StudyConfig) -> tuple[Search, StudyDirectory]:
    directory = StudyDirectory(location)
    directory.create(to_yaml(settings))
    return Search(settings, directory, {"group_lasso": 2}), directory


def ask(searching: Search, directory: StudyDirectory, finish: bool = True) -> Manifest:
    manifest = searching.ask()
    assert manifest is not None
    directory.write_manifest(manifest)
    if finish:
        rows = trained("digits", manifest)
        directory.write_results(manifest["pack"], manifest["method"], rows, [])
        searching.tell(manifest, directory.rows(manifest["pack"], manifest["method"]))
    return manifest


def values(manifest: Manifest, name: str) -> list[Any]:
    return [spec["parameters"][name] for spec in manifest["trials"]]


def test_the_first_trials_are_the_users(tmp_path: Path) -> None:
    settings = loads(to_yaml(config()))
    manifest = ask(*search(tmp_path / "a", settings))
    assert values(manifest, "lambda")[:2] == [0.003, 0.002] and values(manifest, "lr")[0] == 0.05
    assert len(set(values(manifest, "lambda"))) == 4 and 0.01 <= values(manifest, "lr")[1] <= 0.1
    again = ask(*search(tmp_path / "b", settings))
    assert again["trials"] == manifest["trials"], "a study that is run twice is the same"


def test_repetitions_share_it(tmp_path: Path) -> None:
    manifest = ask(*search(tmp_path / "a", config(seeds=2)))
    assert values(manifest, "lambda") == [0.003, 0.003, 0.002, 0.002]


def test_the_queue_is_next_and_each_of_it_is_tried_once(tmp_path: Path) -> None:
    searching, directory = search(tmp_path / "a", config(method={"first": None}))
    before = ask(searching, directory)
    enqueue(directory.store, "group_lasso", {"lambda": 0.004})
    enqueue(directory.store, "group_lasso", {"lambda": 0.005})
    first = ask(searching, directory, finish=False)
    assert values(first, "lambda")[:2] == [0.004, 0.005]
    used = {spec["queued"] for spec in first["trials"] if "queued" in spec}
    assert len(used) == 2 and queued(directory.store, used) == []
    resumed = Search(config(trials=12, method={"first": None}), directory, {"group_lasso": 2})
    rows = directory.trials().to_pylist()
    assert resumed.rebuild(directory.manifests(), rows) == [first]
    resumed.tell(first, trained("digits", first))
    enqueue(directory.store, "group_lasso", {"lambda": 0.006})
    last = resumed.ask()
    assert last is not None and values(last, "lambda")[0] == 0.006 and 0.004 not in values(last, "lambda")
    assert before["trials"][0]["parameters"]["lambda"] not in (0.004, 0.005)


def test_what_the_ranges_turn_out_not_to_have_is_said_once_and_not_tried(tmp_path: Path) -> None:
    settings, directory, said = config(method={"first": None}), StudyDirectory(tmp_path / "a"), list[str]()
    directory.create(to_yaml(settings))
    searching = Search(settings, directory, {"group_lasso": 2}, warn=said.append)
    enqueue(directory.store, "group_lasso", {"lambda": 7.0})
    enqueue(directory.store, "group_lasso", {"lambda": 0.004})
    assert values(ask(searching, directory), "lambda")[0] == 0.004
    ask(searching, directory)
    (line,) = said
    assert line.startswith("queue: group_lasso: lambda: expected a value of 0.001 .. 0.01") and "7" in line


def test_the_command_puts_it_there(tmp_path: Path) -> None:
    searching, directory = search(tmp_path / "a", config(method={"first": None}))
    said = run("enqueue", directory.path(), "group_lasso", "lambda=4e-3", "lr=0.02")
    assert f"1 in its queue; go on with: study resume {directory.path()}" in said.replace("\n", " ")
    assert "2 in its queue" in run("enqueue", directory.path(), "group_lasso", "lambda=0.005")
    assert values(ask(searching, directory), "lambda")[:2] == [0.004, 0.005]
    ask(searching, directory)
    said = run("enqueue", directory.path(), "group_lasso", "lambda=0.005").replace("\n", " ")
    assert "its 8 trials are asked for" in said and "--trials 9" in said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("lambd=0.002", "lambd: expected one of .*did you mean 'lambda'"),
        ("lambda=0.5", "lambda: expected a value of 0.001 .. 0.01 .*but got 0.5"),
        ("lambda=much", "but got 'much'"),
        ("lambda", "expected NAME=VALUE"),
    ],
)
def test_what_the_space_does_not_have_is_refused(wanted: str, said: str, tmp_path: Path) -> None:
    _, directory = search(tmp_path / "a", config())
    with pytest.raises(ValueError, match=said):
        run("enqueue", directory.path(), "group_lasso", wanted)
    with pytest.raises(ValueError, match="did you mean 'group_lasso'"):
        run("enqueue", directory.path(), "group_laso", "lr=0.05")


def test_the_yaml_is_told_where(tmp_path: Path) -> None:
    text = to_yaml(config()).replace("lambda: 0.002", "lambda: 2.0")
    with pytest.raises(ValueError, match=r"study.yaml:\d+: methods.group_lasso.first.1.lambda: expected a value of"):
        loads(text)
