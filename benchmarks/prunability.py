"""Which networks can be cut, how much of them, and whether exactly; beside Torch-Pruning in the same run.

    python -m benchmarks.prunability --json FILE [--quick] [--onnx] [--only NAME ...]

The networks: every image and text classification architecture of the `transformers` library that builds from a small
configuration and holds at most 5 million parameters, and the project's own. Of each:

traced      seconds, or the error.
share       weights in a row or column of a group that may go, of all parameters; heads, units and channels that may.
exact       the largest difference, of the largest output, between a network with random groups of units zeroed and its
            compact one, in float64; whether parameters and multiply-adds are those that were counted.
removed     share of the parameters that goes with a random half of the groups.
step        trains stacked (torch.func.vmap of the gradient) or in turn.
pt2, onnx   whether the compact network exports.
theirs      Torch-Pruning with random importance and a ratio of one half, its output layer left out: whether it builds
            its graph, whether what it leaves runs, the share of the parameters removed. It does not keep outputs.

--quick takes one in twelve of them, and two patterns. A run that is broken off goes on where it was: networks that FILE
has from the same code (`trainables/groups`, `compaction` and `models`, the benchmark's own) are kept, and so is the
side of Torch-Pruning, which takes minutes of some networks, as long as that library and the networks are the same;
only where it ran out of time it is tried again.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import inspect
import io
import json
import os
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.architectures import Network, networks
from benchmarks.machine import machine
from trainables.compaction import compact, cost
from trainables.groups import Graph, liveness, remove_groups, trace, widen

REQUIRED = {"errors": 0, "exact": 1.0, "of_those_that_torch_pruning_prunes": 0.9, "share_of_torch_prunings": 0.8}
FLOAT32_NORMS = "torch.float64, norms in torch.float32"
EXACT = {"torch.float64": 1e-9, "torch.float32": 1e-4, FLOAT32_NORMS: 1e-6}
"""What counts as the same, by the precision that the network computes in."""
SECONDS = 120


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def attempt(action: Callable[[], Any]) -> tuple[Any, str]:
    """What it gives, or why it does not."""
    try:
        with limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return action(), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {(str(error) or ' ').splitlines()[0][:200]}"


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def share(graph: Graph, module: nn.Module) -> float:
    """Of the weights of layers whose rows or columns may go."""
    free = sum(
        module.get_parameter(layer.weight).numel()
        for layer in graph.layers
        if layer.hidden or any(source.hidden for source, _ in graph.sources.get(layer.name, ()))
    )
    tables = sum(part.size for layer in graph.hidden for part in layer.besides)
    return (free + tables) / parameters(module)


@torch.no_grad()
def halved(graph: Graph, module: nn.Module, seed: int, probability: float) -> nn.Module:
    """A copy with random groups of units zero, of heads or of their dimensions, and random biases."""
    inside = bool(graph.dimensions) and seed % 2 == 1
    generator = torch.Generator().manual_seed(seed)
    whole = copy.deepcopy(module).requires_grad_(False)
    for parameter in whole.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    params = {name: parameter.unsqueeze(0) for name, parameter in whole.named_parameters()}
    for members in graph.ties:
        if members[0].hidden:
            kept = inside and members[0].what == "heads"
            gone = torch.rand(1, members[0].count, generator=generator) < probability
            remove_groups(params, members, gone & (not kept))
    for members in graph.dimensions if inside else ():
        remove_groups(params, members, torch.rand(1, members[0].count, generator=generator) < probability)
    return whole


@torch.no_grad()
def cut(graph: Graph, network: Network, seed: int, probability: float = 0.5) -> dict[str, Any]:
    """One pattern: compacted, compared, counted."""
    whole, x = halved(graph, network.module, seed, probability).double(), network.inputs(4, seed)
    dtype = torch.float64
    try:
        x = x.double() if x.is_floating_point() else x
        before = whole(x)
    except RuntimeError:  # It has float32 written into it.
        dtype = torch.float32
        whole, x = whole.float(), network.inputs(4, seed)
        before = whole(x)
    if dtype == torch.float64 and any(norm.mixing for norm in graph.norms):
        clean = copy.deepcopy(whole)
        widen(clean, graph)
        rounded = not torch.allclose(clean(x), before, rtol=1e-11, atol=1e-12, equal_nan=True)
    else:
        rounded = False
    small = compact.compact(whole, graph).module
    after = small(x)
    both = before.isnan() & after.isnan()
    before, after = before.masked_fill(both, 0), after.masked_fill(both, 0)
    alive = liveness(
        graph,
        {name: p.unsqueeze(0) for name, p in whole.named_parameters()},
        {name: b.unsqueeze(0) for name, b in whole.named_buffers()},
    )
    counts = cost.count(graph, alive)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        small(x[:1])
    return {
        "dtype": FLOAT32_NORMS if rounded else str(dtype),
        "difference": float((before - after).abs().max() / (1 + before.abs().max())),
        "counted": int(counts["parameters"]) == parameters(small) and int(counts["flops"]) == counter.get_total_flops(),
        "removed": 1 - parameters(small) / parameters(whole),
        "module": small,
    }


def steps(network: Network) -> str:
    """Two lanes' gradients by vmap."""
    modules = [copy.deepcopy(network.module).train() for _ in range(2)]
    stacked, buffers = stack_module_state(modules)
    x = network.inputs(2, 0)

    def loss(params: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        out: Tensor = functional_call(modules[0], (params, buffers), (x,))
        return out.square().mean()

    vmap(grad(loss), randomness="different")(stacked, buffers)
    return "stacked"


def pt2(module: nn.Module, x: Tensor) -> bool:
    torch.export.save(torch.export.export(module, (x,)), io.BytesIO())
    return True


def onnx(module: nn.Module, x: Tensor) -> bool:
    return torch.onnx.export(module.float(), (x,), dynamo=True, verbose=False) is not None


def theirs(network: Network) -> dict[str, Any]:
    """Torch-Pruning on a copy."""
    import torch_pruning

    module = copy.deepcopy(network.module).train(False)
    last = [
        m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d) and m.weight.shape[0] == network.outputs
    ]
    before = parameters(module)
    pruner, error = attempt(
        lambda: torch_pruning.pruner.BasePruner(
            module,
            network.inputs(1, 0),
            importance=torch_pruning.importance.RandomImportance(),
            pruning_ratio=0.5,
            ignored_layers=last,
        )
    )
    if pruner is None:
        return {"graph": False, "runs": False, "removed": 0.0, "error": error}
    _, error = attempt(pruner.step)
    ran, problem = attempt(lambda: module(network.inputs(2, 0)).shape)
    removed = 1 - parameters(module) / before
    return {"graph": True, "runs": ran is not None and not error, "removed": removed, "error": error or problem}


