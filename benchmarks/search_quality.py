"""Epochs until a trustworthy front: ways to search compared on digits, with the same trainer on all sides.

    python -m benchmarks.search_quality [--minutes 18] [--jobs 2] [--json FILE] [--methods NAME ...] [--sides NAME ...]
    python -m benchmarks.search_quality --table --readme      # trains nothing; writes the README's part

Every search has as many epochs as 32 trials that train to the end; what stopping and shared beginnings save goes into
more configurations. Searches of a method run in blocks of repeats, and what is in FILE is not run again: ended
by --minutes or a signal, the same command goes on.

The reference of a method is the hypervolume of all networks that any of its searches found: neurons by their logarithm,
accuracy from what the study requires, 0.8. Of each side: the epochs until half of its searches have, by their complete
trials, 90 and 95 % of it; and until half have what the median search by TPE, one at a time, has at its end. Of all
methods together: the epochs until the mean of the median searches' shares is there. A pack's trials count once all of
it is trained, stopped trials with the epochs that they took, a shared beginning once. Core-seconds follow from epochs
and from what a trial costs on each side, as `benchmarks/study_throughput.py` has recorded it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median, median_low
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
                "share": _spread([volume(one["better"]) / whole for one in found], median),
                "trials": median(one["trials"] for one in found),
                **{
                    name: _spread([until(one, wanted) for one in found], median_low) for name, wanted in targets.items()
                },
            }
            for side, found in by_side.items()
        }
    return table


def _spread(values: Sequence[float], middle: Callable[[Sequence[float]], float]) -> list[float | None]:
    """The middle, and the order statistics that hold the median with 98 % of ten; None for what was not reached."""
    ordered = sorted(values)
    cut = max(len(ordered) // 5 - 1, 0)
    return [None if math.isinf(one) else one for one in (middle(ordered), ordered[cut], ordered[-1 - cut])]


TARGETS = {"TPE's end": None, "90 %": 0.9, "95 %": 0.95}
"""Shares of the reference; None for what TPE, one at a time, has at its end."""


def multiples(searches: Sequence[Mapping[str, Any]], repeats: int) -> dict[str, dict[str, float | None]]:
    """By target and side: epochs as a multiple of those of TPE, one at a time, until the median search's share of the
    reference, a mean over methods, is there; None where a side never came there, or TPE did not."""
    curves = {side: _curve(searches, list(compared(searches, repeats)), side) for side in SIDES}
    end = max(share for _, share in curves[PLAIN]) if curves[PLAIN] else math.inf
    found: dict[str, dict[str, float | None]] = {}
    for target, wanted in TARGETS.items():
        there = {
            side: next((epochs for epochs, share in curve if share >= (wanted or end)), None)
            for side, curve in curves.items()
        }
        plain = there[PLAIN]
        found[target] = {side: own / plain if own and plain else None for side, own in there.items()}
    return found


def _curve(searches: Sequence[Mapping[str, Any]], methods: Sequence[str], side: str) -> list[tuple[float, float]]:
    """(epochs, mean over methods of the median search's share of the reference) whenever one of them changes."""
    changes: list[tuple[float, str, float]] = []
    for method in methods:
        own = [one for one in searches if one["method"] == method]
        whole = volume([point for one in own for point in one["better"]])
        mine = [one["better"] for one in own if one["side"] == side]
        for epochs in sorted({point[0] for better in mine for point in better}):
            known = [volume([point for point in better if point[0] <= epochs]) for better in mine]
            changes.append((epochs, method, median(known) / whole))
    now = dict.fromkeys(methods, 0.0)
    curve = []
    for epochs, method, share in sorted(changes):
        now[method] = share
        curve.append((epochs, fmean(now.values())))
    return curve


def markdown(
    table: Mapping[str, Mapping[str, Mapping[str, Any]]],
    of_plain: Mapping[str, Mapping[str, float | None]],
    epochs: int,
) -> Iterator[str]:
    for target in TARGETS:
        yield f"| epochs until half of the searches have {target} [98 % interval] | {' | '.join(table)} | of TPE's |"
        yield f"|---|{'---:|' * (len(table) + 1)}"
        for side in SIDES:
            cells = [_cell(sides[side][target]) for sides in table.values()]
            multiple = of_plain[target][side]
            yield f"| {side} | {' | '.join(cells)} | {'–' if multiple is None else f'{multiple:.2f}'} |"
        yield ""
    yield f"| share of the reference after {epochs} epochs | {' | '.join(table)} |"
    yield f"|---|{'---:|' * len(table)}"
    for side in SIDES:
        yield f"| {side} | {' | '.join(_cell(sides[side]['share'], '.3f') for sides in table.values())} |"
    yield ""
    for target in ("95 %", "TPE's end"):
        for side, bar in BARS.items():
            met = _verdict(of_plain[target][side], bar)
            yield f"bar: {side}, at most {bar:g} of TPE's epochs until {target}: {met}"
        for other, bar in CORES.items():
            less = core_seconds(of_plain[target], other)
            best = max((value for value in less.values() if value is not None), default=None)
            met = "not known" if best is None else f"{best:.1f}, {'met' if best >= bar else 'missed'}"
            yield f"bar: at best {bar:g} times fewer core-seconds than {other} until {target}: {met}"


def core_seconds(of_plain: Mapping[str, float | None], other: str) -> dict[str, float | None]:
    """By side of ours: how many times fewer than TPE on another side of the benchmark of throughput."""
    cheaper = json.loads(THROUGHPUT.read_text(encoding="utf-8"))["ratios"][other]
    return {
        side: None if multiple is None else cheaper / multiple
        for side, multiple in of_plain.items()
        if side.startswith("packs")
    }


def _verdict(multiple: float | None, bar: float) -> str:
    return "not known" if multiple is None else f"{multiple:.2f}, {'met' if multiple <= bar else 'missed'}"


def part(record: Mapping[str, Any]) -> str:
    """The README's."""
    methods, epochs = record["compared"].values(), f"{record['epochs']:,}"
    lines = [
        f"| | share of the reference after {epochs} epochs | epochs until TPE's share | epochs until 95 % |",
        "|---|---:|---:|---:|",
    ]
    for side in SIDES:
        share = fmean(sides[side]["share"][0] for sides in methods)
        cells = [record["of_TPE"][target][side] for target in ("TPE's end", "95 %")]
        shown = ["not reached" if one is None else f"{one:.2f}" for one in cells]
        lines.append(f"| {side} | {share:.3f} | {' | '.join(shown)} |")
    lines += [
        "",
        f"{record['repeats']} searches by each way, of each of {len(methods)} methods on digits. The reference is the "
        "hypervolume of all that any of them found; shares are the median search's, means over methods; epochs are "
        f"multiples of those that TPE, one trial at a time, takes for the share that it has after {epochs} (`python -m "
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
    table, of_plain = compared(searches, given.repeats), multiples(searches, given.repeats)
    print("\n".join(markdown(table, of_plain, given.epochs)))
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
        "of_TPE": multiples(searches, repeats),
        "searches": list(searches),
    }
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    main()
