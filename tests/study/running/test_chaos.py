"""The chaos benchmark with few kills: it raises SystemExit unless all that must be zero is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.chaos import MUST_BE_ZERO, main
from benchmarks.processes import KINDS as PROCESSES


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kinds", [PROCESSES, ("preempted",), ("data",)], ids="-".join)
def test_nothing_is_lost_when_it_is_killed(kinds: Sequence[str], tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    few = ["--kills", "3", "--long-epochs", "120", "--patience", "300"]
    main([*few, "--sides", "study", "--kinds", *kinds, "--json", str(file)])
    found = json.loads(file.read_text())["study"]["kills"]
    assert {kind: figures["kills"] for kind, figures in found.items()} == dict.fromkeys(kinds, 3)
    for figures in found.values():
        assert {name: figures[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
