"""Whether torch.func can compute a network for several lanes at once: tried on two of them, in milliseconds.

Recurrent layers have no batching rule, and a forward pass that branches on a tensor's values has no single way for all
lanes. Such networks train one after the other, which gives each trial the same numbers.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from trainables.compaction import cost
from trainables.groups import everything
from trainables.methods import Params
from trainables.problem import Problem
from trainables.training.chain import Chain
from trainables.training.dropout import replace_dropout

SMALL_MACS = 500_000
"""Multiply-adds of one example below which convolutions train stacked on a CPU: there a trial's step costs 0.3 to 0.7
of what it costs alone (digits, 0.1 to 0.3 million), above it 0.8 (digits) to 1.25 (CIFAR-10)."""

_EXAMPLES = 2


def obstacle(problem: Problem) -> str | None:
    """Why the problem's networks cannot be stacked, in the words of torch; None where they can.

    The answer is a function of the network and the versions of torch: the same wherever and whenever it is asked.
    """
    modules = [problem.module(seed) for seed in (0, 1)]
    for module in modules:
        replace_dropout(module)
    dataset, skeleton = problem.dataset, modules[0]
    if Chain.of(skeleton, problem.graph.example[0].numel()) is not None:
        return None
    params, buffers = stack_module_state(modules)
    x, y = dataset.inputs(dataset.train.x[:_EXAMPLES]), dataset.targets(dataset.train.y[:_EXAMPLES])

    def loss(params: Params, buffers: Params) -> Tensor:
        output = functional_call(skeleton, (params, buffers), (x,)).flatten(1)
        return problem.task.loss(output, y)

    leaves = {name: tensor.detach().requires_grad_() for name, tensor in params.items()}
    losses = vmap(loss, randomness="error")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where torch computes lane by lane by itself, it says so
            skeleton.train()
            torch.autograd.grad(losses(leaves, buffers).sum(), list(leaves.values()), allow_unused=True)
            skeleton.eval()
            with torch.no_grad():
                losses(leaves, buffers)
    except Exception as error:  # a user's forward pass may do anything; alone it may run all the same
        return (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0]
    return None


def stacked(vectorize: str, device: torch.device, problem: Problem) -> bool:
    """Whether lanes train stacked. On a CPU convolutions gain from it only where the overhead of their calls is most
    of their time (benchmarks/step_speed.py). What torch cannot stack trains in turn.

    A rule instead of a measurement, which a worker could not make: the choice moves results within float tolerance,
    and all packs of a study have to come to the same one. A study measures before it starts.
    """
    if vectorize in ("on", "off"):
        return vectorize == "on"
    linear = all(layer.kind == "linear" for layer in problem.graph.layers)
    small = int(cost.count(problem.graph, everything(problem.graph))["macs"]) < SMALL_MACS
    return (device.type != "cpu" or linear or small) and obstacle(problem) is None
