"""Every flipped byte of a study's files that changes what is read is found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.config.changes import check_recipes, recipe_of
from study.config.load import loads, stored, to_yaml
from study.config.settings import StudyConfig
from study.directory.checkpoints import decode_checkpoint
from study.directory.encoding import (
    WrongChecksum,
    decode_config,
    decode_latencies,
    decode_manifest,
    decode_mapping,
    decode_table,
)
from study.directory.queue import enqueue
from study.directory.study_directory import StudyDirectory
from study.doctor.checks import _torn_model
from study.running.launch import adopt
from trainables.errors import StudyError

Grow = Callable[..., Any]

ASKED = ("method", "parameters")
LATENCY = {"trial": None, "network": "dense", "neurons": 40, "macs": 400, "batch": 1, "device": "cpu"}
LATENCY |= {"dtype": "float32", "threads": 1, "compiled": False, "cuda_graph": False}
LATENCY |= {"p50_ms": 0.5, "p95_ms": 0.7, "runs": 30, "load": 0.1}

FILES: dict[str, tuple[str, Callable[[bytes, str], Any]]] = {
    "config": ("study.yaml", lambda data, path: loads(decode_config(data), names=False)),
    "manifest": ("packs/dense-p0000.json", decode_manifest),
    "trials": ("results/trials/method=dense/dense-p0000.parquet", lambda data, path: plain(decode_table(data, path))),
    "curves": ("results/curves/method=dense/dense-p0000.parquet", lambda data, path: plain(decode_table(data, path))),
    "latencies": ("results/latency.parquet", lambda data, path: plain(decode_latencies(data, path))),
    "queue": ("queue/0.json", lambda data, path: [decode_mapping(data)[key] for key in ASKED]),
    "checkpoint": ("checkpoints/group_lasso-p0001-00000003.pt", lambda data, path: str(decode_checkpoint(data))),
}
MOST = 4000


def plain(table: Any) -> Any:
    return table.schema.names, [str(kind) for kind in table.schema.types], table.to_pylist()


@pytest.mark.parametrize("kind", FILES)
def test_every_flip_that_changes_what_is_read_is_found(kind: str, grow: Grow) -> None:
    path, decode = FILES[kind]
    study = grow()
    if kind == "latencies":
        study.directory.write_latencies([LATENCY])
    if kind == "queue":
        path = f"queue/{enqueue(study.directory.store, 'dense', {'lr': 0.05, 'optimizer': 'sgd'})}.json"
    data = (study.path / path).read_bytes()
    whole = decode(data, path)
    draw = random.Random(0)
    flips = [(place, draw.randrange(8)) for place in range(len(data))]
    for place, bit in flips if len(flips) <= MOST else draw.sample(flips, MOST):
        flipped = bytearray(data)
        flipped[place] ^= 1 << bit
        try:
            found = decode(bytes(flipped), path)
        except StudyError:
            continue
        assert found == whole, f"byte {place}, bit {bit}"


def test_files_without_a_checksum_are_read(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seal_text", "seal_table", "seal_archive"):
        monkeypatch.setattr(f"study.directory.checksum.{name}", lambda data: data)
    monkeypatch.setattr("study.directory.checkpoints.seal_archive", lambda data: data)
    monkeypatch.setattr("study.directory.checksum.TABLE_KEY", b"study.other")
    study = grow()
    assert study.directory.config()["name"] == "digits" and study.directory.trials().num_rows
    path = FILES["checkpoint"][0]
    assert list(decode_checkpoint((study.path / path).read_bytes())) == ["weights"]


def with_settings(config: StudyConfig, *settings: str) -> StudyConfig:
    return loads(to_yaml(config), overrides=settings, names=False)


def edited(study: Any) -> StudyDirectory:
    file = Path(study.path) / "study.yaml"
    file.write_text(file.read_text().replace("epochs: 3\n", "epochs: 2\n", 1))
    return StudyDirectory(study.path)


def test_an_edited_configuration_is_refused_with_what_to_do(grow: Grow) -> None:
    place = edited(grow())
    for read in (place.config, place.config_text, lambda: stored(place)):
        with pytest.raises(WrongChecksum, match=r"study resume DIR FILE"):
            read()


def test_a_yaml_of_the_same_recipe_repairs_it(grow: Grow) -> None:
    study = grow()
    for manifest in study.manifests:  # as a driver writes them
        path = study.path / f"packs/{manifest['pack']}.json"
        path.unlink()
        study.directory.write_manifest({**manifest, "recipe": recipe_of(study.config, manifest["method"])})
    place = edited(study)
    with pytest.raises(StudyError, match="were made with other values"):
        adopt(with_settings(study.config, "epochs=2"), place)
    adopt(with_settings(study.config, "notes=mine"), place)
    assert place.config()["epochs"] == 3 and place.config()["notes"] == "mine"


def test_a_recipe_is_what_decides_the_numbers(grow: Grow) -> None:
    config = grow().config
    same = with_settings(config, "notes=x", "trials=9", "resources.workers=2", "pack.size=2", "methods=[dense]")
    assert recipe_of(config, "dense") == recipe_of(same, "dense")
    for change in ("epochs=4", "seed=1", "batch_size=8", "optimizer=sgd"):
        assert recipe_of(config, "dense") != recipe_of(with_settings(config, change), "dense")
    check_recipes(config, [{"pack": "p", "method": "dense"}], "older ones do not say")  # type: ignore[typeddict-item]


def test_every_flip_in_a_card_is_found_by_the_copy_in_its_network(grow: Grow) -> None:
    study = grow()
    store = study.directory.store
    (card, *_) = store.names("models", ".json")
    network, data = card.replace(".json", ".safetensors"), store.get(card)
    assert list(_torn_model(study.directory, network, card)) == []
    draw = random.Random(0)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << draw.randrange(8)
        store.put(card, bytes(flipped), replace=True)
        found = [finding.path for finding in _torn_model(study.directory, network, card)]
        assert found == [card] or (found == [] and json.loads(flipped) == json.loads(data)), f"byte {place}"
