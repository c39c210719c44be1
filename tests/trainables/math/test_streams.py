"""The draws are functions of what names them, and look uniform and independent."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainables.math.streams import generator, uniform
from trainables.seeds import seed_of

SEEDS = torch.tensor([seed_of("lane", lane) for lane in range(8)])
whole = st.integers(0, 2**62)


@given(seeds=st.lists(whole, min_size=2, max_size=5), counters=st.lists(st.integers(0, 2**40), max_size=3))
def test_a_lanes_draw_does_not_depend_on_the_others(seeds: list[int], counters: list[int]) -> None:
    together = uniform(torch.tensor(seeds), (3, 2), *counters)
    assert together.shape == (len(seeds), 3, 2)
    for lane, seed in enumerate(seeds):
        assert torch.equal(together[lane], uniform(torch.tensor([seed]), (3, 2), *counters)[0])
        assert torch.equal(together[lane], uniform(torch.tensor(seed), (3, 2), *counters)), "a seed without lanes"


def test_vmap_and_tensor_counters_give_the_same() -> None:
    step = torch.full_like(SEEDS, 9)
    mapped = torch.vmap(lambda seed, step: uniform(seed, (5,), 2, step))(SEEDS, step)
    assert torch.equal(mapped, uniform(SEEDS, (5,), 2, 9))


def test_the_draws_are_uniform() -> None:
    draws = uniform(SEEDS, (4000,), 3, 5)
    assert draws.dtype == torch.float32
    assert float(draws.min()) >= 0
    assert float(draws.max()) < 1
    for lane in draws:
        assert stats.kstest(lane.numpy(), "uniform").pvalue > 1e-4
    pairs = torch.corrcoef(draws)
    assert float((pairs - torch.eye(len(draws))).abs().max()) < 0.07
    serial = torch.corrcoef(torch.stack([draws[:, 1:].flatten(), draws[:, :-1].flatten()]))[0, 1]
    assert abs(float(serial)) < 0.03


@pytest.mark.parametrize("other", [(3, 6), (4, 5), (5, 3), (3,), (3, 5, 0)])
def test_other_counters_give_other_independent_draws(other: tuple[int, ...]) -> None:
    one, two = uniform(SEEDS, (2000,), 3, 5).flatten(), uniform(SEEDS, (2000,), *other).flatten()
    assert abs(float(torch.corrcoef(torch.stack([one, two]))[0, 1])) < 0.04


def test_neighbouring_seeds_and_steps_are_independent() -> None:
    seeds = torch.arange(300)
    by_seed = uniform(seeds, (1,), 0).flatten()
    by_step = torch.cat([uniform(seeds[:1], (1,), 0, step) for step in range(300)]).flatten()
    for draws in (by_seed, by_step):
        assert stats.kstest(draws.numpy(), "uniform").pvalue > 1e-4
        assert abs(float(torch.corrcoef(torch.stack([draws[1:], draws[:-1]]))[0, 1])) < 0.2


@given(parts=st.lists(st.one_of(whole, st.text("abc", max_size=5)), min_size=1, max_size=4))
def test_seeds_are_63_bit_and_name_their_parts(parts: list[object]) -> None:
    seed = seed_of(*parts)
    assert 0 <= seed < 2**63
    assert seed != seed_of(*parts, "")


def test_seeds_are_the_same_in_every_process_and_separate_their_parts() -> None:
    assert seed_of("study", 3, "init") == 8924376043810936691, "recorded once; results hang on it"
    assert seed_of("a", "bc") != seed_of("ab", "c")


def test_generators_are_seeded_and_touch_no_global_state() -> None:
    before = torch.get_rng_state()
    draws = torch.rand(4, generator=generator(1, "order"))
    uniform(SEEDS, (4,), 1)
    assert torch.equal(draws, torch.rand(4, generator=generator(1, "order")))
    assert not torch.equal(draws, torch.rand(4, generator=generator(1, "orders")))
    assert torch.equal(before, torch.get_rng_state())
