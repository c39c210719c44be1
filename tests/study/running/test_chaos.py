"""The chaos benchmark with few kills: it raises SystemExit unless all that must be zero is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.chaos import MUST_BE_ZERO, main


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["driver", "worker", "head", "raylet", "preempted", "data"])
def test_nothing_is_lost_when_it_is_killed(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    main(["--kills", "3", "--sides", "study", "--kinds", kind, "--patience", "300", "--json", str(file)])
    figures = json.loads(file.read_text())["study"]["kills"][kind]
    assert figures["kills"] == 3
    assert {name: figures[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