def row(network: Network, patterns: int, with_onnx: bool, known: dict[str, Any] | None) -> dict[str, Any]:
    """Args: known: Torch-Pruning's side, if it was measured."""
    x = network.inputs(1, 0)
    found: dict[str, Any] = {"name": network.name, "kind": network.kind, "parameters": parameters(network.module)}
    started = time.perf_counter()
    graph, error = attempt(lambda: trace(network.module, x))
    found |= {"seconds": time.perf_counter() - started, "error": error}
    if graph is not None:
        groups: Counter[str] = Counter()
        for members in graph.ties:
            if members[0].hidden:
                groups[members[0].what] += members[0].count
        groups["dimensions"] = sum(members[0].count for members in graph.dimensions)
        found |= {"layers": len(graph.layers), "share": share(graph, network.module), "groups": dict(groups)}
        found["whole_heads"] = dict(Counter(layer.rigid for layer in graph.hidden if layer.rigid).most_common(4))
        found["whole"] = dict(Counter(graph.whole.values()).most_common(4))
        cuts, error = attempt(lambda: [cut(graph, network, seed) for seed in range(patterns)])
        found["cut_error"] = error
        if cuts:
            found["difference"] = max(one["difference"] for one in cuts)
            found["dtype"] = cuts[0]["dtype"]
            found["counted"] = all(one["counted"] for one in cuts)
            found["removed"] = sum(one["removed"] for one in cuts) / len(cuts)
            small = cuts[0]["module"].float()
            found["pt2"], found["pt2_error"] = attempt(lambda: pt2(small, x))
            if with_onnx:
                found["onnx"], found["onnx_error"] = attempt(lambda: onnx(small, x))
    stacked, error = attempt(lambda: steps(network))
    found |= {"step": stacked or "in turn", "step_error": error}
    found["theirs"] = known or theirs(network)
    return found


