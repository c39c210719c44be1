"""What can be wrong with a study directory: one row each, with what is found and how it is put right."""

from __future__ import annotations

import json
import struct
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from typer.testing import CliRunner

from study.cli import app
from study.directory.checkpoints import Checkpoints
from study.directory.encoding import SCHEMAS, decode_table, encode_manifest, encode_table
from study.directory.layout import LATENCY, Kind, part_path
from study.directory.lock import Lock, Locked
from study.directory.process import this_process
from study.directory.study_directory import DamagedWarning, NotAStudy, StudyDirectory
from study.directory.tables import VERSION, table_of
from study.doctor.repair import examine, fix, recover
from study.doctor.repairs import QUARANTINE
from study.search.search import Search

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

Grow = Callable[..., Any]

FIRST, LAST, COPY = "dense-p0000", "group_lasso-p0001", "dense-p0007"
MANIFEST = f"packs/{FIRST}.json"
TRIALS = f"results/trials/method=dense/{FIRST}.parquet"
CURVES = f"results/curves/method=dense/{FIRST}.parquet"
NETWORK, CARD = "models/dense-00002.safetensors", "models/dense-00002.json"
CHECKPOINT = f"checkpoints/{LAST}-00000003.pt"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path, word: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(word)] ^= 1
    path.write_bytes(bytes(data))


def edit(path: Path, checked: bool = False, **changes: Any) -> None:
    """As a newer version or a careless hand would write a manifest; with a right checksum if `checked`."""
    found = json.loads(path.read_text())
    checksum = found.pop("checksum")
    changed = found | (changes or {"method": "npn"})
    path.write_bytes(encode_manifest(changed) if checked else json.dumps(changed | {"checksum": checksum}).encode())


def copy_rows(study: Any, pack: str, kind: Kind, trials: int = 4) -> None:
    """The first pack's rows once more, as another pack's."""
    table = decode_table(study.files()[part_path(kind, FIRST, "dense")], part_path(kind, FIRST, "dense"))
    rows = [row | {"pack": pack} for row in table.to_pylist()[:trials]]
    study.directory.store.put(part_path(kind, pack, "dense"), encode_table(table_of(rows, SCHEMAS[kind]), kind))


def another_pack(study: Any, doubled: int) -> None:
    """A pack with so many trials of the first pack."""
    found = study.directory.manifest(FIRST)
    others = [
        {**trial, "trial": f"dense-{number:05d}", "number": number}
        for number, trial in zip(range(90, 94), found["trials"], strict=True)
    ]
    manifest = {**found, "pack": COPY, "trials": found["trials"][:doubled] + others[doubled:]}
    study.directory.write_manifest(manifest)
    study.finish(manifest)


def untold(study: Any) -> None:
    """Results that the driver was killed before it could tell."""
    study.finish(study.manifests[-1])
    Checkpoints(study.directory.store, LAST).clear()


def dead_driver() -> bytes:
    """Of a process that was before the one that has its number now."""
    me, now = this_process(), time.time()
    seen = {"pid": me.pid, "space": me.space, "started": me.started - 1}
    return json.dumps({"host": "here", "since": now, "beat": now, "token": "0", **seen}).encode()


WAITS = ("zombie", f"packs/{LAST}.json")
"""The pack that every study here has in flight, its driver gone."""

