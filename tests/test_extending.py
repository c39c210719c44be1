"""docs/extending.md works as it is written: its files, its check, its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from study.directory.study_directory import StudyDirectory

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text()


def blocks() -> list[tuple[str, str, str]]:
    """Of the page: language, the file that the paragraph before it names last ("" for none), code."""
    found = []
    for match in re.finditer(r"```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL):
        paragraph = PAGE[: match.start()].rstrip().rpartition("\n\n")[2]
        named = re.findall(r"`(my_\w+\.(?:py|yaml))`:$", paragraph)
        found.append((match[1], named[-1] if named else "", match[2]))
    return found


def run(folder: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the page's files."""
    place = tmp_path_factory.mktemp("own")
    for _, name, code in blocks():
        if name:
            (place / name).write_text(code)
    return place


def test_the_page_has_its_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "my_methods.py",
        "my_networks.py",
        "my_samplers.py",
        "my_study.yaml",
    ]


def test_the_check_passes(folder: Path) -> None:
    check, stopping = (code for language, name, code in blocks() if language == "python" and not name)
    run(folder, sys.executable, "-W", "error", "-c", check)
    run(folder, sys.executable, "-c", stopping)


@pytest.mark.ray
@pytest.mark.slow
def test_the_study_runs_is_extended_and_reported(folder: Path) -> None:
    (commands,) = (code for language, _, code in blocks() if language == "sh")
    for line in commands.splitlines():
        run(folder, sys.executable, "-m", *line.split())
    directory = StudyDirectory(folder / "runs" / "mine")
    rows: list[dict[str, Any]] = directory.trials().to_pylist()
    assert sorted(row["trial"] for row in rows if row["method"] == "lasso") == [f"lasso-{i:05d}" for i in range(3)]
    assert {row["status"] for row in rows} == {"COMPLETE"}
    assert (folder / "runs/mine/results/trials/method=lasso").is_dir()
    kept = yaml.safe_load((folder / "runs/mine/study.yaml").read_text())["methods"]["lasso"]
    assert kept["defined_in"] == "my_methods:Lasso"
