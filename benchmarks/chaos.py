"""A study is killed again and again, and nothing is lost; the same for stock Tuner.restore with OptunaSearch.

    python -m benchmarks.chaos --json FILE

It takes hours; `--sides stock` or `--kinds head` adds to what FILE has of the same seed, `--jobs 4` is sooner done.

A small digits study runs over and over, with SIGKILL at random moments to its driver, a worker, Ray's head or its
raylet, up to three times in a study; a driver that is gone is followed by `study resume`. Then the study is compared
with one that was never interrupted: trials lost, trials twice, Optuna trials left RUNNING, results that differ.

Four kinds are of our side alone. `rungs` is a study that stops trials early and has a warm start; what is killed is any
of the above. Two are on a study of one long pack: `preempted`, where it loses its worker up to six
times, each time that it has come further, more often than `retries` would allow without progress; and `data`, where the
file that is trained on is away for some seconds besides, and a worker has to read it again meanwhile. `node` has long
packs on a cluster of three nodes: whenever the study has come further one is killed with all its workers, and another
takes its place some seconds later.

The stock side has as many trials, the same kills at the same shares of its own time, and goes on by Tuner.restore.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.chaos_sides import RUNGS, STUDY, Finished, OnCluster, OnFile, Ours, Side, Stock, long_pack, many_packs
from benchmarks.machine import machine
from benchmarks.processes import KINDS as PROCESSES
from benchmarks.processes import born, descendants, kill, targets, title

SIDES = ("study", "stock")
ONE_PACK = ("preempted", "data")
OURS_ALONE = (*ONE_PACK, "node")
KINDS = (*PROCESSES, "rungs", *OURS_ALONE)
KILLS_PER_STUDY = {"preempted": 6, "node": 6}
USUAL_KILLS_PER_STUDY = 3
AWAY_SECONDS = (1.0, 12.0)
FURTHER_SECONDS = 2.0
"""Of those of our side alone, how long after the study has come further it is hit again, at most."""

MUST_BE_ZERO = ("lost", "trained_again", "twice", "missing", "failed", "running", "different", "hung")

Make = Callable[[Path], Side]


class Run:
    """One study, from its start through its kills to its end.

    Args:
        moments: when to kill, in seconds from the start of a driver or the kill before; of our side's own kinds from
            when the study has come further than ever.
        patience: seconds without progress after which a driver counts as hung, and is killed as well.
    """

    def __init__(self, side: Side, kind: str, moments: list[float], patience: float, seed: int) -> None:
        self.side, self.kind, self.patience = side, kind, patience
        self.moments = moments
        self.random = random.Random(seed)
        self.seen: Finished = {}
        self.processes: dict[int, str] = {}
        self.kills = self.hung = self.drivers = 0
        self.farthest = (0, 0)
        self.returning: threading.Timer | None = None

    def to_the_end(self) -> dict[str, int]:
        try:
            while not self._one_driver():
                log = self.side.folder / "log"
                assert self.drivers < 20, f"it comes to no end: {log.read_text(errors='replace')[-2000:]}"
        finally:
            self._bring_back()
            orphans = len(self._alive("Trainable"))
            for pid in self._alive():  # Ray's agents outlive a driver that was killed
                kill(pid)
        return self.side.figures(self.seen) | {"kills": self.kills, "hung": self.hung, "orphans": orphans}

    def _alive(self, name: str = "") -> list[int]:
        return [pid for pid, at in self.processes.items() if born(pid) == at and name in title(pid)]

    def _one_driver(self) -> bool:
        """Start one and wait for its end; whether it has completed the study."""
        self._bring_back()
        driver = self.side.start()
        self.drivers += 1
        since = progress = time.monotonic()
        done = self.side.progress()
        while driver.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if not self._further():
                since = now
            if self.moments and now - since >= self.moments[0] and self._shoot(driver.pid):
                del self.moments[0]
                since = progress = time.monotonic()
            elif now - progress > self.patience:
                by_now = self.side.progress()
                if by_now == done:
                    self.hung += 1
                    kill(driver.pid)
                done, progress = by_now, now
        return driver.returncode == 0

    def _further(self) -> bool:
        """Whether what is killed again and again has a checkpoint beyond those of the last kill."""
        if self.kind not in OURS_ALONE or not self.moments:
            return True
        return self.side.progress() > self.farthest

    def _shoot(self, driver: int) -> bool:
        """Kill one process of the kind, if there is one at this moment."""
        kind = "worker" if self.kind in OURS_ALONE else self.kind
        found = targets(driver, self.random.choice(PROCESSES) if kind == "rungs" else kind)
        if not found:
            return False
        if isinstance(self.side, OnCluster):
            self._bring_back()
            self.seen |= self.side.finished()
            self.side.order("kill")
            self.returning = threading.Timer(self.random.uniform(*AWAY_SECONDS), self.side.order, ["add"])
            self.returning.start()
            self.kills += 1
            self.farthest = self.side.progress()
            return True
        if self.kind == "data" and isinstance(self.side, OnFile):
            self._bring_back()
            self.side.hide()
            self.returning = threading.Timer(self.random.uniform(*AWAY_SECONDS), self.side.bring_back)
            self.returning.start()
        self.processes |= {pid: at for pid in descendants(driver) if (at := born(pid))}
        self.seen |= self.side.finished()
        shot = self.random.choice(found)
        kill(shot)
        self.kills += 1
        while born(shot):
            time.sleep(0.01)
        self.farthest = self.side.progress()
        return True

    def _bring_back(self) -> None:
        """The data, or the node, that are away; nobody starts a driver without them."""
        if self.returning is not None:
            self.returning.join()


def uninterrupted(side: Side) -> float:
    """Run it without a kill; seconds."""
    started = time.perf_counter()
    figures = Run(side, "driver", [], 600, 0).to_the_end()
    assert not any(figures.values()), figures
    return time.perf_counter() - started


def kills_of(
    make: Make, folder: Path, kind: str, shares: list[float], seconds: float, patience: float
) -> dict[str, int]:
    """The figures of all studies that a number of kills takes.

    Args:
        shares: when to kill, as shares of ``seconds``, the time that an uninterrupted study takes.
    """
    total: Counter[str] = Counter()
    left = [share * (FURTHER_SECONDS if kind in OURS_ALONE else seconds) for share in shares]
    while left:
        moments = left[: KILLS_PER_STUDY.get(kind, USUAL_KILLS_PER_STUDY)]
        run = Run(make(folder / f"{kind}-{total['studies']}"), kind, list(moments), patience, total["studies"])
        figures = run.to_the_end()
        del left[: figures["kills"]]  # a study that was faster than its kills leaves some for the next
        if not figures["kills"]:
            left[0] /= 2
        total.update(figures | {"studies": 1})
        print(f"{kind}: {figures}", flush=True)
    return dict(total)


@dataclass(frozen=True)
class Group:
    """Kinds of kills that are held against the same study.

    ``make``: a new one in a folder; ``reference``: one that is not killed. ``shares``: see `kills_of`, by kind.
    """

    make: Make
    reference: Side
    shares: dict[str, list[float]]


def side(groups: Sequence[Group], folder: Path, patience: float, jobs: int) -> dict[str, Any]:
    """All kinds of kills for one side, ``jobs`` studies at once."""
    with ThreadPoolExecutor(jobs) as pool:
        seconds = list(pool.map(uninterrupted, (group.reference for group in groups)))
        print(f"uninterrupted: {', '.join(f'{one:.1f} s' for one in seconds)}", flush=True)
        running = {
            kind: pool.submit(kills_of, group.make, folder, kind, moments, one, patience)
            for group, one in zip(groups, seconds, strict=True)
            for kind, moments in group.shares.items()
        }
        kills = {kind: run.result() for kind, run in running.items()}
    usual = [one for group, one in zip(groups, seconds, strict=True) if set(group.shares) & set(PROCESSES)]
    return {"kills": kills} | ({"uninterrupted_seconds": usual[0]} if usual else {})


def main(arguments_given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--kills", type=int, default=30, help="of each kind")
    parser.add_argument("--stock-kills", type=int, help="of each kind on the stock side; as many if not given")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=120, help="seconds without progress until a driver is hung")
    parser.add_argument(
        "--long-epochs", type=int, default=1000, help="of the packs that are preempted, or lose their data"
    )
    parser.add_argument("--jobs", type=int, default=1, help="studies at once")
    arguments = parser.parse_args(arguments_given)
    generator = random.Random(arguments.seed)
    drawn = {kind: [generator.random() for _ in range(arguments.kills)] for kind in KINDS}
    shares = {kind: drawn[kind] for kind in arguments.kinds}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in arguments.sides}
        for folder in folders.values():
            folder.mkdir()
        result = _so_far(arguments.json, arguments.seed)
        at_once = (arguments.patience, arguments.jobs)
        if "study" in folders:
            groups = _ours(folders["study"], shares, arguments.long_epochs)
            _add(result["study"], side(groups, folders["study"], *at_once))
        if "stock" in folders:
            few = {kind: moments[: arguments.stock_kills] for kind, moments in shares.items() if kind in PROCESSES}
            stock = Group(Stock, Stock(folders["stock"] / "uninterrupted"), few)
            _add(result["stock"], side([stock], folders["stock"], *at_once))
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    wrong = {
        f"{kind} {name}": count
        for kind, figures in result["study"].get("kills", {}).items()
        for name, count in figures.items()
        if name in MUST_BE_ZERO and count
    }
    if wrong:
        raise SystemExit(f"not zero: {wrong}")


def _ours(folder: Path, shares: dict[str, list[float]], long_epochs: int) -> list[Group]:
    """Short packs of two methods, a long one on a file, or long ones on a cluster."""
    kept: list[tuple[type[Ours], str, tuple[str, ...]]] = [
        (Ours, STUDY, PROCESSES),
        (Ours, RUNGS, ("rungs",)),
        (OnFile, long_pack(long_epochs), ONE_PACK),
        (OnCluster, many_packs(long_epochs), ("node",)),
    ]
    groups = list[Group]()
    for cls, study, kinds in kept:
        own = {kind: found for kind, found in shares.items() if kind in kinds}
        if own:
            reference = cls(folder / f"reference-{len(groups)}", None, study)
            groups.append(Group(partial(_made, cls, reference, study), reference, own))
    return groups


def _made(cls: type[Ours], reference: Ours, study: str, at: Path) -> Side:
    return cls(at, reference, study)


def _so_far(file: Path | None, seed: int) -> dict[str, Any]:
    """What an earlier run with the same seed has found."""
    found = json.loads(file.read_text()) if file and file.exists() else {}
    if found.get("seed") != seed:
        found = {"machine": machine(), "seed": seed, "study": {}, "stock": {}}
    return found


def _add(known: dict[str, Any], found: dict[str, Any]) -> None:
    known |= found | {"kills": known.get("kills", {}) | found["kills"]}


if __name__ == "__main__":
    main()