Harm = Callable[[Any], object]
CASES: dict[str, tuple[Harm, set[tuple[str, str]], bool]] = {
    # name: what is done to the study, what is found but for WAITS, whether it can be repaired
    "torn trials": (
        lambda s: truncate(s.path / TRIALS),
        {("torn", TRIALS), ("torn", CURVES), ("zombie", f"packs/{FIRST}.json")},
        True,
    ),
    "trials with a flipped bit": (
        lambda s: flip(s.path / TRIALS, b"COMPLETE"),
        {("checksum", TRIALS), ("torn", CURVES), ("zombie", f"packs/{FIRST}.json")},
        True,
    ),
    "torn curves": (lambda s: truncate(s.path / CURVES), {("torn", CURVES), ("torn", TRIALS)}, True),
    "empty curves": (lambda s: (s.path / CURVES).write_bytes(b""), {("torn", CURVES), ("torn", TRIALS)}, True),
    "torn manifest of results": (lambda s: truncate(s.path / MANIFEST), {("torn", MANIFEST)}, True),
    "manifest with a flipped bit": (lambda s: flip(s.path / MANIFEST, b'"seed"'), {("torn", MANIFEST)}, True),
    "manifest with another number": (lambda s: edit(s.path / MANIFEST), {("checksum", MANIFEST)}, True),
    "torn manifest in flight": (
        lambda s: truncate(s.path / f"packs/{LAST}.json"),
        {("torn", f"packs/{LAST}.json")},
        True,
    ),
    "torn journal": (lambda s: truncate(s.path / "optuna.journal"), {("torn", "optuna.journal")}, True),
    "torn checkpoint": (lambda s: truncate(s.path / CHECKPOINT), {("torn", CHECKPOINT)}, True),
    "torn configuration": (lambda s: (s.path / "study.yaml").write_text("a: [1"), {("torn", "study.yaml")}, False),
    "torn network": (
        lambda s: truncate(s.path / NETWORK),
        {("torn", NETWORK)},
        True,
    ),
    "network with a flipped bit": (
        lambda s: flip(s.path / NETWORK, struct.pack("<f", 1.0)),
        {("checksum", NETWORK)},
        True,
    ),
    "card of another network": (
        lambda s: flip(s.path / CARD, b"digits"),
        {("checksum", CARD)},
        True,
    ),
    "torn latencies": (
        lambda s: s.directory.store.put(LATENCY, b"PAR1"),
        {("torn", LATENCY)},
        True,
    ),
    "torn card": (lambda s: truncate(s.path / CARD), {("torn", CARD)}, True),
    "results without a manifest": (lambda s: (s.path / MANIFEST).unlink(), {("orphan", TRIALS)}, True),
    "curves without a pack": (
        lambda s: copy_rows(s, "dense-p0009", "curves"),
        {("orphan", "results/curves/method=dense/dense-p0009.parquet")},
        True,
    ),
    "checkpoint of a finished pack": (
        lambda s: Checkpoints(s.directory.store, FIRST).save(2, {}),
        {("orphan", f"checkpoints/{FIRST}-00000002.pt")},
        True,
    ),
    "checkpoint of an unknown pack": (
        lambda s: Checkpoints(s.directory.store, "npn-p0000").save(2, {}),
        {("orphan", "checkpoints/npn-p0000-00000002.pt")},
        True,
    ),
    "network of an unknown trial": (
        lambda s: s.write_model("npn-00000"),
        {("orphan", "models/npn-00000.safetensors"), ("orphan", "models/npn-00000.json")},
        True,
    ),
    "network off the front": (
        lambda s: s.write_model("dense-00000"),
        {("orphan", "models/dense-00000.safetensors"), ("orphan", "models/dense-00000.json")},
        True,
    ),
    "card without a network": (
        lambda s: (s.path / NETWORK).unlink(),
        {("orphan", CARD)},
        True,
    ),
    "pack twice": (
        lambda s: another_pack(s, 4),
        {("duplicate", f) for f in (f"packs/{COPY}.json", f"results/trials/method=dense/{COPY}.parquet")}
        | {("duplicate", f"results/curves/method=dense/{COPY}.parquet")},
        True,
    ),
    "one trial twice": (
        lambda s: another_pack(s, 1),
        {("duplicate", f"results/trials/method=dense/{COPY}.parquet")},
        False,
    ),
    "rows of other seeds": (
        lambda s: edit(s.path / MANIFEST, trials=[{**t, "seed": 1} for t in s.manifests[0]["trials"]], checked=True),
        {("mismatch", TRIALS)},
        False,
    ),
    "rows of other parameters": (
        lambda s: edit(
            s.path / MANIFEST,
            trials=[{**t, "parameters": {"lr": 0.005}} for t in s.manifests[0]["trials"]],
            checked=True,
        ),
        {("mismatch", TRIALS)},
        False,
    ),
    "results that Optuna was not told": (
        lambda s: untold(s),
        {("zombie", "optuna.journal")}
        | {("orphan", f"models/group_lasso-00000.{end}") for end in ("json", "safetensors")},
        True,
    ),
    "file of a newer version": (
        lambda s: edit(s.path / MANIFEST, schema=VERSION + 1, checked=True),
        {("version", MANIFEST)},
        False,
    ),
    "packs of several versions": (
        lambda s: edit(s.path / MANIFEST, versions={"torch": "2.12.0"}, checked=True),
        {("version", "packs")},
        False,
    ),
    "half a file": (
        lambda s: (s.path / "packs/.dense-p0000.json.0123abcd").write_text("{"),
        {("leftover", "packs/.dense-p0000.json.0123abcd")},
        True,
    ),
    "lock of a dead driver": (
        lambda s: s.directory.store.put("driver.json", dead_driver()),
        {("lock", "driver.json")},
        True,
    ),
    "manifest of a path": (
        lambda s: edit(s.path / MANIFEST, pack="../../evil", checked=True),
        {("torn", MANIFEST)},
        True,
    ),
}


