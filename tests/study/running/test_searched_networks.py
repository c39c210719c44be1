"""Arguments of the network among what is searched: packs of several networks, from the search to the commands; no Ray.

The network is a user's own; of its two depths and any widths one combination cannot be built.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from study.cli import app
from study.cli.trials import again
from study.config import ConfigError, StudyConfig, loads, of_mapping, to_yaml
from study.directory import Manifest, Models, StudyDirectory, broke_off, find_trial
from study.rehearsal import rehearse, scales
from study.running.retraining import retrain
from study.running.training import Training
from study.search import Search
from trainables.errors import StudyError

Row = dict[str, Any]

OWN = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, depth, widths=(8,), rate=0.0):
        if depth == 2 and rate > 0.4:
            raise ValueError("no such network")
        sizes = [64, *widths, *[6] * depth]
        hidden = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(rate))]
        super().__init__(*hidden, nn.Linear(sizes[-1], 10))
"""
STUDY: dict[str, Any] = {
    "name": "searched",
    "data": "digits",
    "model": {
        "name": "searched_network:Net",
        "depth": {"choices": [1, 2]},
        "widths": {"choices": [[8], [12, 8]]},
        "rate": {"low": 0.0, "high": 0.4},
    },
    "epochs": 3,
    "polish": 1,
    "batch_size": 539,
    "trials": 6,
    "methods": {
        "dense": {"trials": 1, "space": {"model.depth": 1}},
        "group_lasso": {
            "space": {"beta_1": 1.0, "beta_2": 2.0, "beta_3": 0.5, "beta_4": 0.25},
            "first": [
                {"model.depth": 1, "model.widths": [8], "model.rate": 0.1},
                {"model.depth": 2, "model.widths": [12, 8], "model.rate": 0.1},
                {"model.depth": 1, "model.widths": [8], "model.rate": 0.1},
            ],
        },
    },
    "sampler": "random",
    "pack": {"size": 4},
    "checkpoint": {"seconds": None, "epochs": 1},
}


@pytest.fixture(autouse=True, scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory, with the network in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "searched_network.py").write_text(OWN)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.syspath_prepend(str(home))
        yield home
    torch.set_num_threads(threads)


def created(location: Path, **changes: Any) -> tuple[StudyConfig, StudyDirectory, Search]:
    config = of_mapping(STUDY | changes)
    directory = StudyDirectory(location)
    directory.create(to_yaml(config))
    return config, directory, Search(config, directory, scales(config))


def train(config: StudyConfig, directory: StudyDirectory, manifest: Manifest, until: int = 10**9) -> Training:
    training = Training(config, directory, manifest["pack"])
    while not training.done and training.epochs < until:
        training.advance(60, until=lambda: training.epochs >= until)
    return training


def asked(search: Search, directory: StudyDirectory, method: str) -> Manifest:
    while (manifest := search.ask()) is not None and manifest["method"] != method:
        pass
    assert manifest is not None
    directory.write_manifest(manifest)
    return manifest


@pytest.fixture(scope="module")
def trained(place: Path) -> tuple[StudyConfig, StudyDirectory, Manifest]:
    """A finished pack of group lasso."""
    config, directory, search = created(place / "whole", keep_models="all")
    manifest = asked(search, directory, "group_lasso")
    train(config, directory, manifest)
    return config, directory, manifest


def test_a_pack_has_trials_of_several_networks(trained: tuple[StudyConfig, StudyDirectory, Manifest]) -> None:
    _, directory, manifest = trained
    one, two, three, fourth = directory.rows(manifest["pack"], "group_lasso")
    assert [row["status"] for row in (one, two, three, fourth)] == ["COMPLETE"] * 4
    assert [list(row["dense_widths"]) for row in (one, two, three)] == [[8, 6], [12, 8, 6, 6], [8, 6]]
    assert [row["param_model.widths"] for row in (one, two)] == ["[8]", "[12, 8]"]
    assert [row["param_model.depth"] for row in (one, two)] == [1, 2]
    assert one["dense_parameters"] == 64 * 8 + 8 + 8 * 6 + 6 + 6 * 10 + 10
    assert (one["param_beta_4"], two["param_beta_4"]) == (None, 0.25)  # of layers that its network does not have
    assert [row["lane"] for row in (one, two, three, fourth)] == [0, 1, 2, 3]


