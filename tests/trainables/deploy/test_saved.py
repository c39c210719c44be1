"""A compact network survives being written and read, and being widened again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from trainables import own_code
from trainables.compaction import compact
from trainables.data import Dataset, Split
from trainables.deploy.align import aligned, widened
from trainables.deploy.saved import SCHEMA, Saved, card, dense, structure
from trainables.groups import everything, liveness, trace
from trainables.problem import Problem
from trainables.sealed import seal


@dataclass(frozen=True)
class Row:
    """A network by name, on inputs of a shape. ``data``: what a card needs to know of them."""

    name: str
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    label: str = ""

    def __repr__(self) -> str:
        return self.label or self.name.rpartition(":")[2]

    def problem(self) -> Problem:
        x = torch.zeros(4, *self.shape)
        split = Split(x, torch.zeros(4, dtype=torch.int64))
        classes = tuple(f"class {i}" for i in range(5))
        one = torch.ones(())
        dataset = Dataset("made up", "", "classification", split, split, split, classes, 0 * one, one)
        about = {"model": {"name": self.name, **self.options}, "input_shape": self.shape, "outputs": 5}
        return Problem((dataset,), (0,), self.name, self.options, trace(dense(about), x[:1]))


ROWS = [
    Row("mlp", (9,), {"widths": [21, 13]}),
    Row("mlp", (1, 3, 3), {"widths": [21, 13], "activation": "sigmoid", "bias": False}, "mlp-given-biases"),
    Row("mlp", (9,), {"widths": [21, 13], "batch_norm": True}, "mlp-batch-norm"),
    Row("convnet", (2, 8, 8), {"channels": [11, 12], "batch_norm": True}),
    Row("lenet5_caffe", (1, 16, 16), {"channels": [9, 11], "hidden": 13}),
    Row("resnet20", (2, 8, 8), {"widths": [9, 10, 12]}),
    Row("dec3", (2, 9, 9), {"widths": [9, 10], "kernels": [3, 3]}),
    Row("user_networks:Grouped", (2, 6, 6)),
    Row("user_networks:Attends", (3, 6)),
]

USER_NETWORKS = """
from torch import nn

class Grouped(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(2, 20, 3), nn.GroupNorm(10, 20), nn.ReLU(),
            nn.Conv2d(20, 12, 1), nn.ReLU(),
            nn.Conv2d(12, 12, 2, groups=12), nn.Sigmoid(),
            nn.Conv2d(12, 18, 2), nn.PReLU(18),
            nn.Conv2d(18, 10, 1, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(40, 5),
        )

class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 5)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x):
        x = self.first(x)
        return self.last(self.attention(x, x, x, need_weights=False)[0]).mean(1)
"""


@pytest.fixture(autouse=True)
def user_networks(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user_networks.py").write_text(USER_NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    own_code.trust("user_networks")
    monkeypatch.delitem(__import__("sys").modules, "user_networks", raising=False)


def sparse(problem: Problem, inputs_too: bool) -> tuple[nn.Module, Saved, Tensor]:
    """A network of which about half is zero, its compact one, and examples."""
    module, graph = problem.module(1).eval(), problem.graph
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for layer in graph.layers:
            weight = module.get_parameter(layer.weight)
            if layer.hidden:
                weight[torch.rand(layer.units, generator=generator) < 0.5] = 0
            if layer.name in graph.readers and inputs_too:
                weight[:, 0] = 0
        for child in module.modules():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                child.running_mean.normal_(generator=generator)
                child.bias.fill_(0.1)
    params = {name: p.detach().unsqueeze(0) for name, p in module.named_parameters()}
    alive = liveness(graph, params, {name: b.unsqueeze(0) for name, b in module.named_buffers()})
    small = compact.compact(module, graph, alive).module
    x = torch.randn(6, *problem.dataset.input_shape, generator=generator)
    return module, Saved(small, card(problem, problem.dataset, alive)), x


@pytest.mark.parametrize("inputs_too", [False, True], ids=["all-inputs", "fewer-inputs"])
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_a_network_is_read_as_it_was_written(row: Row, inputs_too: bool) -> None:
    module, saved, x = sparse(row.problem(), inputs_too)
    data = saved.to_bytes()
    back = Saved.from_bytes(data)
    assert back.card == saved.card == json.loads(json.dumps(saved.card))
    assert sum(p.numel() for p in back.module.parameters()) < sum(p.numel() for p in module.parameters())
    with torch.no_grad():
        assert torch.equal(back.module(x), saved.module(x))
        torch.testing.assert_close(back.module(x), module(x), atol=1e-5, rtol=1e-5)
    assert back.to_bytes() == data


@pytest.mark.parametrize("multiple", [1, 4, 8])
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_an_aligned_network_is_wider_and_the_same(row: Row, multiple: int) -> None:
    _, saved, x = sparse(row.problem(), inputs_too=True)
    wide = aligned(saved, multiple)
    with torch.no_grad():
        torch.testing.assert_close(wide(x), saved.module(x), atol=1e-5, rtol=1e-5)
    graph, alive = structure(saved.card)
    widths = widened(graph, alive, multiple)
    for layer in graph.hidden:
        before, after = alive.units[layer.name][0], widths.units[layer.name][0]
        built = wide.get_submodule(layer.name).get_parameter("weight").shape[0]
        assert built == int(after.sum())
        assert built % multiple == 0 or built == layer.units
        assert built < before.sum() + multiple * layer.parts * layer.units // layer.count
        assert not bool((before & ~after).any())


def test_whole_networks_have_short_cards() -> None:
    problem = ROWS[0].problem()
    kept = card(problem, problem.dataset, everything(problem.graph))["alive"]
    assert kept == {"inputs": None, "units": {}}


def test_what_is_no_network_is_said() -> None:
    with pytest.raises(ValueError, match=r"expected a\.safetensors to be safetensors"):
        Saved.from_bytes(b"not a network", "a.safetensors")
    with pytest.raises(ValueError, match="was not written by a study: it has no checksum"):
        Saved.from_bytes(save({"x": torch.zeros(1)}))
    with pytest.raises(ValueError, match="to have a card in its header"):
        Saved.from_bytes(seal(save({"x": torch.zeros(1)}), {}))
    _, saved, _ = sparse(ROWS[0].problem(), inputs_too=False)
    newer = Saved(saved.module, saved.card | {"schema": SCHEMA + 1})
    with pytest.raises(ValueError, match=f"schema {SCHEMA + 1}, but"):
        Saved.from_bytes(newer.to_bytes())


def test_tensors_of_another_network_are_refused() -> None:
    _, saved, _ = sparse(ROWS[0].problem(), inputs_too=False)
    changed = Saved(saved.module, saved.card | {"model": {"name": "mlp", "widths": [21, 13, 3]}})
    with pytest.raises(ValueError, match="do not fit the model"):
        Saved.from_bytes(changed.to_bytes())
