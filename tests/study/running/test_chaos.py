"""The chaos benchmark with few kills: it raises SystemExit unless all that must be zero is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.chaos import KINDS, MUST_BE_ZERO, main

HERE = tuple(kind for kind in KINDS if kind != "node")
"""Of nodes that die, one does in tests/study/cluster/test_local.py."""


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    """Several studies at once: much of the time of each is the start of Ray and of processes, again and again."""
    file = tmp_path / "chaos.json"
    few = ["--kills", "3", "--long-epochs", "600", "--patience", "300", "--jobs", "3"]
    main([*few, "--sides", "study", "--kinds", *HERE, "--json", str(file)])
    found = json.loads(file.read_text())["study"]["kills"]
    assert {kind: figures["kills"] for kind, figures in found.items()} == dict.fromkeys(HERE, 3)
    for figures in found.values():
        assert {name: figures[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