def seen(findings: list[Any]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.path) for finding in findings}


def test_a_study_that_is_as_it_should_be(grow: Grow) -> None:
    complete = grow("complete", finished=4)
    Checkpoints(complete.directory.store, LAST).clear()
    before = complete.files()
    assert examine(complete.directory) == fix(complete.directory) == recover(complete.directory) == []
    assert complete.files() == before
    assert seen(examine(grow("stopped").directory)) == {WAITS}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_found_and_repaired(grow: Grow, name: str) -> None:
    harm, expected, repairable = CASES[name]
    study = grow()
    harm(study)
    before = study.files()
    findings = examine(study.directory)
    assert seen(findings) - {WAITS} == expected, "\n".join(map(str, findings))
    assert study.files() == before, "looking changed something"
    repaired = fix(study.directory)
    after = study.files()
    left = examine(study.directory)
    assert seen(left) - {("zombie", f"packs/{FIRST}.json"), WAITS} == (set() if repairable else expected)
    assert bool(repaired) is repairable
    assert fix(study.directory) == []
    assert study.files() == after, "repairing twice changed something"
    aside = {path.partition(".corrupt")[0] for path in after if ".corrupt" in path}
    assert aside == {f.path for f in repaired if f.repair == QUARANTINE}
    for path in aside:
        assert after[f"{path}.corrupt"] == before[path], "what is set aside stays as it was"


@pytest.mark.parametrize(
    "name", [name for name in CASES if not name.startswith(("file of a newer", "torn config", "one trial"))]
)
def test_a_driver_goes_on_after_anything(grow: Grow, name: str) -> None:
    """Every trial of the budget ends with one row; those that were readable keep theirs."""
    study = grow()
    CASES[name][0](study)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamagedWarning)
        kept = {row["trial"]: row for row in study.directory.trials().to_pylist() if row["pack"] != COPY}
    recover(study.directory)
    search = Search(study.config, study.directory, dict.fromkeys(study.config.methods, 2))
    waiting = search.rebuild(study.directory.manifests(), study.directory.trials().to_pylist())
    asked = list(iter(search.ask, None))
    for manifest in [*waiting, *asked]:
        study.directory.write_manifest(manifest)
        study.finish(manifest)
        search.tell(manifest, study.directory.rows(manifest["pack"], manifest["method"]))
    rows = {row["trial"]: row for row in study.directory.trials().to_pylist()}
    assert study.directory.trials().num_rows == len(rows) == 16
    torn_curves = ("curves" in name and "torn" in name) or name == "empty curves"
    assert all(rows[trial] == row for trial, row in kept.items() if not torn_curves)
    fix(study.directory)
    storage = JournalStorage(JournalFileBackend(str(study.path / "optuna.journal")))
    for found in storage.get_all_studies():
        states = [trial.state for trial in storage.get_all_trials(found._study_id)]
        assert TrialState.RUNNING not in states


