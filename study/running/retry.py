"""Trials that failed are put back among those to be trained, once the cause is gone; complete ones stay as they are."""

from __future__ import annotations

from typing import Any

from study.config import CannotChange, StudyConfig, changes, stored, to_yaml
from study.directory import (
    CONFIG,
    KINDS,
    Blocks,
    Checkpoints,
    Lock,
    Manifest,
    StudyDirectory,
    broke_off,
    current_versions,
    encode_manifest,
    manifest_path,
    part_path,
)
from study.running.found import own_versions
from trainables.errors import StudyError

Row = dict[str, Any]


def take_back(config: StudyConfig, directory: StudyDirectory, method: str | None = None) -> int:
    """Make a study's failed trials unfinished ones, which the next run trains.

    A pack goes on from its checkpoint if there is one. Where the configuration of a method has changed, and none of its
    trials had an outcome, they are all asked anew.

    Args:
        config: the study from now on.
        method: only its trials; those of all methods if None.

    Returns:
        How many trials.

    Raises:
        StudyError: there is none.
        CannotChange: trials that are complete were made with another configuration.
        Locked: a driver is at work.
    """
    if config.staged:
        key = "stopping" if config.rungs() else "warm_start"
        raise StudyError(f"{key}: trials of such a study cannot be tried again; others depend on them")
    with Lock(directory.store):
        rows, manifests = directory.trials().to_pylist(), {m["pack"]: m for m in directory.manifests()}
        failed = [row for row in rows if broke_off(row) and method in (None, row["method"])]
        if not failed:
            raise StudyError(f"{directory.path()}: no trial{f' of {method}' if method else ''} has failed")
        changed = _changed(stored(directory), config, directory, {row["method"] for row in rows if not broke_off(row)})
        for pack in sorted({row["pack"] for row in failed}):
            own = [row for row in rows if row["pack"] == pack]
            Blocks(directory.store).take_apart(pack, manifests[pack]["method"])
            _take_back(directory, manifests[pack], own, {**current_versions(), **own_versions(config)})
        for manifest in manifests.values():
            if manifest["method"] in changed and (method is None or manifest["method"] == method):
                Checkpoints(directory.store, manifest["pack"]).clear()
                Blocks(directory.store).take_apart(manifest["pack"], manifest["method"])
                directory.store.remove(manifest_path(manifest["pack"]))
        directory.create(to_yaml(config), replace=True)
    return len(failed)


def _changed(was: StudyConfig, now: StudyConfig, directory: StudyDirectory, with_outcome: set[str]) -> set[str]:
    """The methods whose trials depend on what has changed; none of those with an outcome may be among them."""
    changed: set[str] = set()
    forbidden = []
    for change in changes(was, now):
        if change.allowed:
            continue
        own = change.key.split(".")[1] if change.key.startswith("methods.") else None
        depend = {own} if own in now.methods else set(now.methods)
        if depend & with_outcome:
            forbidden.append(change)
        changed |= {name for name in depend if name is not None}
    if forbidden:
        raise CannotChange(directory.path(CONFIG), forbidden)
    return changed


def _take_back(directory: StudyDirectory, manifest: Manifest, rows: list[Row], versions: dict[str, str]) -> None:
    """One pack: what has an outcome goes into a checkpoint, before its results are removed."""
    pack, method = manifest["pack"], manifest["method"]
    kept = [row for row in rows if not broke_off(row)]
    checkpoints = Checkpoints(directory.store, pack)
    if kept:
        names = {row["trial"] for row in kept}
        state = checkpoints.newest("cpu")
        if state is None or not names <= finished_in(state):
            parts = [[row["trial"] for row in rows if row["trial"] not in names]]
            curves = directory.curves([pack], names).to_pylist()
            state = {"epochs": checkpoints.saved + 1, "halvings": 0, "trials": [_plain(row) for row in kept]}
            checkpoints.save(state["epochs"], state | {"curves": curves, "parts": parts, "pack": None})
    else:
        renewed: Manifest = {**manifest, "versions": versions}
        directory.store.put(manifest_path(pack), encode_manifest(renewed), replace=True)
    for kind in reversed(KINDS):
        directory.store.remove(part_path(kind, pack, method))


def finished_in(state: Row) -> set[str]:
    """The trials that a checkpoint has finished."""
    parts = [state.get("trials", ()), *(rows for rows, _ in (state.get("pack") or {}).get("finished", ()))]
    return {row["trial"] for rows in parts for row in rows}


def _plain(row: Row) -> Row:
    """As a checkpoint can hold it."""
    return {**row, "finished_at": row["finished_at"].timestamp()}
