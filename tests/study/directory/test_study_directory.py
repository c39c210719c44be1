"""The study directory: real files, real Parquet, a real S3 server."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.directory import store
from study.directory.encoding import SCHEMAS, decode_manifest, decode_table, encode_manifest, encode_table
from study.directory.layout import KINDS, Kind
from study.directory.study_directory import (
    CURVES,
    OBJECTIVES,
    TRIALS,
    TRIALS_READ,
    Damaged,
    DamagedWarning,
    Manifest,
    NotAStudy,
    StudyDirectory,
)
from study.directory.tables import VERSION, table_of

CONFIG = "name: digits\nseed: 0\n"
METHOD = "group_lasso"
PACK = "group_lasso-p0000"
Row = dict[str, Any]
FINISHED = datetime(2026, 5, 1, 12, 30, 0, 250, tzinfo=UTC)


def trial_row(number: int = 0, pack: str = "group_lasso-p0000", method: str = METHOD, **changes: Any) -> dict[str, Any]:
    return {
        "study": "digits",
        "method": method,
        "trial": f"{method}-{number:05d}",
        "number": number,
        "pack": pack,
        "lane": number % 16,
        "seed": 2**62 + number,
        "data_seed": 7,
        "status": "COMPLETE",
        "epochs": 60,
        "val_accuracy": 0.5 + number / 1000,
        "neurons": 192 - number,
        "widths": [128, 64 - number],
        "finished_at": FINISHED,
        "param_lambda": 0.1 / (number + 1),
        **changes,
    }


def curve_row(number: int = 0, epoch: int = 0, pack: str = "group_lasso-p0000", **changes: Any) -> dict[str, Any]:
    identity = {name: trial_row(number, pack)[name] for name in ("study", "method", "trial", "pack")}
    return {**identity, "epoch": epoch, "val_loss": 1 / (epoch + 1), "widths": [128, 64], **changes}


def manifest(pack: str = PACK) -> Manifest:
    return {
        "schema": 1,
        "pack": pack,
        "method": METHOD,
        "trials": [
            {
                "trial": "group_lasso-00000",
                "number": 0,
                "lane": 0,
                "seed": 2**62,
                "data_seed": 3,
                "parameters": {"lambda": 0.1 + 0.2, "weighting": "sqrt", "lr": 1e-3},
            }
        ],
        "versions": {"torch": "2.13.0"},
    }


@pytest.fixture
def directory(tmp_path: Path) -> StudyDirectory:
    directory = StudyDirectory(tmp_path / "runs" / "digits")
    directory.create(CONFIG)
    return directory


def files(directory: StudyDirectory) -> set[str]:
    assert directory.local is not None
    return {str(path.relative_to(directory.local)) for path in directory.local.rglob("*") if path.is_file()}


def test_what_is_written_comes_back(directory: StudyDirectory) -> None:
    rows = [trial_row(0), trial_row(1)]
    curves = [curve_row(n, epoch) for n in (0, 1) for epoch in range(3)]
    directory.write_manifest(manifest())
    directory.write_results(PACK, METHOD, rows, curves)
    again = StudyDirectory(directory.location)
    assert again.exists()
    assert again.config() == {"name": "digits", "seed": 0}
    assert again.manifests() == [manifest()]
    assert again.manifest(PACK) == manifest()
    assert again.finished() == {PACK}
    for got, put in zip(again.rows(PACK, METHOD), rows, strict=True):
        assert got == {**dict.fromkeys(TRIALS_READ.names), **put}
    assert again.trials().to_pylist() == again.rows(PACK, METHOD)
    assert [row["val_loss"] for row in again.curves().to_pylist()] == [1, 0.5, 1 / 3] * 2
    assert files(directory) == {
        "study.yaml",
        "packs/group_lasso-p0000.json",
        "results/trials/method=group_lasso/group_lasso-p0000.parquet",
        "results/curves/method=group_lasso/group_lasso-p0000.parquet",
    }


def test_writing_twice_changes_nothing(directory: StudyDirectory) -> None:
    directory.write_manifest(manifest())
    directory.write_results(PACK, METHOD, [trial_row(val_accuracy=0.9)], [])
    assert directory.local is not None
    before = {path: (directory.local / path).stat().st_mtime_ns for path in files(directory)}
    directory.create(CONFIG)
    directory.write_manifest(manifest())
    directory.write_results(PACK, METHOD, [trial_row(val_accuracy=0.1)], [])
    assert {path: (directory.local / path).stat().st_mtime_ns for path in files(directory)} == before
    assert directory.trials()["val_accuracy"].to_pylist() == [0.9]


def test_another_configuration_is_refused_unless_it_is_to_replace(
    directory: StudyDirectory,
) -> None:
    with pytest.raises(FileExistsError, match="another configuration"):
        directory.create("name: other\n")
    assert directory.config()["name"] == "digits"
    directory.create("name: other\n", replace=True)
    assert directory.config()["name"] == "other"


def test_parts_of_different_methods_make_one_table(directory: StudyDirectory) -> None:
    directory.write_results("npn-p0000", "npn", [trial_row(0, "npn-p0000", "npn", param_weighting="sqrt")], [])
    directory.write_results("dense-p0000", "dense", [trial_row(0, "dense-p0000", "dense", param_weighting=2)], [])
    other = {**trial_row(0), "param_beta": None, "param_on": True}
    directory.write_results(PACK, METHOD, [other, trial_row(1, param_on=False)], [])
    trials = directory.trials()
    assert trials.schema.names == [*TRIALS_READ.names, "param_beta", "param_lambda", "param_on", "param_weighting"]
    assert trials["method"].to_pylist() == ["dense", "group_lasso", "group_lasso", "npn"]
    assert trials["param_on"].to_pylist() == [None, 1.0, 0.0, None]
    assert trials["param_weighting"].to_pylist() == ["2", None, None, "sqrt"]
    assert trials["param_beta"].null_count == 4


def test_an_empty_study_has_empty_tables(directory: StudyDirectory) -> None:
    assert directory.trials().schema == TRIALS_READ
    assert directory.curves().schema == CURVES
    assert directory.finished() == set()
    assert directory.manifests() == []


@pytest.mark.parametrize("nothing", [math.nan, np.float32("nan"), np.float64("nan"), None])
def test_nan_is_null(directory: StudyDirectory, nothing: Any) -> None:
    row = trial_row(val_nmse=nothing, neurons=nothing, param_lambda=nothing, val_loss=np.float32(0.5), macs=np.int64(3))
    directory.write_results(PACK, METHOD, [row], [curve_row(val_loss=nothing)])
    got = directory.rows(PACK, METHOD)[0]
    assert (got["val_nmse"], got["neurons"], got["param_lambda"]) == (None, None, None)
    assert (got["val_loss"], got["macs"]) == (0.5, 3)
    assert directory.curves()["val_loss"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("rows", "curves", "message"),
    [
        ([trial_row(neuron=3)], [], "'neuron'; did you mean 'neurons'"),
        ([trial_row()], [curve_row(param_lambda=1.0)], "'param_lambda'"),
        ([trial_row(seed=None)], [], "'seed' in every row, row 0"),
        ([trial_row(neurons="many")], [], "int64 in column 'neurons'"),
        ([trial_row(neurons=2.5)], [], "int64 in column 'neurons'"),
        ([trial_row(seed=2**63)], [], "int64 in column 'seed'"),
        ([trial_row(status="DONE")], [], "COMPLETE, FAILED, NOT_EQUIVALENT, STOPPED, but got"),
        ([trial_row(), trial_row()], [], "one row per trial"),
        ([trial_row(pack="other")], [], "pack 'group_lasso-p0000', but got"),
        ([trial_row(method="npn")], [], "method 'group_lasso', but got"),
        ([trial_row()], [curve_row(pack="other")], "but got"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_rows_that_do_not_fit_are_refused_and_leave_nothing(
    directory: StudyDirectory, rows: list[Row], curves: list[Row], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        directory.write_results(PACK, METHOD, rows, curves)
    assert files(directory) == {"study.yaml"}


@pytest.mark.parametrize("name", ["../outside", ".hidden", "", "a/b"])
def test_names_stay_inside_the_study(directory: StudyDirectory, name: str) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        directory.write_manifest(manifest(name))
    with pytest.raises(ValueError, match="expected a name"):
        directory.write_results(name, METHOD, [], [])


@pytest.mark.parametrize("read", ["config", "manifests", "finished", "trials", "curves"])
def test_what_is_not_a_study_says_so(tmp_path: Path, read: str) -> None:
    directory = StudyDirectory(tmp_path)
    assert not directory.exists()
    with pytest.raises(NotAStudy, match="expected a study directory"):
        getattr(directory, read)()
    with pytest.raises(FileNotFoundError):
        directory.write_manifest(manifest())


@pytest.mark.parametrize("text", ["- a list\n", "", "word"])
def test_a_configuration_is_a_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="mapping"):
        StudyDirectory(tmp_path).create(text)


class Killed(BaseException):
    """Ends the writer where it stands, as SIGKILL does: no `except Exception` runs."""


STEPS = ("write", "fsync", "rename", "fsync folder", "done")


@pytest.mark.parametrize("fault", STEPS)
@pytest.mark.parametrize("kind", ["study.yaml", ".json", "curves", "trials"])
def test_a_writer_killed_anywhere_leaves_all_or_nothing(
    directory: StudyDirectory, monkeypatch: pytest.MonkeyPatch, kind: str, fault: str
) -> None:
    def kill(step: str, path: str) -> None:
        if step == fault and kind in path:
            raise Killed

    def work() -> None:
        directory.create("name: longer\n", replace=True)
        directory.write_manifest(manifest())
        directory.write_results(PACK, METHOD, [trial_row()], [curve_row()])

    with monkeypatch.context() as patch:
        patch.setattr(store, "HOOKS", [kill])
        with pytest.raises(Killed):
            work()
    renamed = STEPS.index(fault) > STEPS.index("rename")
    assert directory.config()["name"] == ("digits" if kind == "study.yaml" and not renamed else "longer")
    assert directory.trials().num_rows == directory.curves().num_rows == (kind == "trials" and renamed)
    assert len(directory.manifests()) == (kind in ("curves", "trials") or (kind == ".json" and renamed))
    work()
    assert directory.manifests() == [manifest()]
    assert directory.trials().num_rows == directory.curves().num_rows == 1


@pytest.mark.parametrize("fault", STEPS)
@pytest.mark.parametrize("kind", ["study.yaml", ".json", "curves", "trials"])
def test_a_write_that_fails_cleans_up(
    directory: StudyDirectory, monkeypatch: pytest.MonkeyPatch, kind: str, fault: str
) -> None:
    def full(step: str, path: str) -> None:
        if step == fault and kind in path:
            raise OSError(28, "No space left on device")

    def work() -> None:
        directory.create("name: longer\n", replace=True)
        directory.write_manifest(manifest())
        directory.write_results(PACK, METHOD, [trial_row()], [curve_row()])

    with monkeypatch.context() as patch:
        patch.setattr(store, "HOOKS", [full])
        with pytest.raises(OSError, match="No space left"):
            work()
    assert directory.store.leftovers() == []
    work()
    assert len(files(directory)) == 4


def test_damaged_files_are_named_and_left_out(directory: StudyDirectory) -> None:
    other = "group_lasso-p0001"
    for pack, number in ((PACK, 0), (other, 1)):
        directory.write_manifest(manifest(pack))
        directory.write_results(pack, METHOD, [trial_row(number, pack)], [curve_row(number, pack=pack)])
    assert directory.local is not None
    readers: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        (f"packs/{PACK}.json", directory.manifests, lambda: directory.manifest(PACK)),
        (f"results/trials/method={METHOD}/{PACK}.parquet", directory.trials, lambda: directory.rows(PACK, METHOD)),
        (f"results/curves/method={METHOD}/{PACK}.parquet", directory.curves, directory.curves),
    ]
    for name, read_all, read_one in readers:
        path = directory.local / name
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[whole.index(METHOD.encode())] ^= 1
        for damage in (whole[: len(whole) // 2], b"", bytes(flipped)):
            path.write_bytes(damage)
            with pytest.warns(DamagedWarning, match=f"{path.name} is damaged"):
                assert len(read_all()) == 1
            with pytest.raises(Damaged if read_one != read_all else DamagedWarning, match="is damaged"):
                read_one()
            assert path.read_bytes() == damage
        path.write_bytes(whole)
        assert len(read_all()) == 2


@pytest.mark.parametrize("text", ["a: [1", "!!python/object/apply:os.system [touch hacked]", "- 1", "\0"])
def test_a_damaged_configuration_is_named(directory: StudyDirectory, text: str) -> None:
    assert directory.local is not None
    (directory.local / "study.yaml").write_text(text)
    with pytest.raises(Damaged, match=r"study\.yaml is damaged"):
        directory.config()


def test_every_bit_of_a_manifest_counts(directory: StudyDirectory) -> None:
    whole = encode_manifest(manifest())
    path = f"packs/{PACK}.json"
    assert decode_manifest(whole, path) == manifest()
    for place in range(len(whole)):
        damage = bytearray(whole)
        damage[place] ^= 1
        try:
            assert decode_manifest(bytes(damage), path) == manifest(), place
        except ValueError:
            continue


@settings(max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), kind=st.sampled_from(KINDS))
def test_a_flipped_bit_in_a_part_is_found_or_harmless(place: float, bit: int, kind: Kind) -> None:
    rows = [trial_row(0), trial_row(1)] if kind == "trials" else [curve_row(0, epoch) for epoch in range(3)]
    table, path = table_of(rows, SCHEMAS[kind]), f"results/{kind}/method={METHOD}/{PACK}.parquet"
    damage = bytearray(encode_table(table, kind))
    damage[int(place * len(damage))] ^= 1 << bit
    try:
        found = decode_table(bytes(damage), path)
    except ValueError:
        return
    assert found.to_pylist() == table.to_pylist() or set(found.column_names) != set(table.column_names)


def test_files_of_a_newer_version_are_refused(directory: StudyDirectory) -> None:
    directory.write_results(PACK, METHOD, [trial_row()], [])
    assert directory.local is not None
    (part,) = (directory.local / "results" / "trials").rglob("*.parquet")
    pq.write_table(pq.read_table(part).replace_schema_metadata({"study.schema": f"{VERSION + 1}"}), part)
    with pytest.raises(ValueError, match=f"schema {VERSION + 1}, but this version of study reads up to {VERSION}"):
        directory.trials()
    (directory.local / "packs").mkdir()
    (directory.local / "packs" / "npn-p0000.json").write_text(json.dumps({**manifest(), "schema": VERSION + 1}))
    with pytest.raises(ValueError, match=f"schema {VERSION + 1}"):
        directory.manifests()


def test_what_an_older_version_did_not_write_is_null(directory: StudyDirectory) -> None:
    directory.write_results(PACK, METHOD, [trial_row()], [curve_row(gates=[1, 2])])
    directory.write_results("npn-p0001", "npn", *_of_pack("npn-p0001", "npn", gates=[0, 3]))
    assert directory.local is not None
    (part,) = (directory.local / "results" / "curves" / f"method={METHOD}").glob("*.parquet")
    old = pq.read_table(part, partitioning=None).drop_columns("gates").replace_schema_metadata({"study.schema": "1"})
    pq.write_table(old, part)
    curves = directory.curves()
    assert curves.schema.equals(CURVES)
    assert curves["gates"].to_pylist() == [None, [0, 3]]


def test_curves_hold_what_a_method_records_of_its_state(directory: StudyDirectory) -> None:
    directory.write_results(PACK, METHOD, [trial_row()], [curve_row()])
    directory.write_results("npn-p0001", "npn", *_of_pack("npn-p0001", "npn", state_k=7.0))
    curves = directory.curves()
    assert curves.column_names == [*CURVES.names, "state_k"]
    assert curves["state_k"].to_pylist() == [None, 7.0]
    with pytest.raises(ValueError, match="expected the declared columns, but got 'state_k'"):
        directory.write_results("npn-p0002", "npn", [trial_row(2, "npn-p0002", "npn", state_k=7.0)], [])


def test_scores_before_polishing_of_an_older_version_are_null(directory: StudyDirectory) -> None:
    """It kept that of the accuracy alone."""
    before = {f"val_{name}_before_polish": 0.5 for name in ("accuracy", "loss", "nmse", "mse")}
    directory.write_results(PACK, METHOD, [trial_row(**before)], [])
    directory.write_results("npn-p0001", "npn", [trial_row(1, "npn-p0001", "npn", **before)], [])
    assert directory.local is not None
    (part,) = (directory.local / "results" / "trials" / f"method={METHOD}").glob("*.parquet")
    old = pq.read_table(part, partitioning=None).drop_columns([*before][1:])
    pq.write_table(old.replace_schema_metadata({"study.schema": "2"}), part)
    trials = directory.trials()
    assert {name: trials[name].to_pylist() for name in before} == {
        name: [0.5 if name == "val_accuracy_before_polish" else None, 0.5] for name in before
    }


def _of_pack(pack: str, method: str, **curve: Any) -> tuple[list[Row], list[Row]]:
    return [trial_row(1, pack, method)], [curve_row(1, 0, pack, method=method, trial=f"{method}-00001", **curve)]


def test_curves_of_some_packs_and_trials(directory: StudyDirectory) -> None:
    directory.write_results(PACK, METHOD, [trial_row(0), trial_row(1)], [curve_row(0), curve_row(1)])
    directory.write_results("npn-p0001", "npn", *_of_pack("npn-p0001", "npn"))
    assert directory.local is not None
    (other,) = (directory.local / "results" / "curves" / "method=npn").glob("*.parquet")
    other.write_bytes(b"torn")  # what is not asked for is not even read
    assert directory.curves({PACK})["trial"].to_pylist() == ["group_lasso-00000", "group_lasso-00001"]
    assert directory.curves({PACK}, {"group_lasso-00001"})["trial"].to_pylist() == ["group_lasso-00001"]
    assert directory.curves(set()).num_rows == 0


def latency_row(trial: str | None, batch: int = 1, **changes: Any) -> Row:
    row: Row = {"trial": trial, "network": "compact" if trial else "dense", "neurons": 40, "macs": 400, "batch": batch}
    row |= {"device": "cpu", "dtype": "float32", "threads": 1, "compiled": False, "cuda_graph": False}
    return row | {"p50_ms": 0.5, "p95_ms": 0.7, "runs": 30, "load": 0.1} | changes


def test_latencies_come_back_and_the_newest_of_a_kind_stays(directory: StudyDirectory) -> None:
    assert directory.latencies().num_rows == 0
    directory.write_latencies([latency_row(None), latency_row("npn-00001"), latency_row("npn-00001", 64)])
    directory.write_latencies([latency_row("npn-00001", p50_ms=0.25), latency_row("npn-00002")])
    found = {(row["trial"], row["batch"]): row["p50_ms"] for row in directory.latencies().to_pylist()}
    assert found == {(None, 1): 0.5, ("npn-00001", 1): 0.25, ("npn-00001", 64): 0.5, ("npn-00002", 1): 0.5}
    with pytest.raises(ValueError, match="did you mean 'threads'"):
        directory.write_latencies([latency_row(None, thread=2)])
    assert directory.local is not None
    (directory.local / "results" / "latency.parquet").write_bytes(b"torn")
    with pytest.warns(DamagedWarning, match=r"latency\.parquet is damaged"):
        assert directory.latencies().num_rows == 0


def test_objectives_are_columns() -> None:
    for objective in OBJECTIVES.values():
        assert pa.types.is_floating(TRIALS.field(objective.column).type) or pa.types.is_integer(
            TRIALS.field(objective.column).type
        )
        assert objective.maximise == (objective.direction == "maximize")


def test_reading_loads_neither_torch_nor_ray_nor_optuna() -> None:
    program = "import sys, study.directory; print({'torch', 'ray', 'optuna'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_object_store_holds_a_study(bucket: Callable[[str], str]) -> None:
    location = bucket("runs/digits")
    directory = StudyDirectory(location)
    assert directory.local is None
    with pytest.raises(NotAStudy):
        directory.trials()
    directory.create(CONFIG)
    directory.create(CONFIG)
    directory.write_manifest(manifest())
    directory.write_results(PACK, METHOD, [trial_row(0), trial_row(1)], [curve_row()])
    again = StudyDirectory(directory.location)
    assert again.config() == {"name": "digits", "seed": 0}
    assert again.manifests() == [manifest()]
    assert again.finished() == {PACK}
    assert again.trials()["number"].to_pylist() == [0, 1]
    assert again.curves().num_rows == 1
    assert again.path("models") == location.replace("/digits?", "/digits/models?").replace("key:secret@", "")


def test_a_folder_that_is_made_while_it_is_listed_is_no_error(tmp_path: Path) -> None:
    files = store.Store(tmp_path)

    def make() -> None:
        for number in range(3000):
            (tmp_path / str(number)).mkdir()

    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(make)
        for number in range(3000):
            while not (tmp_path / str(number)).is_dir():
                assert files.names(str(number), "") == []
        making.result()
