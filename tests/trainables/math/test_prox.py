"""The rules of a proximal operator over one table of operators, then cvxpy, closed forms, counterexamples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from trainables.math import prox

P, UNITS, D = 3, 4, 5


def norm(w: Tensor) -> Tensor:
    return torch.linalg.vector_norm(w, dim=-1)


@dataclass(frozen=True)
class Row:
    """An operator, the penalty it is the prox of (None: it is not one) and when a group must become zero."""

    operator: Callable[..., Tensor]
    strengths: int
    penalty: Callable[..., Tensor] | None
    threshold: Callable[[Tensor], tuple[prox.Strength, ...]] | None
    """v -> the least strengths that make it zero."""

    def __str__(self) -> str:
        return self.operator.__name__


ROWS = [
    Row(prox.soft, 1, lambda w, b: b * prox.l1_norm(w), lambda v: (v.abs().amax(-1),)),
    Row(prox.group, 1, lambda w, a: a * norm(w), lambda v: (norm(v),)),
    Row(
        prox.sparse_group,
        2,
        lambda w, b, a: b * prox.l1_norm(w) + a * norm(w),
        lambda v: (0.3, norm(prox.soft(v, 0.3))),
    ),
    Row(prox.exclusive, 1, lambda w, c: c * prox.exclusive_norm(w), None),
    Row(
        prox.group_exclusive,
        2,
        lambda w, a, c: a * norm(w) + c * prox.exclusive_norm(w),
        lambda v: (norm(v), 0.7),
    ),
    Row(prox.cges, 2, None, lambda v: (norm(v), 0.7)),
]
PROXES = [row for row in ROWS if row.penalty]
every_row = pytest.mark.parametrize("row", ROWS, ids=str)
every_prox = pytest.mark.parametrize("row", PROXES, ids=str)


def groups(seed: int = 0, dtype: torch.dtype = torch.float64, shape: tuple[int, ...] = (P, UNITS, D)) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def strengths(row: Row, seed: int, *shape: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(*shape, generator=generator, dtype=torch.float64) for _ in range(row.strengths))


def objective(row: Row, w: Tensor, v: Tensor, *a: prox.Strength) -> Tensor:
    assert row.penalty
    return prox.squared_norm(w - v) + row.penalty(w, *a)


@every_prox
@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_beats_a_numeric_minimiser(row: Row, scale: float) -> None:
    v, a = groups(shape=(3, 4)), [scale * s for s in strengths(row, 1, 3)]
    ours = objective(row, row.operator(v, *a), v, *a)
    for index in range(len(v)):
        one = [s[index] for s in a]

        def value(w: np.ndarray, index: int = index, one: list[Tensor] = one) -> float:
            return float(objective(row, torch.from_numpy(w), v[index], *one))

        best = min(minimize(value, start, method="Powell").fun for start in (v[index].numpy(), np.zeros(4)))
        assert ours[index] <= best + 1e-9


@every_prox
@pytest.mark.parametrize("spread", [1e-6, 1e-3, 1.0])
def test_beats_every_perturbation(row: Row, spread: float) -> None:
    v, a = groups(), strengths(row, 2, P, UNITS)
    w = row.operator(v, *a)
    others = w + spread * groups(seed=3, shape=(200, P, UNITS, D))
    others[:100] *= w != 0
    assert (objective(row, w, v, *a) <= objective(row, others, v, *a) + 1e-15).all()


triples = st.lists(st.floats(-10, 10), min_size=3, max_size=3)
vectors = triples.map(lambda x: torch.tensor(x, dtype=torch.float64))
levels = st.floats(0, 20)


@every_prox
@settings(max_examples=60, deadline=None)
@given(x=vectors, y=vectors, b=levels, c=levels)
def test_firmly_non_expansive(row: Row, x: Tensor, y: Tensor, b: float, c: float) -> None:
    a = (b, c)[: row.strengths]
    difference = row.operator(x, *a) - row.operator(y, *a)
    assert difference @ (x - y) >= difference @ difference - 1e-11


@every_prox
@settings(max_examples=60, deadline=None)
@given(u=vectors, v=vectors, b=levels, c=levels)
def test_three_point_inequality(row: Row, u: Tensor, v: Tensor, b: float, c: float) -> None:
    """With p = prox(v): g(p) + 1/2 |p - v|^2 + 1/2 |u - p|^2 <= g(u) + 1/2 |u - v|^2 for every u."""
    a = (b, c)[: row.strengths]
    p = row.operator(v, *a)
    right = objective(row, u, v, *a)
    assert objective(row, p, v, *a) + prox.squared_norm(u - p) <= right + 1e-12 * (1 + right)


@every_row
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_stays_zero(row: Row, dtype: torch.dtype) -> None:
    v = torch.zeros(P, UNITS, D, dtype=dtype)
    for level in (0.0, 1e-30, 1.0, 1e30):
        assert torch.equal(row.operator(v, *[level] * row.strengths), v)


@pytest.mark.parametrize("row", [row for row in ROWS if row.threshold], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exactly_zero_from_the_threshold_on(row: Row, dtype: torch.dtype) -> None:
    assert row.threshold
    v = groups(dtype=dtype)
    least = row.threshold(v)
    assert not row.operator(v, *least).any()
    assert not row.operator(v, *[2 * a for a in least]).any()
    assert row.operator(v, *[0.1 * a for a in least]).any(-1).all()


@every_row
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_strength_zero_is_the_identity_bit_for_bit(row: Row, dtype: torch.dtype) -> None:
    v = groups(dtype=dtype) * 10.0 ** torch.arange(-18, 18, 3).reshape(P, UNITS, 1)
    assert torch.equal(row.operator(v, *[0.0] * row.strengths), v)


@every_row
@settings(max_examples=60, deadline=None)
@given(
    x=st.lists(st.floats(-(2.0**60), 2.0**60, width=32), min_size=3, max_size=3),
    a=st.lists(st.floats(0, 2.0**60), min_size=2, max_size=2),
)
def test_finite_and_no_larger(row: Row, x: list[float], a: list[float]) -> None:
    v = torch.tensor(x)
    w = row.operator(v, *a[: row.strengths])
    assert w.isfinite().all()
    assert (w.abs() <= v.abs()).all()
    assert (w * v >= 0).all()


@every_row
def test_float32_agrees_with_float64(row: Row) -> None:
    v, a = groups(), strengths(row, 4, P, UNITS)
    w = row.operator(v.float(), *a)
    assert w.dtype == torch.float32
    torch.testing.assert_close(w.double(), row.operator(v, *a), rtol=1e-5, atol=1e-6)


@every_row
def test_strengths_broadcast(row: Row) -> None:
    v, per_lane = groups(), strengths(row, 5, P, 1)
    expected = row.operator(v, *[a.expand(P, UNITS) for a in per_lane])
    assert torch.equal(row.operator(v, *per_lane), expected)
    one = [float(a[0]) for a in per_lane]
    assert torch.equal(row.operator(v, *one)[0], expected[0])
    assert torch.equal(row.operator(v[0, 0], *one), expected[0, 0])


@every_row
def test_a_lane_does_not_depend_on_its_pack(row: Row) -> None:
    v, a = groups(dtype=torch.float32), strengths(row, 6, P, 1)
    before = v.clone()
    together = row.operator(v, *a)
    alone = torch.cat([row.operator(v[i : i + 1], *[s[i : i + 1] for s in a]) for i in range(P)])
    assert torch.equal(together, alone)
    assert torch.equal(v, before)


@every_row
def test_a_diverged_lane_leaves_the_others_alone(row: Row) -> None:
    v, a = groups(dtype=torch.float32), strengths(row, 6, P, 1)
    expected = row.operator(v, *a)[1:]
    v[0] = torch.tensor([float("nan"), float("inf"), 1.0, 2.0, 3.0])
    w = row.operator(v, *a)
    assert not w[0].isfinite().all()
    assert torch.equal(w[1:], expected)


@every_row
def test_vmap_equals_batch(row: Row) -> None:
    v, a = groups(), strengths(row, 7, P, UNITS)
    expected = row.operator(v, *a)
    torch.testing.assert_close(torch.vmap(row.operator)(v, *a), expected)
    over_units = torch.vmap(row.operator, in_dims=1, out_dims=1)
    torch.testing.assert_close(over_units(v, *a), expected)
    shared = [s[0, 0] for s in a]
    torch.testing.assert_close(torch.vmap(lambda x: row.operator(x, *shared))(v), row.operator(v, *shared))
    torch.testing.assert_close(
        torch.vmap(row.operator, in_dims=(None, *(0 for _ in a)))(v[0, 0], *(s[:, 0] for s in a)),
        row.operator(v[0, 0].expand(P, D), *(s[:, 0] for s in a)),
    )


@pytest.mark.parametrize("row", PROXES, ids=str)
def test_agrees_with_cvxpy(row: Row) -> None:
    penalties = {
        "soft": lambda w, b: b * cvxpy.norm1(w),
        "group": lambda w, a: a * cvxpy.norm2(w),
        "sparse_group": lambda w, b, a: b * cvxpy.norm1(w) + a * cvxpy.norm2(w),
        "exclusive": lambda w, c: c / 2 * cvxpy.square(cvxpy.norm1(w)),
        "group_exclusive": lambda w, a, c: a * cvxpy.norm2(w) + c / 2 * cvxpy.square(cvxpy.norm1(w)),
    }
    v, a = groups(seed=8, shape=(2, 6)), strengths(row, 9, 2)
    for index, x in enumerate(row.operator(v, *a)):
        w = cvxpy.Variable(6)
        penalty = penalties[str(row)](w, *(float(s[index]) for s in a))
        cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w - v[index].numpy()) / 2 + penalty)).solve()
        np.testing.assert_allclose(x.numpy(), w.value, atol=1e-4)


def sorted_exclusive(v: np.ndarray, c: float) -> np.ndarray:
    """The closed form: tau = max_j c s_j / (1 + c j) over the running sums s_j of the sorted sizes."""
    sums = np.cumsum(np.sort(np.abs(v))[::-1])
    tau = np.max(c * sums / (1 + c * np.arange(1, len(v) + 1)))
    return np.sign(v) * np.maximum(np.abs(v) - tau, 0)


HARD_CASES = {
    "normal": groups(seed=10, shape=(64,)),
    "heavy-tailed": groups(seed=11, shape=(64,)) / groups(seed=12, shape=(64,)),
    "equal": torch.ones(64, dtype=torch.float64),
    "one": torch.eye(64, dtype=torch.float64)[0],
    # Entries that leave one at a time: Newton's worst case.
    "halving gaps": 1 - 0.5 ** torch.arange(50, dtype=torch.float64),
}


@pytest.mark.parametrize("case", HARD_CASES)
@pytest.mark.parametrize("c", [1e-6, 1e-2, 1.0, 1e3, 1e6])
def test_exclusive_equals_the_sorted_closed_form(case: str, c: float) -> None:
    v = HARD_CASES[case]
    expected = sorted_exclusive(v.numpy(), c)
    scale = float(v.abs().max())
    np.testing.assert_allclose(prox.exclusive(v, c).numpy(), expected, rtol=0, atol=1e-14 * scale)
    np.testing.assert_allclose(prox.exclusive(v.float(), c).numpy(), expected, rtol=0, atol=1e-6 * scale)
    assert prox.exclusive(v, c)[v.abs().argmax()] != 0


@pytest.mark.parametrize("case", HARD_CASES)
@pytest.mark.parametrize("c", [1e-6, 1e-2, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.9, 1 - 1e-6])
def test_group_exclusive_is_at_its_fixed_point(case: str, c: float, fraction: float) -> None:
    """w + a w / |w|_2 + c |w|_1 sign(w) = v on the support, and |v| <= c |w|_1 off it."""
    v = HARD_CASES[case]
    a = fraction * float(norm(v))
    w = prox.group_exclusive(v, a, c)
    tau = c * float(prox.l1_norm(w))
    residual = w + a * w / norm(w) + tau * v.sign() - v
    on = w != 0
    tolerance = 1e-14 * (1 + c) * float(v.abs().max()) * 64
    assert on.any()
    assert residual[on].abs().max() <= tolerance
    assert (v[~on].abs() <= tau + tolerance).all()


@pytest.mark.parametrize("case", HARD_CASES)
def test_a_dozen_rounds_are_enough(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    v = HARD_CASES[case]
    expected = prox.group_exclusive(v, 0.1, 1.0)
    monkeypatch.setattr(prox._Level, "max_rounds", 12)
    assert torch.equal(prox.group_exclusive(v, 0.1, 1.0), expected)


@pytest.mark.parametrize("a", [0.0, 0.4])
def test_cges_takes_the_published_two_steps(a: float) -> None:
    v, c = groups(seed=13, shape=(7, D)), 0.3
    for x, w in zip(v.numpy(), prox.cges(v, a, c).numpy(), strict=True):
        x = max(0.0, 1 - a / np.linalg.norm(x)) * x
        np.testing.assert_allclose(w, np.sign(x) * np.maximum(np.abs(x) - c * np.abs(x).sum(), 0), atol=1e-15)


def test_cges_in_place_gives_the_same_bits_seen_from_either_side() -> None:
    weight = torch.randn(3, 20, 12, generator=torch.Generator().manual_seed(0))
    weight[0, :, 2] = 0
    for v in (weight, weight.mT):
        strengths = torch.tensor([0.0, 0.5, 5.0]).unsqueeze(1), torch.tensor([0.3, 0.0, 0.1]).unsqueeze(1)
        expected = prox.cges(v, *strengths)
        changed = weight.clone()
        prox.cges_(changed if v is weight else changed.mT, *strengths)
        assert torch.equal(changed if v is weight else changed.mT, expected)


def test_numbers_within_bounds_are_those_of_clamp_bit_for_bit() -> None:
    drawn = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    special = torch.tensor([0.0, torch.nan, torch.inf, -torch.inf, 1e-40, -1e-40, 0.25, -0.25]).expand(5, -1)
    v, bound = torch.cat([drawn, special], dim=1), torch.tensor([0.0, 0.25, 1e-40, torch.inf, torch.nan]).unsqueeze(1)
    left, expected = v - prox.within(v, bound), v - v.clamp(-bound, bound)
    assert torch.equal(left.isnan(), expected.isnan())
    assert torch.equal(left.nan_to_num().view(torch.int32), expected.nan_to_num().view(torch.int32))


def test_cges_can_zero_a_group_that_the_exact_prox_keeps() -> None:
    v = torch.tensor([1.0, 0.9, 0.8])
    assert not prox.cges(v, 0.1, 1.0).any()
    assert prox.group_exclusive(v, 0.1, 1.0).any()


def test_one_after_the_other_is_not_the_joint_prox() -> None:
    v, a, c = groups(seed=14), 0.5, 0.5
    joint = prox.group_exclusive(v, a, c)
    for other in (prox.exclusive(prox.group(v, a), c), prox.group(prox.exclusive(v, c), a)):
        assert (joint - other).abs().max() > 1e-3


def test_group_scale_serves_a_group_in_two_tensors() -> None:
    weight, bias, a = groups(), groups(seed=15, shape=(P, UNITS)), strengths(ROWS[1], 16, P, 1)[0]
    whole = prox.group(torch.cat([weight, bias.unsqueeze(-1)], -1), a)
    scale = prox.group_scale((weight.square().sum(-1) + bias.square()).sqrt(), a)
    torch.testing.assert_close(weight * scale.unsqueeze(-1), whole[..., :-1])
    torch.testing.assert_close(bias * scale, whole[..., -1])


PENALTIES = [prox.group_norm, prox.l1_norm, prox.exclusive_norm, prox.squared_norm]


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: p.__name__)
def test_penalties_have_their_gradient(penalty: Callable[[Tensor], Tensor]) -> None:
    v = groups(seed=17).requires_grad_()
    assert torch.autograd.gradcheck(penalty, v)
    zero = torch.zeros(UNITS, D, requires_grad=True)
    penalty(zero).sum().backward()
    assert zero.grad is not None
    assert torch.equal(zero.grad, torch.zeros(UNITS, D))


def test_group_norm_is_smooth_at_zero_and_the_norm_away_from_it() -> None:
    zero = torch.zeros(UNITS, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: prox.group_norm(v, eps=0.1), zero, eps=1e-5, atol=1e-4)
    torch.testing.assert_close(prox.group_norm(groups()), norm(groups()))
