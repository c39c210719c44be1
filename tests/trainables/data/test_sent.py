"""Data that were sent: found by the name they have at home, in one copy for a node, whatever else lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainables.data import content_hash, load, locate, receive, to_be_sent
from trainables.data.sent import Files
from trainables.errors import StudyError

TABLE = "a,b,kind\n" + "".join(f"{n},{n % 7},{'even' if n % 2 == 0 else 'odd'}\n" for n in range(40))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STUDY_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr("trainables.data.sent._received", {})
    return tmp_path


def test_what_is_sent_is_found_by_its_name_and_taken_once(home: Path) -> None:
    there = home / "there" / "table.csv"
    there.parent.mkdir()
    there.write_text(TABLE)
    files, version, name = to_be_sent(str(there), 10_000), content_hash(str(there)), str(there)
    assert files is not None
    before = load(name, label="kind")
    there.write_text(TABLE.replace("odd", "uneven"))
    asked: list[Files] = []

    def sent() -> Files:
        asked.append(files)
        return files

    for _ in range(2):  # the second is another process of the node
        receive(name, version, sent)
    assert asked == [files]
    assert content_hash(name) == version and locate(name).read_text() == TABLE
    assert (load(name, label="kind").train.x == before.train.x).all()
    locate(name).unlink()
    assert locate(name) == there, "a copy that is gone is none"


def test_a_set_known_by_name_comes_as_its_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "sets" / "mnist"
    folder.mkdir(parents=True)
    (folder / "train.parquet").write_bytes(b"one")
    (folder / "test.parquet").write_bytes(b"")
    monkeypatch.setenv("STUDY_DATA", str(folder.parent))
    files, version = to_be_sent("mnist", 3), content_hash("mnist")
    assert files is not None
    monkeypatch.delenv("STUDY_DATA")
    with pytest.raises(StudyError, match="STUDY_DATA is not set"):
        locate("mnist")
    receive("mnist", version, lambda: files)
    assert locate("mnist").name == "mnist" and content_hash("mnist") == version


def test_large_sets_and_those_that_every_machine_has_are_not_sent(home: Path) -> None:
    (home / "table.csv").write_text(TABLE)
    assert to_be_sent(str(home / "table.csv"), len(TABLE) - 1) is None
    assert all(to_be_sent(name, 10**9) is None for name in ("digits", "moons", "hub:some/set", "s3://bucket/x.csv"))