def numbers(row: Row) -> Row:
    times = ("train_seconds", "finished_at", "pack", "lane", "worker")
    return {name: value for name, value in row.items() if name not in times and value is not None}


def test_a_trial_does_not_depend_on_the_networks_in_its_pack(
    trained: tuple[StudyConfig, StudyDirectory, Manifest], tmp_path: Path
) -> None:
    config, directory, manifest = trained
    alone = StudyDirectory(tmp_path / "alone")
    alone.create(to_yaml(config))
    alone.write_manifest({**manifest, "trials": manifest["trials"][1:2]})
    train(config, alone, manifest)
    (found,) = alone.rows(manifest["pack"], "group_lasso")
    expected = numbers(directory.rows(manifest["pack"], "group_lasso")[1])
    assert numbers(found).keys() == expected.keys()
    for name, value in expected.items():
        same = pytest.approx(value, rel=1e-3, abs=1e-4) if isinstance(value, float) else value
        assert numbers(found)[name] == same, name


def test_a_pack_goes_on_from_a_checkpoint_in_its_second_network(
    trained: tuple[StudyConfig, StudyDirectory, Manifest], tmp_path: Path
) -> None:
    config, directory, manifest = trained
    stopped = StudyDirectory(tmp_path / "stopped")
    stopped.create(to_yaml(config))
    stopped.write_manifest(manifest)
    assert not train(config, stopped, manifest, until=5).done
    again = Training(config, stopped, manifest["pack"])
    assert again.epochs == 5
    while not again.done:
        again.advance(60)
    rows = (place.rows(manifest["pack"], "group_lasso") for place in (stopped, directory))
    one, other = ([numbers(row) for row in own] for own in rows)
    assert one == other


def test_a_search_that_is_rebuilt_asks_the_same(
    trained: tuple[StudyConfig, StudyDirectory, Manifest], tmp_path: Path
) -> None:
    config, directory, _ = trained
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir(), (tmp_path / "c").mkdir()
    whole = Search(config, StudyDirectory(tmp_path / "a"), scales(config))
    packs = []
    while (pack := whole.ask()) is not None:
        packs.append(pack)
    rebuilt = Search(config, StudyDirectory(tmp_path / "b"), scales(config))
    assert rebuilt.rebuild(packs[:1], []) == packs[:1]
    assert [rebuilt.ask() for _ in packs[1:]] == packs[1:]
    rows = directory.trials().to_pylist()
    told = Search(config, StudyDirectory(tmp_path / "c"), scales(config))
    assert told.rebuild([], rows) == []  # its manifest was lost, and its whole numbers are floats in the table


def test_a_network_that_cannot_be_built_fails_its_trials_and_no_others(tmp_path: Path) -> None:
    model = STUDY["model"] | {"rate": {"choices": [0.0, 0.5]}}
    first = [{"model.depth": 2, "model.rate": rate, "model.widths": [8]} for rate in (0.5, 0.0)]
    methods = {"dense": {"first": first}}
    bad, directory = of_mapping(STUDY | {"model": model, "methods": methods, "trials": 2}), StudyDirectory(tmp_path)
    directory.create(to_yaml(bad))
    manifest = Search(bad, directory, {"dense": 1}).ask()
    assert manifest is not None
    directory.write_manifest(manifest)
    train(bad, directory, manifest)
    failed, fine = directory.rows(manifest["pack"], "dense")
    assert (failed["status"], fine["status"]) == ("FAILED", "COMPLETE")
    assert failed["reason"].strip().endswith("ValueError: no such network") and failed["param_model.rate"] == 0.5
    assert not broke_off(failed)  # it is what its parameters are worth; to train it again would not help
    with pytest.raises(StudyError, match=r"Net fails with model\.depth 2.*rate 0\.5: ValueError: no such"):
        rehearse(bad)


def test_the_rehearsal_tries_several_networks(trained: tuple[StudyConfig, StudyDirectory, Manifest]) -> None:
    found = rehearse(trained[0])
    layers = {name: scale.layers for name, scale in found.scales.items()}
    assert (len(found.networks) == 8 and layers == {"dense": 4, "group_lasso": 4}) or found.networks
    assert found.network.neurons == max(one.neurons for one in found.networks) == 12 + 8 + 6 + 6
    assert json.dumps(found.to_dict())


