"""How long a network takes for a batch, measured alone: warmed up, then timed run by run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainables.errors import StudyError

WARM_UP_SECONDS = 0.1
LEAST_RUNS = 30
MOST_RUNS = 10_000


@dataclass(frozen=True)
class Timing:
    """Percentiles over single runs of a batch, and what they were measured with."""

    p50_ms: float
    p95_ms: float
    runs: int
    batch: int
    device: str
    """"cpu", or the name of the GPU."""
    dtype: str
    threads: int
    compiled: bool
    cuda_graph: bool
    load: float
    """Processes that wanted to run in the last minute, this one included: more than ``threads`` disturb."""


def measure(
    module: nn.Module,
    input_shape: Sequence[int],
    batch: int,
    *,
    device: str = "cpu",
    threads: int = 1,
    compiled: bool = False,
    cuda_graph: bool = False,
    seconds: float = 0.5,
) -> Timing:
    """Times ``module`` (in eval mode, without gradients) on random inputs (batch, *input_shape); see `timed`.

    Raises:
        ValueError: a batch below 1, and as `timed`.
    """
    if batch < 1:
        raise StudyError(f"expected a batch of at least 1 but got {batch=}")
    x = torch.randn(batch, *input_shape, generator=torch.Generator().manual_seed(0))
    return timed(module, x, device=device, threads=threads, compiled=compiled, cuda_graph=cuda_graph, seconds=seconds)


def timed(
    module: nn.Module,
    x: Tensor,
    *,
    device: str = "cpu",
    threads: int = 1,
    compiled: bool = False,
    cuda_graph: bool = False,
    seconds: float = 0.5,
) -> Timing:
    """Times ``module`` (in eval mode, without gradients) on ``x``, a batch; it is moved to the device.

    Args:
        threads: that a single operation may use on a CPU.
        compiled: through torch.compile.
        cuda_graph: replay a CUDA graph, which leaves out the time to launch kernels.
        seconds: for the runs that are timed; at least 30 of them take place, however long they take.

    Raises:
        ValueError: no such device here, a number of threads below 1, a CUDA graph on a CPU.
    """
    place = timing_device(device)
    if threads < 1:
        raise StudyError(f"expected threads of at least 1 but got {threads=}")
    if cuda_graph and place.type != "cuda":
        raise StudyError(f"expected device cuda for a CUDA graph but got {device!r}")
    module, x = module.to(place).eval(), x.to(place)
    if compiled:
        torch.compiler.reset()  # it gives up on a piece of code that it has seen in several sizes
    with _threads(threads), torch.inference_mode():
        network: Callable[[Tensor], Tensor] = torch.compile(module) if compiled else module
        run = _captured(network, x) if cuda_graph else lambda: network(x)
        timed = _on_cuda if place.type == "cuda" else _on_cpu
        timed(run, WARM_UP_SECONDS)
        times = sorted(timed(run, seconds))
    return Timing(
        p50_ms=statistics.median(times),
        p95_ms=times[int(0.95 * (len(times) - 1) + 0.5)],
        runs=len(times),
        batch=len(x),
        device=torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu",
        dtype=str(x.dtype).removeprefix("torch."),
        threads=threads,
        compiled=compiled,
        cuda_graph=cuda_graph,
        load=os.getloadavg()[0],
    )


def timing_device(name: str) -> torch.device:
    """The device of this name; raises StudyError where there is none here."""
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise StudyError(f"device: expected cpu or cuda but got {name!r}")
    if name != "cpu" and not torch.cuda.is_available():
        raise StudyError(f"device: expected cpu, since no CUDA device is found here, but got {name!r}")
    return torch.device(name)


def _more(times: list[float], deadline: float) -> bool:
    return len(times) < LEAST_RUNS or (len(times) < MOST_RUNS and time.perf_counter() < deadline)


def _on_cpu(run: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each run."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while _more(times, deadline):
        started = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - started) / 1e6)
    return times


def _on_cuda(run: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each run on the device, between two events; one run at a time."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    times: list[float] = []
    torch.cuda.synchronize()
    deadline = time.perf_counter() + seconds
    while _more(times, deadline):
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return times


def _captured(network: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], None]:
    """A CUDA graph of one run. Libraries have to be warm before: they allocate in their first runs."""
    stream = torch.cuda.Stream(x.device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(x.device))
    with torch.cuda.stream(stream):
        for _ in range(3):
            network(x)
    torch.cuda.current_stream(x.device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(x)
    return graph.replay


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
