"""Checkpoints of packs: when they are due, which one is gone on from, what happens to torn ones."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from study.directory.checkpoints import Checkpoints, DamagedCheckpoint, decode_checkpoint
from study.directory.store import HOOKS, Store

State = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in (path / "checkpoints").iterdir())


def state(epochs: int) -> State:
    return {"epochs": epochs, "weights": torch.arange(64.0) + epochs, "rows": [{"trial": "a", "reason": None}]}


def test_the_newest_is_gone_on_from_and_the_one_before_stays(store: Store, tmp_path: Path) -> None:
    checkpoints = Checkpoints(store, "dense-p0000")
    Checkpoints(store, "dense-p00001").save(99, state(99))
    for epochs in (3, 20, 100):
        checkpoints.save(epochs, state(epochs))
    assert names(tmp_path) == ["dense-p0000-00000020.pt", "dense-p0000-00000100.pt", "dense-p00001-00000099.pt"]
    found = Checkpoints(store, "dense-p0000").newest()
    assert found is not None
    assert found["epochs"] == 100 and torch.equal(found["weights"], state(100)["weights"])
    checkpoints.clear()
    assert names(tmp_path) == ["dense-p00001-00000099.pt"]


def test_a_pack_that_never_had_one_starts_from_nothing(store: Store) -> None:
    assert Checkpoints(store, "dense-p0000").newest() is None


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    """One bit of a weight, which `torch.load` does not notice."""
    at = data.index(state(20)["weights"].numpy().tobytes()) + 17
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def empty(data: bytes) -> bytes:
    return b""


def other(data: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("damage", [cut, flip, empty, other])
def test_a_damaged_one_is_set_aside_and_the_one_before_used(
    store: Store, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    checkpoints = Checkpoints(store, "dense-p0000")
    checkpoints.save(10, state(10))
    checkpoints.save(20, state(20))
    newest = tmp_path / "checkpoints" / "dense-p0000-00000020.pt"
    newest.write_bytes(damage(newest.read_bytes()))
    later = Checkpoints(store, "dense-p0000")
    found = later.newest()
    assert found is not None and found["epochs"] == 10
    assert names(tmp_path) == ["dense-p0000-00000010.pt", "dense-p0000-00000020.pt.corrupt"]
    assert len(later.damaged) == 1 and "dense-p0000-00000020.pt.corrupt" in later.damaged[0]
    later.save(20, state(20))
    assert "dense-p0000-00000020.pt" in names(tmp_path)


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("owned"),)


@pytest.mark.parametrize("save", [torch.save, pickle.dump])
def test_nothing_in_one_is_run(save: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    save({"weights": Malicious()}, buffer)
    with pytest.raises(DamagedCheckpoint):
        decode_checkpoint(buffer.getvalue())
    assert not Path("owned").exists()


def test_when_one_is_due(store: Store) -> None:
    clock = Clock()
    checkpoints = Checkpoints(store, "p", seconds=30, epochs=5, clock=clock)
    assert not checkpoints.due(4)
    assert checkpoints.due(5)
    clock.now += 30
    assert checkpoints.due(1)
    assert not checkpoints.due(0)
    checkpoints.save(1, state(1))
    assert not checkpoints.due(1) and not checkpoints.due(5) and checkpoints.due(6)
    clock.now += 29
    assert not checkpoints.due(2)


def test_slow_ones_are_written_less_often(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    checkpoints = Checkpoints(store, "p", seconds=30, clock=clock)

    def slow(step: str, path: str) -> None:
        clock.now += 1.2 if step == "fsync" else 0

    monkeypatch.setattr("study.directory.store.HOOKS", [*HOOKS, slow])
    checkpoints.save(1, state(1))
    clock.now += 59
    assert not checkpoints.due(2)
    clock.now += 1.1
    assert checkpoints.due(2)


def test_no_rule_is_never_due(store: Store) -> None:
    clock = Clock()
    checkpoints = Checkpoints(store, "p", clock=clock)
    clock.now += 1e9
    assert not checkpoints.due(10**6)
