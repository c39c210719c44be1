"""A page that is kept current while its studies run."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.figures import Boundaries
from analysis.report.elements import trials_of
from analysis.report.failures import budgets
from analysis.report.page import write_page
from analysis.studies import Location, Study, load


def keep_current(
    locations: Sequence[Location],
    path: str | Path,
    *,
    seconds: float = 15.0,
    limit: int = 5000,
    batch: int | None = None,
    boundaries: Callable[[Study], Boundaries] = lambda study: {},
    listener: Callable[[Path, int, int], None] = lambda path, finished, budget: None,
) -> Path:
    """Write the page again whenever trials have finished, until all studies have spent their budgets.

    Args:
        seconds: between two looks at the studies; an open page looks for news as often.
        limit, batch: as of `write_page` and `load`.
        boundaries: asked for those of `write_page` before each writing.
        listener: told after each writing: the file, the trials that have finished, the trials of all budgets.
    """
    written = -1
    while True:
        study = load(*locations, batch=batch)
        finished = len(study.trials)
        budget = sum(sum(budgets(config).values()) for config in study.configs.values())
        done = all(len(trials_of(study, name)) >= sum(budgets(c).values()) for name, c in study.configs.items())
        if finished != written or done:
            again = 0 if done else max(round(seconds), 1)
            path = write_page(study, path, limit=limit, watch=again, boundaries=boundaries(study))
            listener(path, finished, budget)
            written = finished
        if done:
            return Path(path)
        time.sleep(seconds)
