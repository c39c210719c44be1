"""A pack in training, without Ray: going on from checkpoints, exceptions of the user's code, too little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.config.load import StudyConfig, stored, to_yaml
from study.directory.models import Models
from study.directory.study_directory import Manifest, StudyDirectory
from study.running.faults import Fault
from study.running.publishing import give_up
from study.running.training import Training
from study.search.search import Search
from trainables.problem import _datasets, _problem
from trainables.training.pack import Pack

Row = dict[str, Any]
TIMES = ("train_seconds", "seconds", "finished_at", "worker")


pytestmark = pytest.mark.usefixtures("single_thread")


def pack_at(location: Path, **changes: Any) -> tuple[StudyDirectory, Manifest]:
    """A study of one pack of four trials."""
    config = StudyConfig.model_validate(
        {
            "name": "little",
            "data": "digits",
            "model": {"name": "mlp", "widths": [8]},
            "epochs": 4,
            "polish": 1,
            "batch_size": 539,
            "trials": 4,
            "methods": ["group_lasso"],
            "sampler": "random",
            "checkpoint": {"seconds": None, "epochs": 1},
        }
        | changes
    )
    directory = StudyDirectory(location)
    directory.create(to_yaml(config))
    manifest = Search(config, directory, {"group_lasso": 2}).ask()
    assert manifest is not None
    directory.write_manifest(manifest)
    return directory, manifest


def opened(directory: StudyDirectory, manifest: Manifest, halvings: int = 0) -> Training:
    return Training(stored(directory), directory, manifest["pack"], halvings)


def train(directory: StudyDirectory, manifest: Manifest, halvings: int = 0) -> Training:
    training = opened(directory, manifest, halvings)
    while not training.done:
        training.advance(60)
    return training


def timeless(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def tables(directory: StudyDirectory) -> tuple[list[Row], list[Row]]:
    return timeless(directory.trials().to_pylist()), timeless(directory.curves().to_pylist())


def close(found: list[Row], expected: list[Row]) -> bool:
    """Equal, numbers as closely as float32 computes them: the width of a stack decides how sums are rounded."""
    for one, other in zip(found, expected, strict=True):
        for name, value in other.items():
            same = pytest.approx(value, rel=1e-3, abs=1e-4) if isinstance(value, float) else value
            assert one[name] == same, name
    return True


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], list[Row]]:
    directory, manifest = pack_at(tmp_path_factory.mktemp("study") / "whole")
    train(directory, manifest)
    return tables(directory)


def test_a_pack_leaves_rows_curves_networks_and_no_checkpoints(tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "study", keep_models="all")
    training = train(directory, manifest)
    assert [row["status"] for row in directory.rows(manifest["pack"], "group_lasso")] == ["COMPLETE"] * 4
    assert directory.curves().num_rows == 16
    assert Models(directory).trials() == [spec["trial"] for spec in manifest["trials"]]
    assert directory.store.names("checkpoints", "") == []
    report = training.report()
    assert report.pop("seconds") > 0
    assert report == {
        **{"trials_done": 4, "fraction": 1.0, "gained": 1.0, "halvings": 0, "damaged": [], "done": True},
        **{"epoch": 0, "epochs": 4, "together": 0, "part": 0.0},
    }


@pytest.mark.parametrize("vectorize", ["on", "off"])
def test_long_epochs_are_reported_step_by_step(vectorize: str, tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "study", batch_size=128, pack={"vectorize": vectorize})
    whole, _ = pack_at(tmp_path / "whole", batch_size=128, pack={"vectorize": vectorize})
    train(whole, manifest)
    training, done = opened(directory, manifest), [0.0]
    while not training.done and len(done) < 10:
        report = training.advance(1e-4)
        assert report["fraction"] + report["part"] >= done[-1]
        done.append(report["fraction"] + report["part"])
    assert len(set(done)) == len(done) and training.epochs < 4 and 0 < done[1] < 1 / 16
    training.save()  # the epoch ends first: in between there is no state that could be gone on from
    assert training.under_way is None and opened(directory, manifest).epochs == training.epochs > 0
    second = opened(directory, manifest)
    while not second.done:
        second.advance(0.05)
    assert tables(directory) == tables(whole)


@pytest.mark.parametrize("vectorize", ["on", "off"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_stopped_and_gone_on_with_equals_uninterrupted(
    tmp_path: Path, epochs: int, vectorize: str, uninterrupted: tuple[list[Row], list[Row]]
) -> None:
    directory, manifest = pack_at(tmp_path / "study", pack={"vectorize": vectorize})
    first = opened(directory, manifest)
    steps = epochs if vectorize == "on" else 3 * epochs
    first.advance(60, until=lambda: first.epochs == steps)
    assert not first.done
    second = opened(directory, manifest)
    assert second.epochs == steps, "nothing is trained again"
    assert second.report()["fraction"] == pytest.approx(first.report()["fraction"])
    while not second.done:
        second.advance(60)
    trials, curves = tables(directory)
    if vectorize == "on":
        assert (trials, curves) == uninterrupted
    else:
        assert close(trials, uninterrupted[0])
    assert [row["lane"] for row in trials] == [0, 1, 2, 3]


def test_a_checkpoint_of_other_code_is_not_gone_on_from(
    tmp_path: Path, uninterrupted: tuple[list[Row], list[Row]]
) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    first = opened(directory, manifest)
    first.advance(60, until=lambda: first.epochs == 2)
    state = first._state()
    del state["pack"]["stack"]["params"]
    first.checkpoints.save(3, state)
    second = opened(directory, manifest)
    assert second.epochs == 0 and "does not fit" in second.checkpoints.damaged[0]
    while not second.done:
        second.advance(60)
    assert tables(directory) == uninterrupted


def test_of_a_pack_that_another_worker_has_finished_no_checkpoint_is_written(tmp_path: Path) -> None:
    """As the worker of a driver finds it that was suspended, and taken over meanwhile."""
    directory, manifest = pack_at(tmp_path / "study")
    late = opened(directory, manifest)
    late.advance(60, until=lambda: late.epochs > 0)
    assert directory.store.names("checkpoints", ".pt") and not late.done
    train(directory, manifest)
    before = directory.trials().to_pylist()
    late.save()
    assert directory.store.names("checkpoints", ".pt") == []
    late.advance(60)
    assert directory.store.names("checkpoints", ".pt") == [] and directory.trials().to_pylist() == before


def short_of_memory(lanes: int, when: Callable[[Pack], bool]) -> Callable[[Pack], Iterator[None]]:
    steps_of_epoch = Pack.steps_of_epoch

    def limited(pack: Pack) -> Iterator[None]:
        if len(pack.job.trials) > lanes and when(pack):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return steps_of_epoch(pack)

    return limited


@pytest.mark.parametrize(
    ("lanes", "halvings", "when"),
    [(2, 1, lambda pack: pack.epochs_done == 0), (1, 2, lambda pack: pack.epochs_done == 2)],
)
def test_without_enough_memory_the_pack_is_halved(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lanes: int,
    halvings: int,
    when: Callable[[Pack], bool],
    uninterrupted: tuple[list[Row], list[Row]],
) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    monkeypatch.setattr(Pack, "steps_of_epoch", short_of_memory(lanes, when))
    training = train(directory, manifest)
    assert training.halvings == halvings
    trials, curves = tables(directory)
    assert close(trials, uninterrupted[0])
    assert len(curves) == len(uninterrupted[1])


def test_a_process_that_knows_what_fits_begins_with_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: tuple[list[Row], list[Row]]
) -> None:
    first, manifest = pack_at(tmp_path / "first")
    monkeypatch.setattr(Pack, "steps_of_epoch", short_of_memory(2, lambda pack: True))
    fits = train(first, manifest).fits
    second, manifest = pack_at(tmp_path / "second")
    training = Training(stored(second), second, manifest["pack"], fits=fits)
    assert (fits, training.halvings, [len(part) for part in training.parts]) == (2, 1, [2, 2])
    while not training.done:
        training.advance(60)
    assert training.halvings == 1 and close(tables(second)[0], uninterrupted[0])


def test_halves_are_gone_on_with_as_halves(tmp_path: Path, uninterrupted: tuple[list[Row], list[Row]]) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    first = opened(directory, manifest, halvings=1)
    first.advance(60, until=lambda: first.epochs == 6)
    second = opened(directory, manifest)
    assert (second.halvings, len(second.trials), [len(part) for part in second.parts]) == (1, 2, [2])
    while not second.done:
        second.advance(60)
    assert close(tables(directory)[0], uninterrupted[0])


def test_a_single_trial_without_enough_memory_is_for_another_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    monkeypatch.setattr(Pack, "steps_of_epoch", short_of_memory(0, lambda pack: True))
    with pytest.raises(Fault, match="not enough memory for a single trial") as raised:
        train(directory, manifest)
    assert raised.value.kind == "memory" and directory.finished() == set()


def test_an_exception_fails_what_is_not_finished_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, manifest = pack_at(tmp_path / "study", pack={"vectorize": "off"})
    steps_of_epoch = Pack.steps_of_epoch

    def fail(pack: Pack) -> Iterator[None]:
        if pack.trials_done == 1:
            raise RuntimeError("the model reads a file that is not there")
        return steps_of_epoch(pack)

    monkeypatch.setattr(Pack, "steps_of_epoch", fail)
    train(directory, manifest)
    rows = directory.rows(manifest["pack"], "group_lasso")
    assert [row["status"] for row in rows] == ["COMPLETE", "FAILED", "FAILED", "FAILED"]
    assert all("Traceback" in row["reason"] and "that is not there" in row["reason"] for row in rows[1:])
    assert [row["param_lr"] for row in rows] == [spec["parameters"]["lr"] for spec in manifest["trials"]]


def test_checkpoints_of_a_pack_that_failed_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    steps_of_epoch = Pack.steps_of_epoch

    def fail(pack: Pack) -> Iterator[None]:
        if pack.epochs_done == 2:
            raise RuntimeError("the trial's own")
        return steps_of_epoch(pack)

    monkeypatch.setattr(Pack, "steps_of_epoch", fail)
    train(directory, manifest)
    assert {row["status"] for row in directory.rows(manifest["pack"], "group_lasso")} == {"FAILED"}
    assert len(directory.store.names("checkpoints", ".pt")) == 2


@pytest.mark.parametrize("error", [FileNotFoundError("wine.parquet"), ModuleNotFoundError("No module named 'mine'")])
def test_what_the_place_lacks_fails_no_trial_and_the_pack_goes_on_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, uninterrupted: tuple[list[Row], list[Row]]
) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    steps_of_epoch = Pack.steps_of_epoch

    def fail(pack: Pack) -> Iterator[None]:
        if pack.epochs_done == 2:
            raise error
        return steps_of_epoch(pack)

    with monkeypatch.context() as patched, pytest.raises(Fault) as raised:
        patched.setattr(Pack, "steps_of_epoch", fail)
        train(directory, manifest)
    assert (raised.value.kind, raised.value.brief) == ("place", f"{type(error).__name__}: {error}")
    assert directory.finished() == set()
    train(directory, manifest)
    assert tables(directory) == uninterrupted


def test_a_pack_does_not_start_over_while_its_data_cannot_be_read(tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.savez(data, x=x, y=(x.sum(1) > 0).astype(np.int64))
    directory, manifest = pack_at(tmp_path / "study", data=str(data), batch_size=16)
    first = opened(directory, manifest)
    first.advance(60, until=lambda: first.epochs == 2)
    away = data.rename(tmp_path / "away.npz")
    _problem.cache_clear()
    _datasets.cache_clear()
    with pytest.raises(Fault, match=r"data\.npz") as raised:
        opened(directory, manifest)
    assert raised.value.kind == "place"
    away.rename(data)
    second = opened(directory, manifest)
    assert second.epochs == 2 and second.checkpoints.damaged == []


def test_a_teacher_that_is_away_fails_no_trial(tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "whole", keep_models="all")
    train(directory, manifest)
    teacher = tmp_path / "whole" / "models" / f"{Models(directory).trials()[0]}.safetensors"
    directory, manifest = pack_at(tmp_path / "study", distil={"teacher": str(teacher)})
    away = teacher.rename(tmp_path / "away.safetensors")
    with pytest.raises(Fault, match="expected a network of a study") as raised:
        train(directory, manifest)
    assert raised.value.kind == "place"
    away.rename(teacher)
    train(directory, manifest)
    assert {row["status"] for row in directory.rows(manifest["pack"], "group_lasso")} == {"COMPLETE"}


def test_a_pack_that_is_given_up_keeps_what_its_checkpoint_has_finished(tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "study", pack={"vectorize": "off"})
    training = opened(directory, manifest)
    training.advance(60, until=lambda: training.epochs == 6)
    give_up(directory, "little", manifest, "its worker was lost 4 times")
    rows = directory.rows(manifest["pack"], "group_lasso")
    assert [row["status"] for row in rows] == ["COMPLETE", "FAILED", "FAILED", "FAILED"]
    assert directory.curves().num_rows == 4
