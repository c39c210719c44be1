"""What narrower packs at the end of a study would gain: a simulation of its packs on more workers than it had.

    python -m benchmarks.last_packs STUDY_DIRECTORY --json FILE

Packs take the seconds that they took, narrower ones the share of it that benchmarks/results/step_speed.json has for the
mlp; methods take turns, and the results of a method are waited for, as `study.search.Search` has it. Of budgets from 24
to 64 trials per method and search, whose last packs end at all kinds of moments: the mean, least and largest gain.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import mean

from benchmarks.record import parser, record
from study.directory import StudyDirectory
from study.search import MOST

Branch = tuple[str, int]
"""A method and a search."""

Rule = Callable[[int, int], int]
"""The width of the next pack, by the trials that have yet to be asked for and the workers."""

RULES: dict[str, Rule] = {
    "half the width in the last round": lambda left, workers: MOST // 2 if left <= MOST * workers else MOST,
    "an equal share of what is left, at least 8": lambda left, workers: max(8, math.ceil(left / workers)),
    "an equal share of what is left, at least 4": lambda left, workers: max(4, math.ceil(left / workers)),
    "half of an equal share, at least 8": lambda left, workers: max(8, math.ceil(left / workers / 2)),
}

WORKERS, BUDGETS = (2, 4, 8, 32), (24, 32, 40, 48, 56, 64)
BETWEEN = 0.1
"""Seconds from the end of a pack to the beginning of the next."""


@cache
def _shares() -> dict[str, Callable[[int], float]]:
    """By method: seconds of a pack of a width, over those of a full one."""
    file = Path(__file__).parent / "results" / "step_speed.json"
    measured = json.loads(file.read_text())["step_ms"]["mlp"]

    def share(by_lanes: Mapping[str, float]) -> Callable[[int], float]:
        points = [(lanes, by_lanes[str(lanes)] * lanes) for lanes in (1, 8, MOST)]
        full = points[-1][1]

        def of(width: int) -> float:
            (a, low), (b, high) = next(pair for pair in pairwise(points) if width <= pair[1][0])
            return (low + (high - low) * (width - a) / (b - a)) / full

        return of

    return {method: share(by_lanes) for method, by_lanes in measured.items()}


def recorded(place: str) -> dict[Branch, list[float]]:
    """Seconds of the full packs of a study, in their order."""
    packs = defaultdict(list)
    for row in StudyDirectory(place).trials().select(["pack", "method", "search", "train_seconds"]).to_pylist():
        packs[row["pack"]].append(row)
    found: dict[Branch, list[float]] = defaultdict(list)
    for _, rows in sorted(packs.items()):
        if len(rows) == MOST:
            key = rows[0]["method"], rows[0]["search"] or 0
            found[key].append(max(row["train_seconds"] for row in rows))
    return found


def seconds(packs: Mapping[Branch, Sequence[float]], budget: int, workers: int, rule: Rule) -> float:
    """Of the whole study.

    Args:
        budget: trials of a method in a search.
    """
    most = min(MOST, math.ceil(budget * len(packs) / workers))
    share, lag = _shares(), math.ceil(workers / len(packs)) if workers > 1 else 0
    left, asked, seen = dict.fromkeys(packs, budget), dict.fromkeys(packs, 0), dict.fromkeys(packs, 0)
    over: dict[Branch, set[int]] = {branch: set() for branch in packs}
    training: list[tuple[float, Branch, int]] = []
    now = 0.0
    while True:
        ready = [one for one in packs if left[one] and seen[one] >= asked[one] - lag]
        if ready and len(training) < workers:
            branch = max(ready, key=lambda one: left[one])
            lanes = min(rule(sum(left.values()), workers), most, left[branch])
            full = packs[branch][min((budget - left[branch]) // MOST, len(packs[branch]) - 1)]
            heapq.heappush(training, (now + full * share[branch[0]](lanes) + BETWEEN, branch, asked[branch]))
            left[branch] -= lanes
            asked[branch] += 1
        elif training:
            now, branch, number = heapq.heappop(training)
            over[branch].add(number)
            while seen[branch] in over[branch]:
                seen[branch] += 1
        else:
            return now


def gains(packs: Mapping[Branch, Sequence[float]], rule: Rule, workers: int) -> list[float]:
    """Seconds as it is over seconds by the rule, less 1, of each budget."""
    return [
        seconds(packs, budget, workers, lambda left, workers: MOST) / seconds(packs, budget, workers, rule) - 1
        for budget in BUDGETS
    ]


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("study", help="a study directory with packs of 16")
    arguments = options.parse_args()
    packs = recorded(arguments.study)
    found = {workers: {name: gains(packs, rule, workers) for name, rule in RULES.items()} for workers in WORKERS}
    gain = {
        str(workers): {name: {"mean": mean(one), "least": min(one), "largest": max(one)} for name, one in rules.items()}
        for workers, rules in found.items()
    }
    result = {"packs": sum(map(len, packs.values())), "gain": gain}
    print(json.dumps(result, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
