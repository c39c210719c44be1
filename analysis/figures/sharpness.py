"""Figure of a trial of Neural Plasticity Networks: how sharp its gates were, how far open, and what units it left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Points
from analysis.figures.learning import LAYERS
from analysis.figures.style import inches_of, sheet, style
from study.directory import STATE, StudyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARPNESS = f"{STATE}k"
FROZEN = 5000.0
"""The sharpness of the third stage: gates all but open or shut."""


@dataclass(frozen=True)
class SharpnessData:
    """All that the figure shows.

    Attributes:
        stages: the first epoch of each stage and its k.
        epochs, neurons: live hidden units by epoch in which they were counted, (n,) each; empty without a curve.
        gates: (n, bins) share of the gates by how likely they are to be open, from 0 to 1 in equal parts; NaN in
            epochs without gates (polishing), no bins where none were recorded.
    """

    trial: str
    stages: tuple[tuple[int, float], ...]
    last: int
    epochs: Points
    neurons: Points
    gates: Points


Stages = tuple[tuple[int, float], ...]


def stages_of(trial: pd.Series[Any], curve: pd.DataFrame, epochs: int, polish: int = 0) -> Stages:
    """First epoch (from 1) and sharpness k of each stage of an NPN trial that trains `epochs` epochs.

    As `curve` recorded k by epoch; a study older than that record goes by the trial's parameters.

    Raises:
        ValueError: k is neither recorded nor planned.
    """
    recorded = curve.set_index("epoch")[SHARPNESS].dropna().sort_index() if SHARPNESS in curve else pd.Series()
    if recorded.empty:
        return planned(trial, epochs, polish)
    by_epoch = list(zip(recorded.index.tolist(), recorded.tolist(), strict=True))
    stages = tuple((at, k) for index, (at, k) in enumerate(by_epoch) if not index or by_epoch[index - 1][1] != k)
    # What is polished has its gates frozen, and is an ordinary network.
    polished = polish and by_epoch[-1][0] == epochs - polish and stages[-1][1] != FROZEN
    return (*stages, (epochs - polish + 1, FROZEN)) if polished else stages


def planned(trial: pd.Series[Any], epochs: int, polish: int = 0) -> Stages:
    """The stages by the trial's parameters.

    Stage 2 begins once stage_1 * epochs, rounded, are over, stage 3 after stage_2 * epochs, or with polishing, which
    freezes the gates in any case. A stage that has no epoch is left out.

    Raises:
        ValueError: the trial has no such parameters.
    """
    second = "param_k_expand" if trial.get("param_mode") == "expand" else "param_k"
    names = ("param_k_start", second, "param_stage_1", "param_stage_2")
    values = [float(trial.get(name, np.nan)) for name in names]
    if np.isnan(values).any():
        missing = [name for name, value in zip(names, values, strict=True) if np.isnan(value)]
        raise StudyError(f"expected a trial of npn, got {trial['trial']!r}, which has no {', '.join(missing)}")
    start, middle, first_end, second_end = values
    # In single precision and half to even, as training rounds.
    begins = [1, *(int(np.round(np.float32(end) * np.float32(epochs))) + 1 for end in (first_end, second_end))]
    begins[2] = min(begins[2], epochs - polish + 1)
    ends = [*begins[1:], epochs + 1]
    sharp = (start, middle, FROZEN)
    return tuple((at, k) for at, end, k in zip(begins, ends, sharp, strict=True) if at < min(end, epochs + 1))


def sharpness_data(trial: pd.Series[Any], curves: pd.DataFrame, *, epochs: int, polish: int = 0) -> SharpnessData:
    """The stages of k of one trial (a row of the trials) beside its live units; see `stages_of`."""
    curve = curves[curves["trial"] == trial["trial"]].sort_values("epoch")
    rows = curve[curve["neurons"].notna()]
    at, neurons = (rows[name].to_numpy(np.float64, na_value=np.nan) for name in ("epoch", "neurons"))
    stages = stages_of(trial, curve, epochs, polish)
    return SharpnessData(str(trial["trial"]), stages, epochs, at, neurons, _shares(rows["gates"]))


def _shares(counts: pd.Series[Any]) -> Points:
    """(n, bins): of the gates of each epoch, nothing but NaN where it has none."""
    known = counts.dropna()
    bins = len(known.iloc[0]) if len(known) else 0
    shares = np.full((len(counts), bins), np.nan)
    if bins:
        found = np.array([list(line) for line in known], dtype=np.float64)
        shares[counts.notna().to_numpy()] = found / found.sum(axis=1, keepdims=True)
    return shares


def sharpness_figure(data: SharpnessData, width: str | float = "column") -> Figure:
    """Draw k by epoch above, on a logarithmic scale, then how far open the gates are, then the live units."""

    from matplotlib.ticker import MaxNLocator

    inches = inches_of(width)
    gated = data.gates.shape[1] > 0
    with style():
        figure = sheet(inches, 4.0 if gated else 2.8)
        above, *middle, below = figure.subplots(2 + gated, 1, sharex=True)
        starts = [at for at, _ in data.stages]
        levels = [k for _, k in data.stages]
        above.step([*starts, data.last + 1], [*levels, levels[-1]], where="post", color="black")
        for at, k in data.stages:
            above.annotate(
                f"{k:,.0f}" if k >= 1000 else f"{k:.3g}", (at, k), (3, 3), textcoords="offset points", fontsize=6
            )
        above.set_yscale("log")
        above.margins(y=0.2)
        above.set_ylabel("Sharpness k")
        above.set_title(data.trial, fontsize=7)
        for panel in middle:
            _draw_gates(figure, panel, data)
        below.plot(data.epochs, data.neurons, color="#0072B2")
        below.set_ylim(bottom=0)
        below.set_ylabel("Live hidden units")
        below.set_xlabel("Epoch")
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        for panel in (above, *middle, below):
            for at in starts[1:]:
                panel.axvline(at, color="#777777", linewidth=0.8, linestyle=":")
    return figure


def _draw_gates(figure: Figure, axes: Axes, data: SharpnessData) -> None:
    """A column of shades for each epoch; the square root, for most gates are at one end."""

    from matplotlib.colors import PowerNorm

    edges = np.linspace(0.0, 1.0, data.gates.shape[1] + 1)
    epochs = np.append(data.epochs, data.epochs[-1] + np.diff(data.epochs[-2:]).sum())
    norm = PowerNorm(0.5, vmin=0.0, vmax=1.0)
    shares = np.where(data.gates > 0, data.gates, np.nan).T
    image = axes.pcolormesh(epochs, edges, shares, cmap=f"{LAYERS}_r", norm=norm, rasterized=True)
    axes.grid(visible=False)
    axes.set_ylabel("Gate open\nwith probability")
    figure.colorbar(image, ax=axes, label="Share of gates", ticks=[0, 0.1, 0.5, 1], fraction=0.05)
