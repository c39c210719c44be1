"""Epochs until a trustworthy front: ways to search compared on digits, with the same trainer on all sides.

    python -m benchmarks.search_quality [--minutes 18] [--jobs 2] [--json FILE] [--methods NAME ...] [--sides NAME ...]
    python -m benchmarks.search_quality --table --readme      # trains nothing; writes the README's part

Every search has as many epochs as 32 trials that train to the end; what stopping and shared beginnings save goes into
more configurations. Searches of a method run in blocks of repeats, and what is in FILE is not run again: ended
by --minutes or a signal, the same command goes on.

The reference of a method is the hypervolume of all networks that any of its searches found: neurons by their logarithm,
accuracy from what the study requires, 0.8. Of each search: the epochs until its own complete trials have 90 and 95 % of
it; and until they have what the median search by TPE, one at a time, has at its end. A pack's trials count once all of
it is trained, stopped trials with the epochs that they took, a shared beginning once. Core-seconds follow from epochs
and from what a trial costs on each side, as `benchmarks/study_throughput.py` has recorded it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import moocore
import numpy as np

from benchmarks.machine import machine
from benchmarks.readme_part import write
from benchmarks.searches import SIDES, Found, searched

RESULTS = Path(__file__).parent / "results" / "search_quality.json"
METHODS = ("group_lasso", "sparse_group_lasso", "exclusive_group", "drop_neuron", "npn")
PLAIN = "TPE, one at a time"
EPOCHS = 32 * 60
REPEATS, BLOCK = 10, 5
FLOOR, NEURONS = 0.8, 192
THROUGHPUT = RESULTS.with_name("study_throughput.json")
CORES = {"optuna_processes": 8, "function_trainable": 40}
"""At least so many times fewer core-seconds than Optuna with two processes, than Ray Tune as usually written."""
BARS = {"packs": 1.1, "packs, stopping": 0.5, "packs, stopping, warm start": 0.35, "packs, paths": 0.35}
"""At most so many times the epochs of TPE one at a time, as the project set them beforehand."""


def volume(better: Sequence[Sequence[float]]) -> float:
    """Hypervolume of [epochs, accuracy, neurons], in a box from the floor and the dense network to 1 and one neuron."""
    if not better:
        return 0.0
    points = np.array([[(1 - a) / (1 - FLOOR), math.log(max(n, 1)) / math.log(NEURONS)] for _, a, n in better])
    inside = points[(points <= 1).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=np.ones(2))) if len(inside) else 0.0


def until(found: Mapping[str, Any], wanted: float) -> float:
    """Epochs after which a search has this hypervolume; infinite where it never has."""
    better = found["better"]
    for spent in sorted({one[0] for one in better}):
        if volume([one for one in better if one[0] <= spent]) >= wanted:
            return float(spent)
    return math.inf


def compared(searches: Sequence[Mapping[str, Any]], repeats: int) -> dict[str, dict[str, dict[str, Any]]]:
    """By method and side, of those that all sides have in all repeats."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for method in dict.fromkeys(one["method"] for one in searches):
        own = [one for one in searches if one["method"] == method]
        by_side = {side: [one for one in own if one["side"] == side] for side in SIDES}
        if any(len(found) < repeats for found in by_side.values()):
            continue
        whole = volume([point for one in own for point in one["better"]])
        plain = median(volume(one["better"]) for one in by_side[PLAIN])
        targets = {"90 %": 0.9 * whole, "95 %": 0.95 * whole, "TPE's end": plain}
        table[method] = {
            side: {
                "share": _spread([volume(one["better"]) / whole for one in found]),
                "trials": median(one["trials"] for one in found),
                **{name: _spread([until(one, wanted) for one in found]) for name, wanted in targets.items()},
            }
            for side, found in by_side.items()
        }
    return table


