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


@pytest.mark.parametrize(
    ("trials", "workers", "most", "size"),
    [
        (4096, 4, 256, 256),  # what the device is best at
        (512, 1, 256, 64),  # eight rounds of packs for the sampler
        (64, 1, 256, 16),  # never fewer than a processor's for that
        (512, 32, 256, 16),  # every worker has a pack
    ],
)
def test_gpus_have_wide_packs_and_samplers_enough_of_them(trials: int, workers: int, most: int, size: int) -> None:
    assert pack_size(config(trials), workers, most) == size


@pytest.mark.parametrize("searches", [1, 2])
def test_the_rounds_are_those_of_the_smallest_method_in_a_search(searches: int) -> None:
    several = configuration(
        trials=1024, searches=searches, methods={"npn": {"trials": 256}, "group_lasso": {}}, pack={}
    )
    assert pack_size(several, 1, 256) == 32


def test_controls_which_no_sampler_learns_from_do_not_narrow_the_packs() -> None:
    beside = configuration(trials=1024, methods={"dense": {"trials": 8}, "group_lasso": {}}, pack={})
    assert pack_size(beside, 1, 256) == 128
    assert pack_size(config(1024, ["dense"]), 1, 256) == 128
