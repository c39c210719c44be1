"""One trial trained again, for its network: alone, or with those that shared its pack where that makes a difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.config import StudyConfig
from study.directory import FoundTrial, Row
from study.running.training import job_of, trials_of
from trainables.deploy import Saved
from trainables.errors import StudyError
from trainables.process import settle_process
from trainables.training import Outcome, Pack

TOLERANCE = 1e-3
"""Of scores, absolute or as a share if they are above 1: sums in another order are other floats."""

_COUNTS = ("status", "neurons", "heads", "inputs", "parameters", "macs", "widths")
_SCORES = ("accuracy", "loss", "nmse", "mse", "score")


@dataclass(frozen=True)
class Retrained:
    """``differences``: columns of the trial's row that came out otherwise, with the values then and now."""

    network: Saved | None
    differences: Mapping[str, tuple[Any, Any]]
    together: bool
    """With the trials of its pack."""


def retrain(
    config: StudyConfig, found: FoundTrial, progress: Callable[[str, float], None] = lambda what, share: None
) -> Retrained:
    """Train a finished trial again, in this process. Alone its numbers are the same but for the order of sums; where
    that was enough to make another network, its whole pack is trained, which repeats every float.

    Args:
        progress: called after every epoch with what trains and the share of it that is done.

    Raises:
        StudyError: the trial failed, or is not finished.
    """
    if found.row is None:
        raise StudyError(f"{found.name} is in flight; go on with the study first")
    if found.row["status"] == "FAILED":
        raise StudyError(f"{found.name} failed, it has no network to be had again; why: study show DIR {found.name}")
    if found.row["status"] == "STOPPED":
        raise StudyError(
            f"{found.name} was stopped after {found.row['epochs']} epochs, it has no network to be had again"
        )
    settle_process()
    alone = _train(config, found, [found.name], progress)
    if not alone.differences or len(found.manifest["trials"]) == 1:
        return alone
    return _train(config, found, [spec["trial"] for spec in found.manifest["trials"]], progress)


def _train(
    config: StudyConfig, found: FoundTrial, names: Sequence[str], progress: Callable[[str, float], None]
) -> Retrained:
    kept: dict[str, tuple[Row, Outcome | None]] = {}

    def keep(rows: Sequence[Row], outcomes: Sequence[Outcome | None]) -> None:
        kept.update({row["trial"]: (row, outcome) for row, outcome in zip(rows, outcomes, strict=True)})

    trials = [trial for trial in trials_of(found.manifest) if trial.trial in names]
    pack = Pack(job_of(config, found.manifest, trials), keep)
    what = found.name if len(trials) == 1 else f"{found.pack}, {len(trials)} trials"
    while not pack.done:
        pack.train_epoch()
        progress(what, pack.epochs_done / pack.epochs_total)
    row, outcome = kept[found.name]
    assert found.row is not None
    network = None
    if outcome is not None and outcome.module is not None:
        resampled = config.data_options().get("resample")
        known = {"study": config.name, "method": found.method, "pack": found.pack, "data": config.data_options()}
        seed = found.spec["data_seed"] if resampled else config.seed
        network = outcome.saved(row, **known, data_seed=seed)
    return Retrained(network, differences(found.row, row), len(trials) > 1)


def differences(then: Row, now: Row) -> dict[str, tuple[Any, Any]]:
    """The counts that are not the same, and the scores that are not within TOLERANCE."""
    scores = [f"{split}_{name}" for name in _SCORES for split in ("val", "test")]
    pairs = {name: (then.get(name), now.get(name)) for name in (*_COUNTS, *scores)}
    return {
        name: pair
        for name, pair in pairs.items()
        if pair[0] is not None and (pair[0] != pair[1] if name in _COUNTS else not _close(*pair))
    }


def _close(then: Any, now: Any) -> bool:
    return now is not None and math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
