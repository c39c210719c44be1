"""Who keeps how little at the dense network's level, and how sure that is: a bootstrap over examples.

All networks answer the same examples, so resamples of the examples keep what they share. Within each resample the dense
baseline is chosen anew, the bound with it, and each method's smallest network that reaches it: chance in the choice is
part of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Axis, axes_of
from analysis.palette import in_order
from analysis.statistics.answers import Answers, Matrix
from analysis.statistics.definitions import BASELINE, KEPT, Baseline, admissible, baseline, configurations, runs
from analysis.statistics.estimates import estimate
from analysis.statistics.tests import holm, mcnemar

RESAMPLES = 1000
LEVEL = 0.9
APART = 0.05
"""Methods are told apart where Holm's p is at most this."""
FEW_LOSSES = 5
"""Fewer of them are no normal number."""
_NEAR = 400
"""Configurations of a method that are looked at: the smallest of those that any resample may choose."""

COLUMNS = [
    *("method", "trial", "count", "share", "low", "high", "validation", "test", "target_test", "holds", "difference"),
    *("difference_low", "difference_high", "leads", "p", "group", "mcnemar"),
]


@dataclass(frozen=True)
class _Field:
    """The configurations of all methods and their answers, validation (n, N), test (n, M); `dense` are the controls."""

    rows: pd.DataFrame
    validation: Matrix
    test: Matrix
    dense: NDArray[np.bool_]


