"""The results of a pack, written into the study directory once: what it came to, or that nobody could train it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from study.directory import ANSWER_BYTES, ANSWERS, Checkpoints, Front, Manifest, StudyDirectory

Row = dict[str, Any]


def publish(
    directory: StudyDirectory,
    study: str,
    manifest: Manifest,
    trials: list[Row],
    curves: list[Row],
    worker: str | None = None,
) -> None:
    """Write a pack's results, once: trial and curve rows as `trainables.training.Pack` makes them."""
    pack, method = manifest["pack"], manifest["method"]
    names = {"study": study, "method": method, "pack": pack, "search": manifest.get("search", 0), "worker": worker}
    of_curves = {name: names[name] for name in ("study", "method", "pack")}
    specs: dict[str, Row] = {spec["trial"]: {**spec} for spec in manifest["trials"]}
    now = datetime.now(UTC).timestamp()
    trials = sorted(trials, key=lambda row: specs[row["trial"]]["lane"])  # those of one network were trained together
    rows = [
        names | row | _placed(specs[row["trial"]], row) | {"finished_at": _time(row.get("finished_at", now))}
        for row in trials
    ]
    rows = [{name: value for name, value in row.items() if name not in ("state", "judged")} for row in rows]
    directory.write_results(pack, method, _within_bounds(directory, rows), [of_curves | row for row in curves])


def _placed(spec: Row, row: Row) -> Row:
    """What a manifest says of the trial that a row is of."""
    shared = min(spec.get("shared", 0), row.get("epochs") or 0)  # a path may have ended before
    found = {"number": spec["number"], "lane": spec["lane"], "shared_epochs": shared}
    return {**found, "repeats": spec.get("repeats"), "target": spec.get("target")}


def _within_bounds(directory: StudyDirectory, rows: list[Row]) -> list[Row]:
    """Where answers would make rows large, only those of the pack's front keep them, and those of dense networks."""
    if all(sum(len(row.get(name) or b"") for name in ANSWERS) <= ANSWER_BYTES for row in rows):
        return rows
    front = Front.of(directory.config())
    front.add(rows)
    none = dict.fromkeys(ANSWERS)
    return [row if row["trial"] in front or row["method"] == "dense" else row | none for row in rows]


def give_up(directory: StudyDirectory, study: str, manifest: Manifest, reason: str) -> None:
    """Publish a pack that will not be trained: what its newest checkpoint has finished, and FAILED for the others."""
    state = Checkpoints(directory.store, manifest["pack"]).newest("cpu") or {"trials": [], "curves": [], "pack": None}
    trials, curves = list(state["trials"]), list(state["curves"])
    for rows, entries in state["pack"]["finished"] if state["pack"] else ():
        trials += rows
        curves += entries
    finished = {row["trial"] for row in trials}
    failed = [row for row in failed_rows(manifest, reason) if row["trial"] not in finished]
    if "step" in manifest:
        directory.segments.write_account(manifest["pack"], trials + failed, curves)
        return
    publish(directory, study, manifest, trials + failed, curves)


def failed_rows(manifest: Manifest, reason: str) -> list[Row]:
    """A FAILED row for every trial of a pack that could not be trained."""
    return [
        {"trial": spec["trial"], "seed": spec["seed"], "data_seed": spec["data_seed"]}
        | {"status": "FAILED", "reason": reason}
        | {f"param_{name}": value for name, value in spec["parameters"].items()}
        for spec in manifest["trials"]
    ]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
