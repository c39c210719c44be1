"""How many trials a pack has at most, where nobody has measured it on a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import trainables.rehearsal
from study.rehearsal import best_width
from study.search import MOST
from tests.study.conftest import configuration


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to measure")
def test_a_machine_without_gpus_does_not_time_packs_for_those_that_have_some(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*arguments: Any, **named: Any) -> int:
        raise AssertionError("measured on a processor")

    monkeypatch.setattr(trainables.rehearsal, "best_width", measured)
    config = configuration(trials=1024, pack={}, resources={"gpus_per_worker": 1})
    assert best_width(config) == MOST