def test_a_trial_is_trained_again_with_its_own_network(
    trained: tuple[StudyConfig, StudyDirectory, Manifest],
) -> None:
    config, directory, manifest = trained
    found = find_trial(directory, manifest["trials"][1]["trial"])
    made = retrain(config, found)
    assert made.differences == {} and made.network is not None
    assert made.network.card["model"]["widths"] == [12, 8] and made.network.card["model"]["depth"] == 2
    once_more = loads(again(directory.config(), found))
    assert once_more.model.options == {"depth": 2, "widths": [12, 8], "rate": 0.1}
    assert not [name for name in once_more.methods["group_lasso"].space if name.startswith("model.")]


def test_a_network_that_was_kept_is_the_trials_own(trained: tuple[StudyConfig, StudyDirectory, Manifest]) -> None:
    _, directory, manifest = trained
    for spec, hidden in zip(manifest["trials"][:3], ([8, 6], [12, 8, 6, 6], [8, 6]), strict=True):
        card = Models(directory).read(spec["trial"]).card
        assert card["trial"]["dense_widths"] == hidden


def test_a_baseline_like_a_trial_has_its_network(trained: tuple[StudyConfig, StudyDirectory, Manifest]) -> None:
    _, directory, manifest = trained
    like = {"study": directory.path(), "trial": manifest["trials"][1]["trial"]}
    config = of_mapping(STUDY | {"methods": {"magnitude": {"like": like}}})
    space = config.methods["magnitude"].space
    assert (space["model.depth"], space["model.widths"], space["model.rate"]) == (2, "[12, 8]", 0.1)
    assert config.model_options({"model.widths": space["model.widths"]})["widths"] == [12, 8]
    assert [name for name in space if name.startswith("sparsity_")] == [f"sparsity_{i}" for i in (1, 2, 3, 4)]


def test_a_configuration_is_enqueued_with_arguments(
    trained: tuple[StudyConfig, StudyDirectory, Manifest], tmp_path: Path
) -> None:
    config, directory, _ = created(tmp_path / "queued", methods=["dense"])
    call = ["enqueue", directory.path(), "dense", "model.widths=[12, 8]", "model.depth=1", "lr=0.01"]
    ran = CliRunner().invoke(app, call, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    manifest = Search(config, directory, scales(config)).ask()
    assert manifest is not None
    parameters = manifest["trials"][0]["parameters"]
    assert (parameters["model.widths"], parameters["model.depth"], parameters["lr"]) == ("[12, 8]", 1, 0.01)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"name": "mlp", "depth": {"choices": []}}}, r"model\.depth: expected a list of values"),
        ({"model": {"name": "mlp", "dept": {"choices": [1]}}}, r"model\.dept: .*did you mean 'depth'"),
        ({"methods": {"dense": {"space": {"model.dept": 2}}}}, r"model\.dept: .*did you mean 'model\.depth'"),
        ({"methods": {"dense": {"space": {"model.depth": {"low": 2}}}}}, r"model\.depth: expected low and high"),
        ({"methods": {"dense": {"first": [{"model.depth": 5}]}}}, r"model\.depth: expected a value of 1 \| 2"),
    ],
)
def test_what_is_wrong_is_one_line(changes: Row, said: str) -> None:
    model = {"name": "mlp", "depth": {"choices": [1, 2]}}
    with pytest.raises(ConfigError, match=said):
        of_mapping(STUDY | {"model": model, "methods": ["dense"]} | changes)


def test_a_mapping_in_a_space_is_the_same(tmp_path: Path) -> None:
    flat = of_mapping(STUDY | {"methods": {"dense": {"space": {"model.depth": 2}}}})
    nested = of_mapping(STUDY | {"methods": ["dense"]}, ["methods.dense.space.model.depth=2"])
    assert flat.methods == nested.methods


def test_counts_are_of_the_trials_own_network(trained: tuple[StudyConfig, StudyDirectory, Manifest]) -> None:
    for row in trained[1].trials().to_pylist():
        assert row["neurons"] <= row["dense_neurons"] and math.isfinite(row["val_accuracy"])
        assert sum(row["dense_widths"]) == row["dense_neurons"]
