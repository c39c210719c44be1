"""Study directories as a driver and its workers leave them, without the training."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from study.config.load import StudyConfig, to_yaml
from study.directory.checkpoints import Checkpoints
from study.directory.layout import MODELS
from study.directory.models import Front
from study.directory.study_directory import Manifest, StudyDirectory
from study.search.search import Search
from trainables.sealed import seal

Row = dict[str, Any]


class Grown:
    """A study whose packs are "trained" by a formula: the first `finished` of `packs` have results."""

    def __init__(self, location: str | Path, packs: int = 4, finished: int = 3, **changes: Any) -> None:
        self.directory = StudyDirectory(location)
        self.config = configuration(**changes)
        self.directory.create(to_yaml(self.config))
        self.search = Search(self.config, self.directory, dict.fromkeys(self.config.methods, 2))
        self.manifests: list[Manifest] = []
        for index in range(packs):
            manifest = self.search.ask()
            assert manifest is not None, "the budget is spent"
            self.manifests.append(manifest)
            self.directory.write_manifest({**manifest, "versions": {"torch": "2.13.0"}})
            if index < finished:
                self.finish(manifest)
                self.search.tell(manifest, self.directory.rows(manifest["pack"], manifest["method"]))
        Checkpoints(self.directory.store, self.manifests[-1]["pack"]).save(3, {"weights": torch.ones(2)})
        front = Front(self.config.objectives)
        front.add(self.directory.trials().to_pylist())
        for trial in front.trials:
            self.write_model(trial)

    @property
    def path(self) -> Path:
        assert self.directory.local is not None
        return self.directory.local

    def finish(self, manifest: Manifest) -> None:
        rows = trained(self.config.name, manifest)
        curves = [
            {name: row[name] for name in ("study", "method", "trial", "pack")} | {"epoch": epoch, "val_loss": 1.0}
            for row in rows
            for epoch in range(3)
        ]
        self.directory.write_results(manifest["pack"], manifest["method"], rows, curves)

    def write_model(self, trial: str) -> None:
        row = {"trial": trial, "pack": "?", "number": 0}
        card = json.dumps({"schema": 1, "study": self.config.name, "trial": row})
        network = seal(save({"weight": torch.ones(2)}), {"card": card})
        self.directory.store.put(f"{MODELS}/{trial}.safetensors", network)
        self.directory.store.put(f"{MODELS}/{trial}.json", card.encode())

    def files(self) -> dict[str, bytes]:
        """All but what names the time: the lock."""
        paths = [path for path in self.path.rglob("*") if path.is_file() and path.name != ".driver.lock"]
        return {path.relative_to(self.path).as_posix(): path.read_bytes() for path in paths}


def configuration(**changes: Any) -> StudyConfig:
    settings: dict[str, Any] = {
        "name": "digits",
        "data": "digits",
        "model": "mlp",
        "epochs": 3,
        "trials": 8,
        "methods": ["dense", "group_lasso"],
        "sampler": "random",
        "pack": {"size": 4},
    }
    return StudyConfig.model_validate(settings | changes)


def trained(study: str, manifest: Mapping[str, Any]) -> list[Row]:
    """Rows as a pack would write them; the scores follow from the parameters."""
    rows = []
    for spec in manifest["trials"]:
        strength = math.log10(float(spec["parameters"].get("lambda", spec["parameters"]["lr"])))
        rows.append(
            {"study": study, "method": manifest["method"], "pack": manifest["pack"], "status": "COMPLETE"}
            | {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")}
            | {"val_accuracy": 1 / (1 + abs(strength + 2)), "neurons": int(50 - 10 * strength), "dense_neurons": 192}
            | {"finished_at": datetime(2026, 5, 1, tzinfo=UTC)}
            | {"task": "classification", "val_examples": 8, "test_examples": 8}
            | {"val_answers": bytes([spec["seed"] % 256]), "test_answers": bytes([spec["seed"] // 256 % 256])}
            | {f"param_{name}": value for name, value in spec["parameters"].items()}
        )
    return rows


@pytest.fixture
def grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Grown]:
    """Grown(...), in a folder of the test if no location is given.

    Nobody cuts the power in these tests: without fsync a study takes a fifth of the time.
    """
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    def make(location: str | Path = "digits", **options: Any) -> Grown:
        return Grown(tmp_path / location if "://" not in str(location) else location, **options)

    return make


@pytest.fixture(scope="session")
def bucket() -> Iterator[Callable[[str], str]]:
    """The URI of a folder in a bucket on a real S3 server (moto) on the loopback device."""
    server_module = pytest.importorskip("moto.server")
    from pyarrow import fs

    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = f"?scheme=http&endpoint_override={host}%3A{port}&region=us-east-1"
    creating, path = fs.FileSystem.from_uri(f"s3://key:secret@studies{options}&allow_bucket_creation=true")
    creating.create_dir(path)
    yield lambda folder: f"s3://key:secret@studies/{folder}{options}"
    server.stop()