def test_a_zombie_is_told_as_its_row_says(grow: Grow) -> None:
    study = grow()
    untold(study)
    assert [f.repair.name for f in examine(study.directory) if f.repair and f.kind == "zombie"] == ["tell"] * 4
    fix(study.directory)
    storage = JournalStorage(JournalFileBackend(str(study.path / "optuna.journal")))
    told = optuna.load_study(study_name="digits/group_lasso", storage=storage).trials
    rows = {row["number"]: row for row in study.directory.trials().to_pylist() if row["method"] == "group_lasso"}
    assert [t.values for t in told] == [[rows[n]["val_accuracy"], rows[n]["neurons"]] for n in range(8)]


def test_work_in_progress_is_not_a_finding_and_not_touched(grow: Grow) -> None:
    study = grow()
    (study.path / "packs/.dense-p0009.json.0123abcd").write_text("{")
    study.write_model(study.manifests[-1]["trials"][0]["trial"])
    with Lock(study.directory.store):
        assert examine(study.directory) == []
        with pytest.raises(Locked):
            fix(study.directory)


def test_what_is_set_aside_is_never_written_over(grow: Grow) -> None:
    study = grow()
    for damage in (b"first", b"second", b"third"):
        (study.path / MANIFEST).write_bytes(damage)
        fix(study.directory)
    names = [f"{MANIFEST}.corrupt", f"{MANIFEST}.corrupt-2", f"{MANIFEST}.corrupt-3"]
    assert [study.files()[name] for name in names] == [b"first", b"second", b"third"]


def test_the_command(grow: Grow) -> None:
    study = grow(finished=4)
    command = CliRunner()
    location = str(study.path)
    Checkpoints(study.directory.store, LAST).clear()
    healthy = command.invoke(app, ["doctor", location])
    assert (healthy.exit_code, healthy.output.split()[-1]) == (0, "healthy")
    truncate(study.path / NETWORK)
    sick = command.invoke(app, ["doctor", location])
    assert sick.exit_code == 1
    assert NETWORK in sick.output
    assert "--fix" in sick.output
    found = json.loads(command.invoke(app, ["doctor", location, "--json"]).output)
    assert [(f["kind"], f["repair"]) for f in found["findings"]] == [("torn", "quarantine")]
    mended = command.invoke(app, ["doctor", location, "--fix", "--json"])
    assert mended.exit_code == 0
    assert json.loads(mended.output)["healthy"]
    assert [f["path"] for f in json.loads(mended.output)["repaired"]] == [
        NETWORK,
        CARD,
    ]


def test_what_is_not_a_study_says_so(tmp_path: Path) -> None:
    for look in (examine, fix):
        with pytest.raises(NotAStudy, match="expected a study directory"):
            look(StudyDirectory(tmp_path))
    assert list(tmp_path.iterdir()) == []


DAMAGES: dict[str, Callable[[bytes, int], bytes | None]] = {
    "cut": lambda data, place: data[: place % max(len(data), 1)],
    "flip": lambda data, place: data[: (i := place % len(data))] + bytes([data[i] ^ 1]) + data[i + 1 :],
    "garble": lambda data, place: bytes(byte ^ (place & 255) for byte in data),
    "lose": lambda data, place: None,
}


def test_after_any_damage_it_is_repaired_once_and_a_driver_goes_on(grow: Grow, tmp_path: Path) -> None:
    study = grow()
    files = study.files()
    damaged = st.tuples(st.sampled_from(sorted(set(files) - {"study.yaml"})), st.sampled_from(sorted(DAMAGES)))
    damages = st.lists(st.tuples(damaged, st.integers(0, 10**5)), min_size=1, max_size=4)

    @settings(max_examples=12, deadline=None)
    @given(damages)
    def check(damages: list[tuple[tuple[str, str], int]]) -> None:
        with TemporaryDirectory(dir=tmp_path) as folder:
            directory = StudyDirectory(folder)
            hurt: dict[str, bytes | None] = dict(files)
            for (name, kind), place in damages:
                data = hurt[name]
                hurt[name] = DAMAGES[kind](data, place) if data else data
            for name, data in hurt.items():
                if data is not None:
                    directory.store.put(name, data)
            examine(directory)
            fix(directory)
            assert fix(directory) == []
            assert not {f.repair for f in examine(directory)} - {None}
            search = Search(study.config, directory, dict.fromkeys(study.config.methods, 2))
            search.rebuild(directory.manifests(), directory.trials().to_pylist())

    check()