def claims(
    trials: pd.DataFrame,
    answers: Answers,
    *,
    score: str = "accuracy",
    count: str = "neurons",
    kept: float = KEPT,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """One line per method that compresses, the smallest first: its smallest network that keeps `kept` of dense.

    Columns: method; trial, the network selected on validation data, its count and share of the dense count; low, high:
    the 90 % interval of the share of the method's smallest network among those it found that truly keeps so much
    (infinite: not shown that any does); validation and test score; target_test, what the dense baseline's test score
    asks for, and whether it holds there; difference to that target on test data with its 90 % interval; leads, the
    share of resamples in which this method has the smallest network (ties are shared); p, Holm's, of the test against
    the first line's method; group, whether it cannot be told apart from the first; mcnemar, p of its test answers
    against the dense baseline's. A method that never gets there has no trial.

    The interval inverts tests: low is the smallest network of which it cannot be said (5 %) that it falls short; high
    is the smallest one that does not fall short even when the luckiest of all the method's networks is allowed for. It
    covers for the networks that one search found; another search finds others.

    Args:
        trials: of one search.
        answers: on the same split for all trials; those that know nothing of this score make no claims.
    """
    score_axis, count_axis = axes_of((score, count))
    factor = kept if score_axis.maximise else 2.0 - kept
    field = _field(trials, answers, score_axis, count_axis, factor)
    methods = [name for name in in_order(trials["method"].unique()) if name != BASELINE]
    if field is None or not methods:
        return pd.DataFrame(columns=COLUMNS)
    drawn = _drawn(field, score_axis, count_axis, factor, _weights(field.validation.shape[1], resamples, seed))
    places = {method: np.flatnonzero((field.rows["method"] == method).to_numpy()) for method in methods}
    found = [{"method": method, **_selected(field, drawn, mine)} for method, mine in places.items()]
    lines = pd.DataFrame(found).reindex(columns=COLUMNS)
    lines = lines.sort_values(["share", "low"], kind="stable").reset_index(drop=True)
    smallest = {method: drawn.smallest(mine) for method, mine in places.items()}
    first = str(lines["method"].iloc[0])
    against = smallest
    if score_axis.maximise:
        handicapped, handicap = _handicapped(field, score_axis, count_axis, factor, resamples, seed)
        against = {name: handicapped.smallest(mine, handicap * (name == first)) for name, mine in places.items()}
    return _compared(lines, smallest, against)


def _field(
    trials: pd.DataFrame, answers: Answers, score: Axis, count: Axis, factor: float, slack: float = 0.0
) -> _Field | None:
    """What any bound up to `factor` times the dense score less `slack` may choose from.

    None without a control, or where the score is not made of what was recorded of single examples.
    """
    parts = answers.of_score(trials, score.name)
    if parts is None:
        return None
    rows = configurations(trials)
    rows = rows[admissible(rows, (score.name, count.name)) & rows[count.dense].notna().to_numpy()]
    validation, test, known = parts.of(rows, trials)
    rows = rows[known]
    dense = (rows["method"] == BASELINE).to_numpy()
    if not dense.any():
        return None
    keep = dense | _near(rows, validation, dense, score, count, factor, slack)
    return _Field(rows[keep], validation[keep], test[keep], dense[keep])


def _near(
    rows: pd.DataFrame,
    validation: Matrix,
    dense: NDArray[np.bool_],
    score: Axis,
    count: Axis,
    factor: float,
    slack: float,
) -> NDArray[np.bool_]:
    """Of each method the smallest configurations that are no more than 6 standard errors worse than the bound."""
    mean, examples = validation.mean(axis=1), validation.shape[1]
    error = 6 * validation.std(axis=1) / np.sqrt(examples)
    best = mean[dense].max() if score.maximise else mean[dense].min()
    bound = factor * best - slack
    near = mean + error >= bound if score.maximise else mean - error <= bound
    sizes = rows[count.column].astype("float64").where(near, np.inf)
    order = sizes.groupby(rows["method"], observed=True).rank("first")
    return np.asarray(near & (order.to_numpy() <= _NEAR))


def _weights(examples: int, resamples: int, seed: int) -> Matrix:
    """(resamples, examples): how often each example is drawn."""
    random = np.random.default_rng(seed)
    return random.multinomial(examples, np.full(examples, 1 / examples), size=resamples).astype(np.float32)


def tolerances(
    trials: pd.DataFrame,
    answers: Answers | None = None,
    *,
    score: str = "accuracy",
    count: str = "neurons",
    within: Sequence[float] = tuple(np.linspace(0.0, 0.05, 21).tolist()),
    resamples: int = 400,
) -> pd.DataFrame:
    """What share of the dense count each method keeps at each tolerance: compression as a curve.

    Columns: method, within (below the baseline's accuracy; a share above its loss), share, low, high. With several
    searches share is their mean and the band its 95 % t interval; with one and answers on its examples it is the
    interval of `claims`; else there is none. Infinite where no network reaches the bound.
    """
    score_axis, count_axis = axes_of((score, count))
    methods = [name for name in in_order(trials["method"].unique()) if name != BASELINE]
    several = bool(len(trials)) and int(runs(trials).max()) > 0
    bounds_at = {one: (1.0, one) if score_axis.maximise else (1.0 + one, 0.0) for one in within}
    field = None
    if answers is not None and not several and len(within):
        field = _field(trials, answers, score_axis, count_axis, *bounds_at[max(within)])
    weights = _weights(field.validation.shape[1], resamples, 0) if field is not None else None
    searched = [_searched(run, score_axis, count_axis) for _, run in trials.groupby(runs(trials))]
    lines = []
    for tolerance in within:
        drawn = None
        if field is not None and weights is not None:
            factor, slack = bounds_at[tolerance]
            drawn = _drawn(field, score_axis, count_axis, factor, weights, slack)
        for method in methods:
            found = estimate(np.array([one.kept(method, score_axis, tolerance) for one in searched]))
            low, high = found.low, found.high
            if field is not None and drawn is not None:
                mine = np.flatnonzero((field.rows["method"] == method).to_numpy())
                low, high = (bound / drawn.whole for bound in drawn.bounds(mine))
            lines.append({"method": method, "within": tolerance, "share": found.mean, "low": low, "high": high})
    return pd.DataFrame(lines, columns=["method", "within", "share", "low", "high"])


@dataclass(frozen=True)
class _Searched:
    """One search: its baseline, and by method the scores and shares of its admissible configurations."""

    control: Baseline | None
    points: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

    def kept(self, method: str, score: Axis, within: float) -> float:
        """The least share that reaches the bound; infinite where none does, NaN without a baseline."""
        if self.control is None:
            return np.nan
        values, shares = self.points.get(method, (np.empty(0), np.empty(0)))
        bound = self.control.bound(score, within)
        return float(shares[values >= bound if score.maximise else values <= bound].min(initial=np.inf))


def _searched(run: pd.DataFrame, score: Axis, count: Axis) -> _Searched:
    rows = configurations(run)
    rows = rows[admissible(rows, (score.name, count.name)) & rows[count.dense].notna().to_numpy()]
    values = rows[score.column].to_numpy(np.float64)
    shares = (rows[count.column] / rows[count.dense]).to_numpy(np.float64)
    groups = rows.groupby("method", observed=True).indices
    points = {str(name): (values[own], shares[own]) for name, own in groups.items()}
    return _Searched(baseline(run, score.name), points)


@dataclass(frozen=True)
class _Drawn:
    """What the resamples say; scores are signed so that more is better.

    Attributes:
        sizes: (n,) counts of the configurations; `whole` is the dense network's.
        own, estimate: (n,) their scores, and how far above the bound they are.
        excess: (B, n) the same in the resamples, each with a bound of its own.
        factor: of the dense score that makes the bound.
        losses: (n,) on how many examples each is wrong where the dense baseline is right; None of squared errors.
        examples: validation examples.
    """

    sizes: NDArray[np.float64]
    whole: float
    own: NDArray[np.float64]
    estimate: NDArray[np.float64]
    excess: NDArray[np.float64]
    factor: float
    sign: float
    losses: NDArray[np.float64] | None
    examples: int

    def smallest(self, mine: NDArray[np.int_], less: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """(B,) the smallest size of these configurations that reaches the bound in each resample, `less` taken off."""
        reach = self.excess[:, mine] - np.reshape(less, (-1, 1)) >= 0
        return np.asarray(np.where(reach, self.sizes[mine], np.inf).min(axis=1, initial=np.inf))

    def bounds(self, mine: NDArray[np.int_]) -> tuple[float, float]:
        """The interval of the smallest size of these configurations; see `size_bounds`."""
        losses = None if self.losses is None else self.losses[mine]
        return size_bounds(self.sizes[mine], self.estimate[mine], self.excess[:, mine], losses, self.examples)


def _drawn(field: _Field, score: Axis, count: Axis, factor: float, weights: Matrix, slack: float = 0.0) -> _Drawn:
    """The bound is `factor` times the dense score less `slack`."""
    sign = 1.0 if score.maximise else -1.0
    own = sign * field.validation.mean(axis=1, dtype=np.float64)
    drawn = sign * (weights @ field.validation.T).astype(np.float64) / field.validation.shape[1]
    control = field.validation[np.flatnonzero(field.dense)[own[field.dense].argmax()]]
    losses = np.clip(control - field.validation, 0, None).sum(axis=1, dtype=np.float64) if score.maximise else None
    return _Drawn(
        sizes=field.rows[count.column].to_numpy(np.float64),
        whole=float(field.rows[count.dense].max()),
        own=own,
        estimate=own - factor * own[field.dense].max() + slack,
        excess=drawn - factor * drawn[:, field.dense].max(axis=1, keepdims=True) + slack,
        factor=factor,
        sign=sign,
        losses=losses,
        examples=field.validation.shape[1],
    )


def _handicapped(
    field: _Field, score: Axis, count: Axis, factor: float, resamples: int, seed: int
) -> tuple[_Drawn, NDArray[np.float64]]:
    """Resamples with one more example, which all networks answer rightly, and what it is worth in each (B,).

    Taken off the method that looks best, it is an example that only this method answers wrongly. Resamples of few
    examples know no errors but those that were made; with this one they know the next, as Clopper and Pearson's bound
    does, which is the quantile of such a resampling.
    """
    more = np.ones((len(field.validation), 1), dtype=field.validation.dtype)
    whole = np.concatenate([field.validation, more], axis=1)
    weights = _weights(whole.shape[1], resamples, seed)
    drawn = _drawn(replace(field, validation=whole), score, count, factor, weights)
    return drawn, weights[:, -1].astype(np.float64) / whole.shape[1]


def _selected(field: _Field, drawn: _Drawn, mine: NDArray[np.int_]) -> dict[str, object]:
    """What is said of one method, of the configurations `mine`."""
    low, high = drawn.bounds(mine)
    line: dict[str, object] = {"share": np.inf, "low": low / drawn.whole, "high": high / drawn.whole}
    reach = mine[drawn.estimate[mine] >= 0]
    if not len(reach):
        return line
    tied = reach[drawn.sizes[reach] == drawn.sizes[reach].min()]
    chosen = int(tied[drawn.own[tied].argmax()])
    control = int(np.flatnonzero(field.dense)[drawn.own[field.dense].argmax()])
    above, low_above, high_above = paired(
        drawn.sign * field.test[chosen], drawn.sign * drawn.factor * field.test[control]
    )
    bits = bool(np.isin(field.test[[chosen, control]], (0, 1)).all())
    return line | {
        "trial": str(field.rows["trial"].iloc[chosen]),
        "count": drawn.sizes[chosen],
        "share": drawn.sizes[chosen] / drawn.whole,
        "validation": drawn.sign * drawn.own[chosen],
        "test": float(field.test[chosen].mean(dtype=np.float64)),
        "target_test": drawn.factor * float(field.test[control].mean(dtype=np.float64)),
        "holds": above >= 0,
        "difference": above,
        "difference_low": low_above,
        "difference_high": high_above,
        "mcnemar": mcnemar(field.test[chosen], field.test[control]) if bits else np.nan,
    }


def paired(one: Matrix, other: Matrix) -> tuple[float, float, float]:
    """Mean of `one` less `other` (N,) on the same examples, and its 90 % interval: normal, for there are many."""
    gap = one.astype(np.float64) - other
    mean, half = float(gap.mean()), 1.645 * float(gap.std(ddof=1)) / np.sqrt(len(gap))
    return mean, mean - half, mean + half


def size_bounds(
    sizes: NDArray[np.float64],
    estimate: NDArray[np.float64],
    drawn: NDArray[np.float64],
    losses: NDArray[np.float64] | None = None,
    examples: int = 0,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Interval of the smallest size whose true excess is not negative, infinite where none need be.

    The errors of `estimate` (n,) are those of `drawn` (B, n) around it. Below, each network is tested by itself: the
    true smallest one is among those not rejected. Above, all are tested together by the largest studentised error: no
    network that truly falls short is accepted. Each side errs with probability (1 - level) / 2 at most.

    Resamples of a network without an error have none either. One that loses against the dense network on fewer than
    FEW_LOSSES of the `examples` (`losses` (n,)) is accepted only if it also is by Clopper and Pearson's bound for them.
    """
    if not len(sizes):
        return np.inf, np.inf
    tail = (1 - level) / 2
    root = drawn - estimate
    scale = np.maximum(root.std(axis=0), 1e-12)
    possible = estimate - np.quantile(root, tail, axis=0) >= 0
    most = float(np.quantile((root / scale).max(axis=1), 1 - tail))
    margin = most * scale
    if losses is not None:
        margin = np.where(losses < FEW_LOSSES, np.maximum(margin, _beyond(losses, examples, most, tail)), margin)
    sure = estimate - margin >= 0
    return float(sizes[possible].min(initial=np.inf)), float(sizes[sure].min(initial=np.inf))


def _beyond(losses: NDArray[np.float64], examples: int, most: float, tail: float) -> NDArray[np.float64]:
    """How much more than `losses` of the examples may truly be lost, by as rare a chance as `most` standard errors."""
    from scipy.special import betaincinv, ndtr

    chance = min(float(ndtr(-most)), tail)
    upper = np.where(losses < examples, betaincinv(losses + 1, np.maximum(examples - losses, 1e-9), 1 - chance), 1.0)
    return np.asarray(upper - losses / examples)


def _compared(
    lines: pd.DataFrame, smallest: Mapping[str, NDArray[np.float64]], against: Mapping[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """With how often each method leads, and who cannot be told apart from the first: by `against`, in its disfavour."""
    table = np.stack([smallest[name] for name in lines["method"]])
    best = (table == table.min(axis=0)) & np.isfinite(table)
    leads = (best / np.maximum(best.sum(axis=0), 1)).mean(axis=1)
    tested = np.stack([against[name] for name in lines["method"]])
    behind = ((tested <= tested[0]).sum(axis=1) + 1) / (tested.shape[1] + 1)
    p = np.full(len(lines), np.nan)
    p[1:] = holm(behind[1:]) if np.isfinite(lines["share"].iloc[0]) else 1.0
    return lines.assign(leads=leads, p=p, group=np.isnan(p) | (p > APART))
