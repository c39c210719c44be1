"""How a study was run: recipe, versions, hardware, time and cost."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import CONDITION, axes_of
from analysis.units import unit_of
from study.directory import StudyDirectory

_LOOKS = 8
"""Manifests that are read for versions: packs from the first to the last, since a study may be resumed with others."""

_RECIPE = ("data", "model", "optimizer", "lr_schedule", "batch_size", "epochs", "polish", "objectives", "sampler")


def provenance(
    trials: pd.DataFrame, config: Mapping[str, Any], directory: StudyDirectory | None = None
) -> dict[str, str]:
    """What to state about one study, as headings and text, in the order to show it.

    Args:
        config: the study's resolved YAML.
        directory: where the versions are read from, if any were recorded there.
    """
    facts = {name.replace("_", " "): _text(config[name]) for name in _RECIPE if config.get(name) is not None}
    facts["seeds"] = f"{_seeds(config)}, all from the study's seed {config.get('seed', 0)}"
    budgets = {name: (own or {}).get("trials", config.get("trials")) for name, own in config.get("methods", {}).items()}
    if budgets:
        facts["budget"] = ", ".join(f"{name} {count}" for name, count in budgets.items()) + " configurations"
    facts |= _cost(trials)
    facts["devices"] = ", ".join(f"{name}: {count:,} trials" for name, count in trials["device"].value_counts().items())
    found = _versions(trials, directory) if directory else {}
    facts |= {name: ", ".join(values) for name, values in found.items()}
    facts |= _latency(trials, directory)
    if not found:
        facts["versions"] = "not recorded"
    return {name: text for name, text in facts.items() if text}


def _seeds(config: Mapping[str, Any]) -> str:
    seeds = config.get("seeds", 1)
    return (
        f"{seeds} per configuration" if isinstance(seeds, int) else f"up to {seeds['front']} of the fronts' candidates"
    )


def _latency(trials: pd.DataFrame, directory: StudyDirectory | None) -> dict[str, str]:
    """How latencies were measured, or the command that measures them."""
    (axis,) = axes_of(("latency",))
    column = f"{axis.column}{CONDITION}"
    if column not in trials or not trials[column].notna().any():
        return {"latency": f"not measured; study latency {directory.path()}"} if directory else {}
    count = int(trials[axis.column].notna().sum())
    return {"latency": f"{trials[column].dropna().iloc[0]}, {count:,} network{'' if count == 1 else 's'}"}


def recipe(config: Mapping[str, Any]) -> str:
    """What was trained on what, in a few words: `mlp (widths 128, 64) on digits, 60 epochs`."""
    epochs = config.get("epochs")
    text = f"{_text(config['model'])} on {_text(config['data'])}" if {"model", "data"} <= set(config) else ""
    return ", ".join(filter(None, [text, f"{epochs} epochs" if epochs else ""]))


def _cost(trials: pd.DataFrame) -> dict[str, str]:
    seconds = float(trials["train_seconds"].fillna(0.0).sum())
    finished = trials["finished_at"].dropna()
    short, scale = unit_of(seconds)
    spelled = "" if short == "h" else f" ({seconds / scale:.3g} {short})"
    facts = {"training": f"{seconds / 3600:.3g} device hours{spelled}"}
    if len(finished) > 1:
        wall = float((finished.max() - finished.min()).total_seconds())
        unit, scale = unit_of(wall)
        facts["finished"] = (
            f"{finished.min():%Y-%m-%d %H:%M} to {finished.max():%Y-%m-%d %H:%M} UTC,"
            f" {wall / scale:.3g} {unit} from the first trial to the last"
        )
    return facts


def _versions(trials: pd.DataFrame, directory: StudyDirectory) -> dict[str, list[str]]:
    packs = sorted(trials["pack"].unique())
    chosen = np.unique(np.linspace(0, len(packs) - 1, min(_LOOKS, len(packs))).round().astype(int))
    found: dict[str, list[str]] = {}
    for index in chosen:
        try:
            versions = directory.manifest(str(packs[index])).get("versions", {})
        except (FileNotFoundError, ValueError):
            continue  # missing or damaged: `study doctor` is there to say so
        for name, version in versions.items():
            if str(version) not in found.setdefault(name, []):
                found[name].append(str(version))
    return found


def _text(value: object) -> str:
    """A setting as people write it: `mlp (widths 128, 64)`, `adam`, `accuracy, neurons`."""
    if isinstance(value, Mapping):
        options = [f"{key} {_text(option)}" for key, option in value.items() if key != "name"]
        name = str(value.get("name", ""))
        return f"{name} ({', '.join(options)})" if options else name
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
