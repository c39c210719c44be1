"""The two gates, their draws, ARM and AR against exact enumeration, the L0 term against autograd."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trainables.math import gates

PHI = torch.tensor([[-0.4, -0.11, 0.0, 0.2, 0.37]], dtype=torch.float64)
K = 4.0
both_gates = pytest.mark.parametrize("hard", [False, True], ids=["sigmoid", "hard"])


def uniforms(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loss(z: Tensor) -> Tensor:
    """(..., units) gates -> (...): not additive in the gates, so that they interact."""
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0], dtype=z.dtype)
    return (z @ weights - 0.7).square() + z.prod(-1)


def expected_loss(pi: Tensor) -> Tensor:
    """E_z[loss(z)] by enumeration of all z."""
    z = torch.tensor(list(itertools.product([0.0, 1.0], repeat=pi.shape[-1])), dtype=pi.dtype)
    return (loss(z) * torch.where(z > 0, pi, 1 - pi).prod(-1)).sum()


def exact_gradient(phi: Tensor, k: float, hard: bool) -> Tensor:
    phi = phi.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(expected_loss(gates.gate(phi, k, hard)), phi)
    return gradient


@both_gates
@given(phi=st.floats(-50, 50), k=st.floats(1e-3, 5000))
def test_gate_is_symmetric_and_a_probability(hard: bool, phi: float, k: float) -> None:
    x = torch.tensor([phi, -phi], dtype=torch.float64)
    on, off = gates.gate(x, k, hard)
    assert 0 <= on <= 1
    assert abs(on - (1 - off)) <= 1e-15


@both_gates
def test_gate_rises(hard: bool) -> None:
    pi = gates.gate(torch.linspace(-2, 2, 101), K, hard)
    assert (pi.diff() >= 0).all()
    assert pi[0] < 0.1
    assert pi[-1] > 0.9


@both_gates
def test_k_to_zero_is_dropout_and_k_to_infinity_a_switch(hard: bool) -> None:
    torch.testing.assert_close(gates.gate(PHI, 1e-9, hard), torch.full_like(PHI, 0.5))
    step = torch.tensor([[0.0, 0.0, 0.5, 1.0, 1.0]], dtype=torch.float64)
    assert torch.equal(gates.gate(PHI, 1e4, hard), step)


def test_the_hard_gate_is_a_clipped_line() -> None:
    pi = gates.gate(torch.tensor([-4.0, -3.5, -1.75, 0.0, 1.75, 3.5, 4.0]), 1.0, hard=True)
    assert torch.equal(pi, torch.tensor([0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]))


@both_gates
@pytest.mark.parametrize("k", [0.5, K, 20.0])
def test_slopes_are_the_derivatives(hard: bool, k: float) -> None:
    phi = PHI.clone().requires_grad_()
    pi = gates.gate(phi, k, hard)
    (expected,) = torch.autograd.grad(pi.sum(), phi, retain_graph=True)
    torch.testing.assert_close(gates.slope(PHI, k, hard), expected)
    interior = (pi > 0) & (pi < 1)
    assert not gates.slope(PHI, k, hard)[~interior].any()
    assert torch.autograd.gradcheck(lambda x: gates.gate(x, k, hard), phi)


def test_hard_slopes_are_zero_once_saturated() -> None:
    phi = torch.tensor([-9.0, 9.0])
    assert torch.equal(gates.slope(phi, 1.0, True), torch.zeros(2))


@pytest.mark.parametrize("draw", [gates.sample, gates.antithetic])
def test_draws_have_the_probability_of_the_gate(draw: type) -> None:
    grid = (torch.arange(1000) / 1000).unsqueeze(-1)
    pi = torch.tensor([0.0, 0.25, 0.5, 0.8, 1.0])
    torch.testing.assert_close(draw(pi, grid).mean(0), pi, atol=1.1e-3, rtol=0)
    assert torch.equal(draw(pi, grid)[:, [0, -1]].unique(dim=0), torch.tensor([[0.0, 1.0]]))


def test_antithetic_is_the_mirror_image() -> None:
    u, pi = uniforms(1000, 5), gates.gate(PHI, K)
    assert torch.equal(gates.antithetic(pi, u), gates.sample(pi, 1 - u))


def log_odds_slope(phi: torch.Tensor, hard: bool) -> torch.Tensor:
    """By autograd; 0 where the gate is saturated."""
    leaf = phi.clone().requires_grad_()
    pi = gates.gate(leaf, K, hard)
    interior = (pi > 0) & (pi < 1)
    (slope,) = torch.autograd.grad(torch.where(interior, pi, 0.5).logit().sum(), leaf)
    return torch.where(interior, slope, 0)


@both_gates
@pytest.mark.parametrize("arm", [True, False], ids=["ARM", "AR"])
def test_estimator_is_unbiased(hard: bool, arm: bool) -> None:
    """With the slope of the log odds as factor: k for the sigmoid gate.

    The mean of 2^17 draws lies within 5 standard errors: a false alarm in 1e6 for each of the 5 gates.
    """
    phi = PHI.expand(1 << 17, -1)
    u, pi = uniforms(*phi.shape, seed=1), gates.gate(phi, K, hard)
    f1, f2 = loss(gates.antithetic(pi, u)), loss(gates.sample(pi, u))
    draws = gates.estimate(f1, f2, u, log_odds_slope(phi, hard), arm)
    error = draws.mean(0) - exact_gradient(PHI, K, hard)[0]
    allowed = 5 * draws.std(0) / len(draws) ** 0.5
    assert (allowed < 0.3).all()
    assert (error.abs() <= allowed).all()


def test_arm_varies_less_than_ar() -> None:
    phi = PHI.expand(1 << 12, -1)
    u, pi = uniforms(*phi.shape, seed=2), gates.gate(phi, K)
    f1, f2 = loss(gates.antithetic(pi, u)), loss(gates.sample(pi, u))
    assert (gates.estimate(f1, f2, u, K, True).var(0) < gates.estimate(f1, f2, u, K, False).var(0)).all()


def one_gate(phi: float, factor: float, hard: bool, arm: bool) -> float:
    """Mean estimate for f(z) = z over a fine grid of u, to 1e-5."""
    x = torch.tensor([phi], dtype=torch.float64)
    u = ((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000).unsqueeze(-1)
    pi = gates.gate(x, K, hard)
    f1, f2 = gates.antithetic(pi, u)[:, 0], gates.sample(pi, u)[:, 0]
    return float(gates.estimate(f1, f2, u, factor, arm).mean())


@pytest.mark.parametrize("arm", [True, False], ids=["ARM", "AR"])
@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.3])
def test_factor_k_is_exact_for_the_sigmoid_and_scaled_for_the_hard_gate(phi: float, arm: bool) -> None:
    x = torch.tensor([phi], dtype=torch.float64)
    assert one_gate(phi, K, False, arm) == pytest.approx(float(gates.slope(x, K)), abs=1e-4)
    pi = float(gates.gate(x, K, True))
    scaled = 7 * pi * (1 - pi) * float(gates.slope(x, K, True))
    assert one_gate(phi, K, True, arm) == pytest.approx(scaled, abs=1e-4)


def test_evaluation_drops_what_is_less_likely_on_than_off() -> None:
    pi = torch.tensor([[0.0, 0.49, 0.5, 0.7, 1.0]])
    assert torch.equal(gates.evaluate(pi), torch.tensor([[0.0, 0.0, 0.5, 0.7, 1.0]]))
    assert torch.equal(gates.active(pi), torch.tensor([[False, False, True, True, True]]))
    assert torch.equal(gates.evaluate(pi) > 0, gates.active(pi))


def test_initial_gates_are_95_percent_on_or_off_for_every_k() -> None:
    on = torch.tensor([[True, False, True], [False, False, True]])
    k = torch.tensor([7.0, 5000.0])
    pi = gates.gate(gates.initial(on, k), k)
    torch.testing.assert_close(pi, torch.where(on, 0.9526, 0.0474), atol=1e-4, rtol=0)
    assert torch.equal(gates.active(pi), on)


def test_initial_of_the_reference_code() -> None:
    on, noise = torch.tensor([[True, False]]), 0.01 * torch.tensor([[1.0, -1.0]])
    phi = gates.initial(on, 7.0, low=-40.0, noise=noise)
    torch.testing.assert_close(phi, torch.tensor([[3 / 7 + 0.01, -40 / 7 - 0.01]]))


LANES = {
    "k": torch.tensor([0.5, 7.0, 1.0, 5000.0]),
    "hard": torch.tensor([False, True, True, False]),
    "arm": torch.tensor([True, False, True, False]),
    "f1": torch.tensor([0.1, float("nan"), 2.0, float("nan")]),  # AR lanes have no first pass
    "f2": torch.tensor([0.3, 0.2, 1.5, 0.7]),
}


def everything(phi: Tensor, u: Tensor, lane: dict[str, Tensor]) -> dict[str, Tensor]:
    pi = gates.gate(phi, lane["k"], lane["hard"])
    return {
        "gate": pi,
        "slope": gates.slope(phi, lane["k"], lane["hard"]),
        "estimate": gates.estimate(lane["f1"], lane["f2"], u, lane["k"], lane["arm"]),
        "initial": gates.initial(phi > 0, lane["k"]),
    }


@pytest.mark.parametrize("units", [3, 4])
@pytest.mark.parametrize("column", [False, True], ids=["(P,)", "(P, 1)"])
def test_lanes_differ_and_equal_lone_trials(units: int, column: bool) -> None:
    """As many units as lanes is the case that would hide a wrong broadcast."""
    phi, u = 2 * uniforms(4, units, seed=3).float() - 1, uniforms(4, units, seed=4).float()
    shaped = {name: value.unsqueeze(1) if column else value for name, value in LANES.items()}
    together = everything(phi, u, shaped)
    mapped = torch.vmap(everything)(phi, u, LANES)
    for lane in range(4):
        alone = everything(phi[lane], u[lane], {name: value[lane] for name, value in LANES.items()})
        for name, value in alone.items():
            assert value.isfinite().all(), name
            torch.testing.assert_close(together[name][lane], value)
            torch.testing.assert_close(mapped[name][lane], value)


def test_choices_may_be_indices() -> None:
    hard = torch.tensor([0, 1])
    phi = PHI.expand(2, -1)
    assert torch.equal(gates.gate(phi, K, hard), gates.gate(phi, K, hard.bool()))


@given(pi=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_histogram_counts_every_gate_where_it_belongs(pi: list[float]) -> None:
    (counts,) = gates.histogram(torch.tensor([pi])).tolist()
    expected = [0] * gates.BINS
    for p in torch.tensor(pi).tolist():
        expected[min(int(torch.tensor(p) * gates.BINS), gates.BINS - 1)] += 1
    assert counts == expected


def test_histograms_of_lanes_are_apart() -> None:
    counts = gates.histogram(torch.tensor([[0.0, 0.01, 1.0], [0.5, 0.5, 0.99]]))
    assert counts.shape == (2, gates.BINS)
    assert counts[0].nonzero().flatten().tolist() == [0, 19] and counts[0, 0] == 2
    assert counts[1, 10] == 2 and counts[1, 19] == 1


@pytest.mark.parametrize("hard", [False, True])
def test_infinite_sharpness_is_a_switch(hard: bool) -> None:
    """Finite everywhere, a gate at phi = 0 included, and without a gradient."""
    phi, u = torch.tensor([[-2.0, 0.0, 2.0]]), torch.tensor([[0.3, 0.5, 0.7]])
    pi = gates.gate(phi, torch.inf, hard)
    assert pi.tolist() == [[0.0, 0.5, 1.0]]
    assert gates.slope(phi, torch.inf, hard).tolist() == [[0.0, 0.0, 0.0]]
    assert gates.estimate(1.0, 3.0, u, torch.inf).abs().tolist() == [[0.0, 0.0, 0.0]]
    on = torch.tensor([[True, False]])
    assert gates.active(gates.gate(gates.initial(on, torch.inf), torch.inf, hard)).tolist() == on.tolist()
