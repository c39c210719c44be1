"""The driver's part in a study that stops trials early: results of packs whose trials ended in several segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from study.directory import Manifest, StudyDirectory
from study.running.publishing import publish
from study.search import Ended, StagedSearch

Row = dict[str, Any]


def conclude(directory: StudyDirectory, study: str, search: StagedSearch) -> Iterator[tuple[Manifest, list[Row]]]:
    """Write the results of packs all of whose trials are over, then remove lanes that nothing goes on from any more.

    Yields:
        The packs' manifests, and their rows as they are in the directory.
    """
    finished: set[str] | None = None
    for ended in search.ended():
        finished = directory.finished() if finished is None else finished
        manifest = ended.manifest
        if manifest["pack"] not in finished:
            _publish(directory, study, ended)
            yield manifest, directory.rows(manifest["pack"], manifest["method"])
    directory.segments.remove_states(search.superfluous(directory.segments.states()))


def _publish(directory: StudyDirectory, study: str, ended: Ended) -> None:
    """A trial's curve is in the account that has its end, from the first epoch on."""
    curves = [
        row
        for account in sorted(set(ended.accounts.values()))
        for row in directory.segments.account(account)[1]
        if ended.accounts.get(row["trial"]) == account
    ]
    publish(directory, study, ended.manifest, [dict(row) for row in ended.rows], curves)
