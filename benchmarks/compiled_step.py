"""What torch.compile would gain a training step beside its products: the optimiser and the proximal step as one.

    python -m benchmarks.compiled_step --json FILE

A pack of 16 digits mlps, Adam, one core. eager: `LaneOptimizer.step` and the method's `after_step`, as packs take them.
compiled: Adam written out and the same `after_step`, through torch.compile. Medians of rounds that take turns;
seconds: until the first compiled step was taken, without a cache; same: the share of parameters that have the same bits
either way, after a step from the same place.

Steps that end in other bits depending on when a compiler was ready, or whether a node has one, would break what packs
promise: that a trial is the same, to the bit, whatever it trains beside and wherever it goes on. So `same` must be 1
for compiled steps to be of use.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.record import parser, record
from benchmarks.step_speed import STRENGTH
from trainables.methods import Clock
from trainables.problem import problem
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.training import Stack, Trial

METHODS = ("dense", "group_lasso", "sparse_group_lasso", "exclusive_group")
LANES, STEPS = 16, 100
BETAS, EPS = (0.9, 0.999), 1e-8


def measured(method: str, rounds: int) -> dict[str, float]:
    eager, compiled = (_Update(method, through) for through in (None, torch.compile))
    started = time.perf_counter()
    compiled.step()
    seconds = time.perf_counter() - started
    eager.step()
    same = torch.cat([(mine == compiled.stack.params[n]).flatten() for n, mine in eager.stack.params.items()])
    for update in (eager, compiled):
        update.micros()
    times = [(eager.micros(), compiled.micros()) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*times, strict=True))
    return {
        "eager_us": ours,
        "compiled_us": theirs,
        "ratio": ours / theirs,
        "seconds": seconds,
        "same": float(same.double().mean()),
    }


class _Update:
    """What comes after the gradients in a step."""

    def __init__(self, method: str, through: Callable[..., Callable[[], None]] | None) -> None:
        parameters = {"lr": 3e-3, **STRENGTH.get(method, {})}
        where = problem({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}, seed=0)
        trials = [Trial(f"t{i}", i, 0, dict(parameters)) for i in range(LANES)]
        self.stack = Stack(where, method, Recipe(epochs=10, polish=1, batch_size=32), trials, torch.device("cpu"))
        optimizer = self.stack.working.optimizer
        generator = torch.Generator().manual_seed(0)
        for gradient in optimizer.gradients.values():
            gradient.copy_(torch.randn(gradient.shape, generator=generator) * 1e-2)
        self.clock = Clock(0, 0, self.stack.lr)
        if through is None:
            self._take = self._fused
        else:
            self._first = {name: torch.zeros_like(tensor) for name, tensor in optimizer.gradients.items()}
            self._second = {name: torch.zeros_like(tensor) for name, tensor in optimizer.gradients.items()}
            self._steps = torch.zeros((), dtype=torch.float64)
            self._take = through(self._written_out)

    @torch.no_grad()
    def step(self) -> None:
        self._take()

    def micros(self) -> float:
        """Of one update, microseconds of the processor."""
        started = time.process_time()
        for _ in range(STEPS):
            self.step()
        return 1e6 * (time.process_time() - started) / STEPS

    def _after(self) -> None:
        stack = self.stack
        stack.method.after_step(stack.params, stack.state, stack.knobs, self.clock)

    def _fused(self) -> None:
        optimizer = self.stack.working.optimizer
        optimizer.step(optimizer.gradients, self.clock.lr)
        self._after()

    def _written_out(self) -> None:
        self._steps += 1
        for name, gradient in self.stack.working.optimizer.gradients.items():
            first, second, value = self._first[name], self._second[name], self.stack.params[name]
            first.lerp_(gradient, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            root = second.sqrt() / (1 - BETAS[1] ** self._steps).sqrt() + EPS
            lr = self.clock.lr.view(-1, *[1] * (value.dim() - 1))
            value.sub_(lr * (first / root / (1 - BETAS[0] ** self._steps)))
        self._after()


def main() -> None:
    arguments = parser(__doc__, repeats=15).parse_args()
    settle_process()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        found = {method: measured(method, arguments.repeats) for method in METHODS}
    for method, row in found.items():
        print(method, *(f"{name} {value:.3g}" for name, value in row.items()))
    record({"lanes": LANES, "update": found}, arguments.json)


if __name__ == "__main__":
    main()
