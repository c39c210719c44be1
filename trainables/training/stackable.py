"""Whether torch.func can compute a network for several lanes at once: tried on two of them, in milliseconds.

Recurrent layers have no batching rule, and a forward pass that branches on a tensor's values has no single way for all
lanes. Such networks train one after the other, which gives each trial the same numbers.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from trainables.methods import Params
from trainables.problem import Problem
from trainables.training.chain import Chain
from trainables.training.dropout import replace_dropout

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
