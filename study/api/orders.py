"""What a study is told while it runs or before it goes on, and what it has written down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces import Scale, configuration
from study.api.results import Location, opened
from study.config import StudyConfig, stored
from study.directory import driver_of, events, find_trial, queued, request_stop, stacks
from study.directory import enqueue as put
from trainables.errors import StudyError, not_one_of

PATIENCE_SECONDS = 30.0
"""What a study is given to stop in."""


@dataclass(frozen=True)
class Logs:
    """What happened in all runs of a study.

    Attributes:
        events: ``at`` (seconds since 1970), ``kind`` and ``message`` of each.
        failures: why trials failed, by trial.
        stacks: of workers that were ended because they hung, by file.
    """

    events: list[dict[str, Any]]
    failures: dict[str, str]
    stacks: dict[str, str]


_WELL = ("COMPLETE", "STOPPED")


def logs(directory: Location, trial: str | None = None) -> Logs:
    """What happened, of the whole study or of one trial.

    Raises:
        StudyError: the study has no such trial.
    """
    place = opened(directory)
    found = None if trial is None else find_trial(place, trial)
    happened = [dict(event) for event in events(place.store)]
    if found is None:
        rows: list[Mapping[str, Any]] = place.trials().select(["trial", "status", "reason"]).to_pylist()
    else:
        about = (found.pack, found.name)
        happened = [event for event in happened if any(name in str(event["message"]) for name in about)]
        rows = [found.row] if found.row else []
    failures = {row["trial"]: row["reason"] or row["status"] for row in rows if row["status"] not in _WELL}
    return Logs(happened, failures, dict(stacks(place.store, found.pack if found else None)))


def stop(directory: Location, patience: float = PATIENCE_SECONDS) -> bool:
    """Stop a study that runs, here or elsewhere: nothing is lost, `resume` goes on.

    Args:
        patience: seconds to wait for it.

    Returns:
        Whether nobody is at work on it any more.

    Raises:
        NotAStudy: the directory holds none.
    """
    place = opened(directory)
    place.config()  # says what is there instead, if it is no study
    driver = driver_of(place.store)
    if driver is None:
        return True
    request_stop(place.store, driver)
    until = time.monotonic() + patience
    while time.monotonic() < until:
        now = driver_of(place.store)
        if now is None or now.token != driver.token:
            return True
        time.sleep(0.2)
    return False


@dataclass(frozen=True)
class Enqueued:
    """``waiting``: configurations in the method's queue; ``asked``, ``budget``: its trials, repetitions counted."""

    waiting: int
    asked: int
    budget: int


def enqueue(directory: Location, method: str, parameters: Mapping[str, object]) -> Enqueued:
    """Have a configuration tried next, of a study that runs or is to go on; what is not given the sampler chooses.

    Raises:
        StudyError: no such method, or a value that its space does not have.
    """
    place = opened(directory)
    config = stored(place)
    if method not in config.methods:
        raise not_one_of("method", method, config.methods)
    scale = _scale(config, method, parameters)
    wanted = configuration(config.implementation(method), config.space(method), parameters, scale)
    asked = [spec for manifest in place.manifests() if manifest["method"] == method for spec in manifest["trials"]]
    used = {spec["queued"] for spec in asked if "queued" in spec}
    waiting = 1 + sum(entry["method"] == method for entry in queued(place.store, used))
    put(place.store, method, wanted)
    return Enqueued(waiting, len(asked), config.budget(method))


def _scale(config: StudyConfig, method: str, given: Mapping[str, object]) -> Scale | None:
    """What default ranges follow from, where they decide on what may be given; None where the data are not here."""
    if all(name in config.space(method) for name in given):
        return None
    from study.rehearsal import scales

    try:
        return scales(config.model_copy(update={"methods": {method: config.methods[method]}}))[method]
    except (StudyError, OSError):
        return None