def reached(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that `REQUIRED` is about, and those beside them."""
    mine = [r for r in rows if not r["error"] and not r.get("cut_error", "?")]
    pruned = [r for r in rows if r["theirs"]["runs"] and r["theirs"]["removed"] > 0]
    good = [r for r in mine if r["difference"] <= EXACT[r["dtype"]]]
    also = [r for r in pruned if r in good and r["removed"] > 0]
    removed = sum(r["theirs"]["removed"] for r in also)
    return {
        "networks": len(rows),
        "errors": len(rows) - len(mine),
        "exact": len(good) / max(1, len(mine)),
        "counted": sum(r["counted"] for r in mine) / max(1, len(mine)),
        "run_after_a_cut_by_half": sum(r in good and r["removed"] > 0 for r in rows),
        "run_after_torch_prunings": len(pruned),
        "of_those_that_torch_pruning_prunes": len(also) / max(1, len(pruned)),
        "share_of_torch_prunings": sum(r["removed"] for r in also) / max(1e-9, removed),
        "mean_share_of_weights": sum(r["share"] for r in mine) / max(1, len(mine)),
        "stacked": sum(r["step"] == "stacked" for r in rows) / len(rows),
        "pt2": sum(bool(r.get("pt2")) for r in rows) / len(rows),
        "most_seconds": max(r["seconds"] for r in rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--onnx", action="store_true", help="export to ONNX too, some ten seconds each")
    parser.add_argument("--kinds", nargs="+", default=["zoo", "images", "text"])
    parser.add_argument("--only", nargs="+", default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, left, code = [], {}, code_hash()
    known, side = earlier(arguments.json) if arguments.json else {}, their_hash()
    for index, (name, make) in enumerate(networks().items()):
        if (arguments.only and name not in arguments.only) or (arguments.quick and index % 12):
            continue
        before = known.get(name, {})
        if before.get("code") == code:
            rows.append(before)
            continue
        network, error = attempt(make)
        if network is not None and network.kind not in arguments.kinds:
            continue
        if network is None:
            left[name] = error
            continue
        pruned = before["theirs"] if before.get("their_code") == side and not timed_out(before) else None
        found = row(network, 2 if arguments.quick else 5, arguments.onnx, pruned)
        rows.append(found | {"name": name, "code": code, "their_code": side})
        print(json.dumps(rows[-1]) if arguments.only else summary(rows[-1]), flush=True)
        write(arguments.json, rows, left, known)
    write(arguments.json, rows, left, known if arguments.only or arguments.quick else {})
    print(json.dumps({"reached": reached(rows), "required": REQUIRED, "not_built": len(left)}, indent=2))


def write(file: Path | None, rows: list[dict[str, Any]], left: dict[str, str], known: dict[str, Any]) -> None:
    """Args: known: what earlier runs have measured, kept for networks whose turn is yet to come."""
    if file is not None:
        done = {found["name"] for found in rows}
        later = [found for name, found in known.items() if name not in done]
        result = {"machine": machine(), "reached": reached(rows), "required": REQUIRED, "not_built": left}
        file.write_text(json.dumps(result | {"measured": rows + later}, indent=1) + "\n")


def code_hash() -> str:
    """Of all that decides what is measured."""
    root = Path(__file__).parents[1]
    files = [file for room in ("groups", "compaction", "models") for file in (root / "trainables" / room).rglob("*.py")]
    files += [Path(__file__), Path(__file__).with_name("architectures.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()[:12]


def their_hash() -> str:
    """Of all that decides what Torch-Pruning does."""
    networks = Path(__file__).with_name("architectures.py").read_bytes()
    versions = [version(name) for name in ("torch", "torch-pruning", "transformers")]
    side = inspect.getsource(theirs)
    return hashlib.sha256(b"".join([networks, side.encode(), *map(str.encode, versions)])).hexdigest()[:12]


def timed_out(row: dict[str, Any]) -> bool:
    """Whether a quieter machine might have got further with Torch-Pruning."""
    return str(row["theirs"]["error"]).startswith("TimeoutError")


def earlier(file: Path) -> dict[str, Any]:
    """The networks that runs before have measured, by name."""
    rows = json.loads(file.read_text())["measured"] if file.exists() else []
    return {row["name"]: row for row in rows}


def summary(r: dict[str, Any]) -> str:
    other = r["theirs"]
    return (
        f"{r['name']:24} {r['seconds']:5.1f} s  share {r.get('share', 0):.2f}  removed {r.get('removed', 0):.2f}  "
        f"difference {r.get('difference', float('nan')):.0e}  counted {r.get('counted')}  {r['step']:8} "
        f"pt2 {bool(r.get('pt2'))}  theirs: graph {other['graph']} runs {other['runs']} removed {other['removed']:.2f} "
        f" {r['error'] or r.get('cut_error', '')}"
    )


if __name__ == "__main__":
    main()
