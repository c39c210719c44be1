"""A cluster for the tests of a module, and the command line of a machine outside it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.study.cluster.heads import PYTHON, REPOSITORY, Head


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    if not PYTHON.exists():
        pytest.skip(f"needs study[cluster] beside this environment, at {PYTHON} (make test)")
    found = Head("--num-cpus", "2")
    yield found
    found.stop()


def laptop(head: Head) -> dict[str, str]:
    """The environment of a machine that knows the cluster's token and is no part of it."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return known | {"PYTHONPATH": str(REPOSITORY), "RAY_AUTH_TOKEN": head.token, "COLUMNS": "200"}


Study = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def study(head: Head) -> Study:
    """The command line, as on a laptop that knows the cluster's token."""

    def call(*arguments: str, cwd: Path | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [str(PYTHON), "-m", "study", *arguments]
        return subprocess.run(command, cwd=cwd, env=laptop(head) | more, capture_output=True, text=True, timeout=240)

    return call
