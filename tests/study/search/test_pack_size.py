"""How many trials share a pack, where that is left open."""

from __future__ import annotations

from typing import Any

import pytest

from study.config import StudyConfig, load
from study.search import pack_size
from tests.study.conftest import configuration


def config(trials: int, methods: Any = ("group_lasso",), **pack: Any) -> StudyConfig:
    return configuration(trials=trials, methods=list(methods), pack=pack)


@pytest.mark.parametrize(
    ("trials", "workers", "size"),
    [(4, 2, 2), (4, 1, 4), (5, 2, 3), (1, 8, 1), (4, 8, 1), (64, 2, 16), (64, 16, 4)],
)
def test_every_worker_has_a_pack(trials: int, workers: int, size: int) -> None:
    assert pack_size(config(trials), workers) == size


def test_all_methods_count() -> None:
    assert pack_size(config(4, ["dense", "group_lasso", "npn"]), 2) == 6


def test_what_is_given_or_was_chosen_stays() -> None:
    assert pack_size(config(4, size=16), 2) == 16
    assert pack_size(config(4, chosen=3), 2) == 3


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 16])
def test_the_digits_study_has_the_packs_it_had(workers: int) -> None:
    assert pack_size(load("digits"), workers) == 16
