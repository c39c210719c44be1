"""Single trials: what is known of one, and its network had again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study.api.results import Location, opened
from study.config import stored
from study.directory import Models, find_trial
from trainables.declarations import Value

if TYPE_CHECKING:
    from study.running import Retrained


@dataclass(frozen=True)
class TrialReport:
    """A trial in full.

    Attributes:
        status: COMPLETE, FAILED, NOT_EQUIVALENT, or IN FLIGHT.
        row: as in the tables, where its pack is finished.
        curve: a mapping for each epoch, as in the tables.
        kept: whether its network is in the study directory.
    """

    trial: str
    method: str
    pack: str
    status: str
    parameters: Mapping[str, Value]
    row: Mapping[str, Any] | None
    curve: tuple[Mapping[str, Any], ...]
    kept: bool


def show(directory: Location, trial: str) -> TrialReport:
    """What is known of a trial.

    Raises:
        StudyError: the study has none of that name; it says the nearest.
    """
    place = opened(directory)
    found = find_trial(place, trial)
    curve = place.curves({found.pack}, {trial}).to_pylist() if found.row else []
    parameters = found.spec["parameters"]
    kept = trial in Models(place)
    return TrialReport(trial, found.method, found.pack, found.status, parameters, found.row, tuple(curve), kept)


def retrain(
    directory: Location, trial: str, progress: Callable[[str, float], None] = lambda what, share: None
) -> Retrained:
    """Train a trial again, here and now, for its network; it is kept in the study directory if it is the same.

    Args:
        progress: called after every epoch with what trains and the share of it that is done.

    Returns:
        The network, and ``differences``: what came out otherwise, in which case nothing is kept.

    Raises:
        StudyError: the trial failed, is not finished, or is not there.
    """
    from study.running import retrain as train

    place = opened(directory)
    found = find_trial(place, trial)
    made = train(stored(place, names=True), found, progress)
    if made.network is not None and not made.differences:
        Models(place).keep(trial, made.network)
    return made
