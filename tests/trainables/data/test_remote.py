"""Data by URI: fetched once, anew when they have changed, told when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainables.data.remote import fetch
from trainables.errors import StudyError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_file_is_fetched_once_and_anew_when_it_has_changed(home: Path) -> None:
    there = home / "train.csv"
    there.write_text("a,b\n1,2\n")
    first = fetch(there.as_uri())
    assert first.read_text() == "a,b\n1,2\n" and first.name == "train.csv" and first != there
    assert fetch(there.as_uri()) == first
    there.write_text("a,b\n3,4\n")
    os.utime(there, (1, 1))
    second = fetch(there.as_uri())
    assert second != first and second.read_text() == "a,b\n3,4\n"


def test_a_folder_comes_whole(home: Path) -> None:
    (home / "set" / "train").mkdir(parents=True)
    (home / "set" / "train" / "part.csv").write_text("a\n1\n")
    (home / "set" / "test.csv").write_text("a\n2\n")
    found = fetch((home / "set").as_uri())
    assert sorted(str(file.relative_to(found)) for file in found.rglob("*.csv")) == ["test.csv", "train/part.csv"]


@pytest.mark.parametrize(
    "uri, said",
    [
        ("file:///nowhere/at/all.csv", "there is no file:///nowhere"),
        ("nonsense://x/y.csv", "expected a URI that pyarrow.fs reads"),
        ("s3://key:hidden@bucket/y.csv", "expected a URI without keys"),
        ("s3://hidden@bucket/y.csv", "expected a URI without keys"),
        ("s3://bucket/y.csv?access_key=a&secret_key=hidden", "expected a URI without keys"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(uri: str, said: str, home: Path) -> None:
    with pytest.raises(StudyError, match=said) as found:
        fetch(uri)
    assert "hidden" not in str(found.value)
