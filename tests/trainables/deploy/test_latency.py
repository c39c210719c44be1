"""How times are taken; how long anything takes is for benchmarks/."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from trainables.deploy import latency
from trainables.deploy.latency import LEAST_RUNS, Timing, measure


class Counting(nn.Module):
    """Remembers what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.calls: list[tuple[tuple[int, ...], bool, bool, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append((tuple(x.shape), self.training, torch.is_grad_enabled(), torch.get_num_threads()))
        return self.layer(x)


def test_a_network_is_warmed_up_and_timed_as_it_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "WARM_UP_SECONDS", 0.0)
    before, network = torch.get_num_threads(), Counting()
    found = measure(network, (3,), 4, threads=2, seconds=0.0)
    assert set(network.calls) == {((4, 3), False, False, 2)}
    assert found.runs == LEAST_RUNS and len(network.calls) == 2 * LEAST_RUNS
    assert torch.get_num_threads() == before
    assert 0 < found.p50_ms <= found.p95_ms
    assert (found.batch, found.device, found.dtype, found.threads) == (4, "cpu", "float32", 2)
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_percentiles_are_over_single_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1, 10**6))
    monkeypatch.setattr(latency, "_on_cpu", lambda run, seconds: [float(next(times)) for _ in range(100)])
    found = measure(nn.Linear(3, 2), (3,), 1)
    assert (found.p50_ms, found.p95_ms, found.runs) == (150.5, 195.0, 100)


def test_threads_are_given_back_when_a_network_fails() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError):
        measure(nn.Linear(3, 2), (4,), 1, threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch=0"),
        ({"batch": 1, "threads": 0}, "threads=0"),
        ({"batch": 1, "device": "tpu"}, "expected cpu or cuda but got 'tpu'"),
        ({"batch": 1, "cuda_graph": True}, "expected device cuda for a CUDA graph"),
    ],
)
def test_what_cannot_be_measured_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(nn.Linear(3, 2), (3,), **options)  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(ValueError, match="no CUDA device is found here"):
        measure(nn.Linear(3, 2), (3,), 1, device="cuda")


compiling = pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # torch's own import


@pytest.mark.slow
@compiling
def test_compiled_networks_of_many_sizes_are_each_compiled() -> None:
    for width in (4, 5, 6):
        with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
            found = measure(nn.Sequential(nn.Linear(3, width), nn.ReLU()), (3,), 2, compiled=True, seconds=0.0)
        assert found.compiled


@pytest.mark.gpu
@compiling
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("cuda_graph", [False, True], ids=["launched", "graph"])
def test_times_on_a_gpu(compiled: bool, cuda_graph: bool) -> None:
    def timed(width: int) -> Timing:
        network = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 64))
        return measure(network, (64,), 2048, device="cuda", compiled=compiled, cuda_graph=cuda_graph, seconds=0.05)

    small, large = timed(64), timed(32768)
    assert small.device == torch.cuda.get_device_name()
    # 500 times the arithmetic: events that were not synchronised would only see kernels being launched.
    assert large.p50_ms > 2 * small.p50_ms > 0
    assert small.cuda_graph == cuda_graph
