"""Keys in an object store's URI reach neither what a command says nor any file that it writes."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray
from pyarrow import fs

from study.cli import main
from tests.study.cli.test_hostile import COMMANDS

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]

KEY, SECRET = "AKIAUNUSUAL", "wJalrXUtnFEMI"

STUDY = """
name: tiny
data: {name: digits, limit: 200}
model: {name: mlp, widths: [4]}
epochs: 3
polish: 1
batch_size: 120
trials: 2
methods: [dense, group_lasso]
sampler: random
resources: {workers: 1}
keep_models: all
"""

LIKE = "methods: {{random_pruning: {{like: {{study: '{study}', trial: dense-00009}}}}}}"

Say = Callable[..., str]


@pytest.fixture
def place(bucket: Callable[[str], str]) -> str:
    uri = bucket("runs/tiny")
    assert "//key:secret@" in uri
    return uri.replace("key:secret", f"{KEY}:{SECRET}")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All temporary files, Tune's and Ray's among them, and they stay."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as folder:  # sockets have short names
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setenv("RAY_TMPDIR", folder)
        with monkeypatch.context() as keeping:
            keeping.setattr(tempfile.TemporaryDirectory, "_rmtree", lambda *words, **more: None)
            ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            yield Path(folder)
            ray.shutdown()


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    """Runs a command in `tmp_path`, and gives all that it says."""
    monkeypatch.chdir(tmp_path)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["study", *words])
        with contextlib.suppress(SystemExit):
            main()
        said = capfd.readouterr()
        return said.out + said.err

    return run


def discreet(said: bytes) -> bool:
    return KEY.encode() not in said and SECRET.encode() not in said


def objects(place: str) -> Iterator[bytes]:
    files, root = fs.FileSystem.from_uri(place)
    for info in files.get_file_info(fs.FileSelector(root, recursive=True)):
        if info.type == fs.FileType.File:
            yield info.path.encode() + files.open_input_stream(info.path).read()


def test_no_command_says_or_writes_a_key(place: str, say: Say, tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(STUDY)
    (tmp_path / "like.yaml").write_text(STUDY.replace("methods: [dense, group_lasso]", LIKE.format(study=place)))
    (tmp_path / "nowhere.yaml").write_text(STUDY.replace("digits", f"'{place}'"))
    commands = [["run", "tiny.yaml", "--output", place], ["extend", place, "--trials", "3"]]
    commands += [[word.format(study=place) for word in words] for words in COMMANDS.values()]
    commands += [
        ["run", "tiny.yaml", "--output", place],
        ["run", "like.yaml", "--dry-run"],
        ["run", "nowhere.yaml", "--dry-run"],
        ["run", place],
        ["evaluate", place, "--data", "digits"],
        ["evaluate", "no.safetensors", "--data", place],
        ["predict", place, place],
        ["init", place],
        ["list", place],
        ["plot", place, place, "--output", place],
        ["figures", place, "--output", place],
        ["reproduce", place, "--output", place],
        ["status", place, place],
        ["status", place, "--json"],
        ["status", place.replace("runs", "none")],
        ["status", place.replace("s3:", "s4:")],
        ["status", place.partition("?")[0] + "?endpoint_override=127.0.0.1%3A9&scheme=http&region=us-east-1"],
        ["show", place, place],
        ["export", place, "--trial", place],
        ["pareto", place, "--within", place],
        ["pareto", place, "--json"],
        ["report", place, "--output", place],
        ["run", "tiny.yaml", "--set", f"data={place}"],
    ]
    said = [say(*words) for words in commands]
    assert "4 trials in" in said[0]
    assert not [text for text in said if not discreet(text.encode())]
    written = [file for folder in (tmp_path, temporary) for file in folder.rglob("*") if file.is_file()]
    assert any("experiment_state" in file.name for file in written) and any(".err" in file.name for file in written)
    given = {tmp_path / name for name in ("like.yaml", "nowhere.yaml")}
    assert not [file for file in written if file not in given and not discreet(str(file).encode() + file.read_bytes())]
    kept = list(objects(place))
    assert len(kept) > 10 and all(map(discreet, kept))
