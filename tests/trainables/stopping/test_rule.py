"""Which lanes go on: against brute force, with noise, requirements, seeds and lanes that diverged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from trainables.errors import StudyError
from trainables.stopping import ParetoRule, expected_rank, hypervolume_contributions, scatter

METRICS, MODES = ("accuracy", "neurons"), ("max", "min")
EXACT = {"accuracy": 0.0}


def rule(**settings: object) -> ParetoRule:
    return ParetoRule(METRICS, MODES, **{"least": 1, "noise": EXACT, **settings})  # type: ignore[arg-type]


def fronts(losses: NDArray[np.float64]) -> list[int]:
    """Non-dominated sorting by its definition."""
    left, found, rank = list(range(len(losses))), [0] * len(losses), 0
    while left:
        front = [i for i in left if not any(_dominates(losses[j], losses[i]) for j in left)]
        for i in front:
            found[i] = rank
        left, rank = [i for i in left if i not in front], rank + 1
    return found


def _dominates(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool((a <= b).all() and (a < b).any())


points = arrays(float, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.integers(0, 5).map(float))


@given(points)
def test_without_noise_ranks_are_those_of_non_dominated_sorting(losses: NDArray[np.float64]) -> None:
    assert expected_rank(losses, np.zeros(losses.shape[1])).tolist() == fronts(losses)


def test_the_front_goes_on_and_its_middle_is_worth_the_room_it_has() -> None:
    values = [(0.95, 100), (0.94, 20), (0.80, 10), (0.93, 90), (0.70, 80), (0.60, 70)]
    assert rule().keeps(values) == [True, True, True, False, False, False]
    # Four on one front, two of them side by side: one of those adds next to nothing.
    front = [(0.96, 160), (0.90, 40), (0.899, 39.9), (0.80, 10)]
    kept = rule(keep=0.75).keeps(front)
    assert kept[0] and kept[3] and sum(kept) == 3


def test_contributions_are_what_the_hypervolume_loses() -> None:
    losses = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [1.0, 1.0]])
    ranks = np.array([0.0, 0.0, 0.0, 1.0])
    assert hypervolume_contributions(losses, ranks) == pytest.approx([0.05, 0.25, 0.05, 0.01])


def test_noise_forgives_who_is_hardly_behind_and_nobody_who_is_far_behind() -> None:
    clear = np.array([[0.0, 1.0], [0.01, 1.1], [0.5, 1.2]])
    strict, lenient = expected_rank(clear, np.zeros(2)), expected_rank(clear, np.array([0.05, 0.0]))
    assert strict.tolist() == [0, 1, 2]
    assert lenient[0] < lenient[1] < 0.7 and lenient[2] > 1.3
    assert expected_rank(clear, np.array([0.05, 0.0])).tolist() == lenient.tolist()


def test_a_large_lane_that_ties_with_many_smaller_ones_is_worse_than_one_that_ties_with_one() -> None:
    scores = np.full(12, -0.93)
    sizes = np.arange(12.0)
    ranks = expected_rank(np.stack([scores, sizes], axis=1), np.array([0.01, 0.0]))
    assert ranks[:3].max() < ranks[-3:].min()


def test_scatter_is_that_of_scores_among_lanes_of_like_size() -> None:
    draws = np.random.default_rng(1)
    sizes = draws.permutation(400.0 + np.arange(400))
    scores = sizes / 1000 + 0.02 * draws.standard_normal(400)  # larger is better, by far more than the noise
    scores[sizes < 420] = 0.1  # collapsed
    assert scatter(scores, sizes[:, None]) == pytest.approx(0.02, rel=0.25)
    assert scatter(scores[:2], sizes[:2, None]) == 0.0


def test_who_misses_what_is_required_comes_last_the_nearest_first() -> None:
    values = [(0.10, 2), (0.70, 8), (0.92, 60), (0.93, 90)]
    assert rule().keeps(values)[0], "without a requirement the collapsed one is on the front"
    assert rule(require={"accuracy": 0.8}).keeps(values) == [False, False, True, True]
    assert rule(require={"accuracy": 0.8}, keep=0.75).keeps(values) == [False, True, True, True]
    assert rule(require={"accuracy": 0.8}, noise={"accuracy": 0.06}).keeps(values)[1], "0.7 may be 0.8"
    assert rule(require={"neurons": 50}).keeps(values) == [True, True, False, False]


def test_what_is_required_may_be_no_objective() -> None:
    """Multiply-adds decide who is fit, not who is best among those."""
    three = ParetoRule(
        ("accuracy", "neurons", "macs"),
        ("max", "min", "min"),
        noise={"accuracy": 0.0},
        least=1,
        require={"macs": 100},
        objectives=("accuracy", "neurons"),
    )
    values = [[0.9, 10, 200], [0.8, 20, 90], [0.7, 30, 10], [0.6, 9, 300]]
    assert three.keeps(values) == [False, True, True, False]
    fit = [[0.9, 10, 90], [0.8, 20, 10], [0.7, 30, 5], [0.95, 40, 99]]
    assert three.keeps(fit) == [True, False, False, True]


def test_lanes_are_held_against_all_that_were_seen_before() -> None:
    better = [(0.97, 10), (0.98, 20), (0.99, 30)]
    assert rule().keeps([(0.9, 40)], seen=better) == [False]
    assert rule().keeps([(0.9, 40)], seen=[(0.5, 80), (0.6, 90), (0.7, 99)]) == [True]
    assert rule(least=5).keeps([(0.9, 40)], seen=better) == [True], "too few to say"
    assert rule(least=4).keeps([(0.9, 40)], seen=better) == [False]


def test_seeds_of_a_configuration_go_on_together_by_their_mean() -> None:
    values = [(0.99, 10), (0.10, 13), (0.90, 10), (0.91, 11)]
    assert rule().keeps(values, configurations=["a", "a", "b", "b"]) == [False, False, True, True]
    with pytest.raises(ValueError, match="expected a configuration for each of 4 lanes, but got 1"):
        rule().keeps(values, configurations=["a"])


def test_a_diverged_lane_never_goes_on_and_spoils_no_other() -> None:
    values = [(math.nan, 10), (0.9, 20), (0.8, 30), (0.95, math.inf)]
    assert rule(keep=1.0).keeps(values) == [False, True, True, False]
    assert rule(least=99).keeps(values) == [False, True, True, False]
    assert rule().keeps([(math.nan, math.nan)]) == [False]
    assert rule().keeps([]) == []


@given(st.permutations(range(12)))
def test_without_noise_the_order_of_lanes_does_not_matter(order: list[int]) -> None:
    draws = np.random.default_rng(3)
    values = np.stack([draws.integers(80, 99, 12) / 100, draws.integers(5, 30, 12)], axis=1)
    kept = rule().keeps(values)
    assert rule().keeps(values[order]) == [kept[i] for i in order]


def test_nobody_stops_before_sizes_begin_to_differ() -> None:
    dense = [(0.9 + 0.01 * lane, 192) for lane in range(8)]
    assert rule().keeps(dense) == [True] * 8
    assert rule().keeps([*dense[:7], (math.nan, 192)]) == [True] * 7 + [False]
    half = [(score, size - 10 * max(0, 4 - lane)) for lane, (score, size) in enumerate(dense)]
    assert sum(rule().keeps(half)) < 8, "four are still whole"


def test_half_of_noisy_lanes_go_on_and_lanes_that_are_equal_share_their_fate() -> None:
    draws = np.random.default_rng(2)
    values = np.stack([0.9 + 0.02 * draws.standard_normal(64), draws.integers(10, 190, 64)], axis=1)
    assert sum(rule(noise={}).keeps(values)) == 32
    assert rule(noise={}).keeps(values) == rule(noise={}).keeps(values)
    assert rule().keeps([(0.9, 10)] * 8) == [True] * 8


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"keep": 0}, "keep: expected a share above 0"),
        ({"least": 0}, "least: expected at least 1"),
        ({"modes": ("max", "mim")}, "did you mean 'min'"),
        ({"modes": ("max",)}, "modes: expected one for each"),
        ({"metrics": ("neurons", "neurons")}, "expected each once"),
        ({"require": {"acuracy": 0.8}}, "did you mean 'accuracy'"),
        ({"noise": {"accuracy": -1}}, "noise.accuracy: expected a standard deviation"),
    ],
)
def test_what_does_not_fit_is_said(settings: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        ParetoRule(**{"metrics": METRICS, "modes": MODES, **settings})  # type: ignore[arg-type]