def _spread(values: Sequence[float]) -> list[float | None]:
    """Median, and the order statistics that hold it with 98 % of ten; None for what was not reached."""
    ordered = sorted(values)
    cut = max(len(ordered) // 5 - 1, 0)
    return [None if math.isinf(one) else one for one in (median(ordered), ordered[cut], ordered[-1 - cut])]


def ratios(table: Mapping[str, Mapping[str, Mapping[str, Any]]], target: str) -> dict[str, float | None]:
    """By side: epochs as a multiple of those of TPE one at a time, the geometric mean over methods of the medians'
    ratio; None where a median search never came there."""
    found: dict[str, float | None] = {}
    for side in SIDES:
        pairs = [(sides[side][target][0], sides[PLAIN][target][0]) for sides in table.values()]
        known = [(own, plain) for own, plain in pairs if own is not None and plain is not None]
        found[side] = geometric_mean([own / plain for own, plain in known]) if known and known == pairs else None
    return found


def markdown(table: Mapping[str, Mapping[str, Mapping[str, Any]]], epochs: int) -> Iterator[str]:
    for target in ("TPE's end", "90 %", "95 %"):
        multiples = ratios(table, target)
        yield f"| median epochs until {target} [98 % interval] | {' | '.join(table)} | of TPE's |"
        yield f"|---|{'---:|' * (len(table) + 1)}"
        for side in SIDES:
            cells = [_cell(sides[side][target]) for sides in table.values()]
            multiple = multiples[side]
            yield f"| {side} | {' | '.join(cells)} | {'–' if multiple is None else f'{multiple:.2f}'} |"
        yield ""
    yield f"| share of the reference after {epochs} epochs | {' | '.join(table)} |"
    yield f"|---|{'---:|' * len(table)}"
    for side in SIDES:
        yield f"| {side} | {' | '.join(_cell(sides[side]['share'], '.3f') for sides in table.values())} |"
    yield ""
    for target in ("95 %", "TPE's end"):
        multiples = ratios(table, target)
        for side, bar in BARS.items():
            yield f"bar: {side}, at most {bar:g} of TPE's epochs until {target}: {_verdict(multiples[side], bar)}"
        for other, bar in CORES.items():
            less = core_seconds(multiples, other)
            best = max((value for value in less.values() if value is not None), default=None)
            met = "not known" if best is None else f"{best:.1f}, {'met' if best >= bar else 'missed'}"
            yield f"bar: at best {bar:g} times fewer core-seconds than {other} until {target}: {met}"


def core_seconds(multiples: Mapping[str, float | None], other: str) -> dict[str, float | None]:
    """By side of ours: how many times fewer than TPE on another side of the benchmark of throughput."""
    cheaper = json.loads(THROUGHPUT.read_text(encoding="utf-8"))["ratios"][other]
    return {
        side: None if multiple is None else cheaper / multiple
        for side, multiple in multiples.items()
        if side.startswith("packs")
    }


def _verdict(multiple: float | None, bar: float) -> str:
    return "not known" if multiple is None else f"{multiple:.2f}, {'met' if multiple <= bar else 'missed'}"


def part(record: Mapping[str, Any]) -> str:
    """The README's."""
    targets = {"TPE's end": "what it has at its end", "95 %": "95 % of the reference"}
    methods = len(record["compared"])
    lines = [
        f"| epochs, as a multiple of those of TPE one trial at a time, until | {' | '.join(targets.values())} |",
        f"|---|{'---:|' * len(targets)}",
    ]
    for side in SIDES:
        cells = [record["of_TPE"][target][side] for target in targets]
        shown = ["not by half of the searches" if one is None else f"{one:.2f}" for one in cells]
        lines.append(f"| {side} | {' | '.join(shown)} |")
    lines += [
        "",
        f"Geometric means over {methods} methods of the medians of {record['repeats']} searches on digits, each of "
        f"{record['epochs']:,} epochs; the reference is all that any of them found (`python -m "
        "benchmarks.search_quality`).",
    ]
    return "\n".join(lines)


def _cell(spread: Sequence[float | None], form: str = ".0f") -> str:
    typical, low, high = ("–" if value is None else f"{value:{form}}" for value in spread)
    return f"{typical} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=18, help="after which nothing more is begun")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--block", type=int, default=BLOCK, help="repeats that train together")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of each search")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--readme", action="store_true", help="write the README's part")
    given = parser.parse_args()
    known = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
    if known.get("epochs", given.epochs) != given.epochs:
        raise SystemExit(f"{given.json} is of searches of {known['epochs']} epochs: another --json for {given.epochs}")
    searches: list[dict[str, Any]] = known.get("searches", [])
    if not given.table:
        for found in _trained(given, searches):
            there = _there(searches)
            searches += [asdict(one) for one in found if (one.method, one.side, one.repeat) not in there]
            _write(given.json, searches, given.epochs, given.repeats)
    _write(given.json, searches, given.epochs, given.repeats)
    print("\n".join(markdown(compared(searches, given.repeats), given.epochs)))
    if given.readme:
        write("search", "benchmarks.search_quality", part(json.loads(given.json.read_text(encoding="utf-8"))))


def _trained(given: argparse.Namespace, searches: Sequence[Mapping[str, Any]]) -> Iterator[list[Found]]:
    """Blocks of searches that are not there, as they are finished."""
    there = _there(searches)
    waiting = []
    for method in given.methods:
        for first in range(0, given.repeats, given.block):
            repeats = range(first, min(first + given.block, given.repeats))
            sides = [side for side in given.sides if any((method, side, repeat) not in there for repeat in repeats)]
            if sides:
                waiting.append((method, sides, repeats))
    began, running = time.monotonic(), set[Future[list[Found]]]()
    with ProcessPoolExecutor(given.jobs, get_context("spawn"), initializer=_alone) as pool:
        while waiting or running:
            late = time.monotonic() - began > 60 * given.minutes
            while waiting and not late and len(running) < given.jobs:
                running.add(pool.submit(searched, *waiting.pop(0), given.epochs))
            if late:
                waiting.clear()
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                found = one.result()
                print(f"{found[0].method}, {len(found)} searches, {time.monotonic() - began:.0f} s", flush=True)
                yield found


def _there(searches: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, int]]:
    return {(one["method"], one["side"], one["repeat"]) for one in searches}


def _alone() -> None:
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _write(file: Path, searches: Sequence[Mapping[str, Any]], epochs: int, repeats: int) -> None:
    table = compared(searches, repeats)
    record = {
        "machine": machine(),
        "epochs": epochs,
        "repeats": repeats,
        "sides": {name: [*side.settings, f"{side.size} at a time"] for name, side in SIDES.items()},
        "compared": table,
        "of_TPE": {target: ratios(table, target) for target in ("TPE's end", "90 %", "95 %")},
        "searches": list(searches),
    }
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    main()
