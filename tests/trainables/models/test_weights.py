"""Weights that trials start from: files of all kinds, other prefixes, another number of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from trainables import models
from trainables.errors import StudyError
from trainables.models import fit_weights, read_weights
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Trial

DIGITS = {"name": "digits", "limit": 120}
MLP: dict[str, Any] = {"name": "mlp", "widths": [6, 5]}


def network(outputs: int = 10, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return models.build("mlp", (64,), outputs, widths=[6, 5])


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_files_of_all_kinds(tmp_path: Path) -> None:
    state = network().state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt")
    torch.save({"epoch": 3, "model": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "c.pth")
    (tmp_path / "whole").mkdir()
    save_file(state, tmp_path / "whole" / "model.safetensors")
    parts = tmp_path / "parts"
    parts.mkdir()
    names = list(state)
    for i, own in enumerate((names[:2], names[2:])):
        save_file({name: state[name] for name in own}, parts / f"{i}.safetensors")
    index = {"weight_map": {name: f"{int(name not in names[:2])}.safetensors" for name in names}}
    (parts / "model.safetensors.index.json").write_text(json.dumps(index))
    for place in ("a.safetensors", "b.pt", "c.pth", "whole", "parts"):
        found = fit_weights(network(seed=1), str(tmp_path / place), ())
        assert same(found.tensors, state), place
        assert (found.new, found.unused) == ((), 0)


@pytest.mark.parametrize("written", ["{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "../elsewhere.bin"}}'])
def test_an_index_that_is_none_is_one_line(written: str, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "elsewhere.bin")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "pytorch_model.bin.index.json").write_text(written)
    with pytest.raises(StudyError, match=r"index\.json to name files beside it"):
        fit_weights(network(), str(tmp_path / "parts"), ())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no"),
        (lambda path: path.write_bytes(b"no"), "to hold tensors, but"),
        (lambda path: torch.save({"a": 3}, path), "but it holds none"),
        (lambda path: torch.save(network(), path), "save network.state_dict()"),
        (lambda path: torch.save({"x": torch.zeros(1)}, path), "to have hidden1.weight .*its names begin with x"),
        (
            lambda path: torch.save(network().state_dict() | {"hidden1.weight": torch.zeros(2)}, path),
            r"got \(2,\)",
        ),
        (lambda path: path.mkdir(), "expected model.safetensors or pytorch_model.bin"),
    ],
)
def test_what_is_no_such_file_is_one_line(make: Any, message: str, tmp_path: Path) -> None:
    make(path := tmp_path / "weights.pt")
    output = [name for name in network().state_dict() if name.startswith("output.")]
    with pytest.raises(ValueError, match=message):
        fit_weights(network(), str(path), output)


def test_another_number_of_classes_gets_a_new_output_layer(tmp_path: Path) -> None:
    torch.save(network(7).state_dict(), tmp_path / "seven.pt")
    found = fit_weights(fresh := network(seed=1), str(tmp_path / "seven.pt"), output := names_of_output())
    assert set(found.new) == set(output)
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    found.put(fresh)
    after = fresh.state_dict()
    assert all(torch.equal(after[n], before[n]) == (n in output) for n in after if not n.endswith("bias"))


def names_of_output() -> list[str]:
    return [name for layer in problem(DIGITS, MLP, 0).graph.layers if layer.output for name in layer.rows]


def start(**options: Any) -> Problem:
    return problem(DIGITS, MLP | options, 0)


def test_all_trials_start_from_them_and_frozen_layers_stay(tmp_path: Path) -> None:
    file = tmp_path / "seven.pt"
    torch.save(state := network(7, seed=3).state_dict(), file)
    where = start(weights=str(file), freeze=["hidden1.*"])
    one, other = where.module(1), where.module(2)
    output = names_of_output()
    assert all(torch.equal(t, state[n]) for n, t in one.state_dict().items() if n not in output)
    assert not torch.equal(one.get_parameter(output[0]), other.get_parameter(output[0]))
    first = where.graph.layers[0]
    assert {n for n, p in one.named_parameters() if not p.requires_grad} == {first.weight, first.bias}
    assert first.fixed == "frozen" and where.graph.layers[1].hidden
    trials = tuple(Trial(f"t{i}", i, 0, {"lambda": 0.1, "lr": 0.01}) for i in range(2))
    model = MLP | {"weights": str(file), "freeze": ["hidden1.*"]}
    pack = Pack(Job("group_lasso", DIGITS, model, Recipe(epochs=2, polish=1), trials, vectorize="on"))
    pack.train_epoch()
    assert pack.stack is not None
    for lane in range(2):
        assert torch.equal(pack.stack.params[first.weight][lane], state[first.weight])
        assert not torch.equal(pack.stack.params["hidden2.weight"][lane], state["hidden2.weight"])
    pack.train_epoch()
    assert [row["status"] for row in pack.trial_rows()] == ["COMPLETE"] * 2


def test_patterns_that_fit_nothing_are_mistakes() -> None:
    with pytest.raises(ValueError, match="freeze of the model: expected one of"):
        start(freeze=["layer0.*"])


def test_a_base_model_of_another_library_starts_a_classifier(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2, num_labels=3, pad_token_id=0
    )
    config._attn_implementation = "eager"
    base = transformers.GPT2Model(config).eval()
    torch.save(base.state_dict(), tmp_path / "base.bin")
    network = models.Plain(transformers.GPT2ForSequenceClassification(config)).eval()
    fit_weights(network, str(tmp_path / "base.bin"), ["network.score.weight"]).put(network)
    x = torch.randint(1, 20, (2, 5))
    hidden = base(x).last_hidden_state
    score = network.get_parameter("network.score.weight")
    assert torch.allclose(network(x), hidden[:, -1] @ score.T, atol=1e-5)
    assert len(read_weights(str(tmp_path / "base.bin"))) == len(base.state_dict())
