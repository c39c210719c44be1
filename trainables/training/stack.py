"""The stacked training loop: P networks with a leading lane axis, stepped together by torch.func.

It knows the Method contract and no method by name. A lane's numbers do not depend on the lanes beside it: every draw is
a function of the lane's own seeds (`trainables.math.streams`), every tensor operation acts within a lane.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.utils._pytree import tree_map

from trainables.compaction import cost
from trainables.declarations import settings_of_method
from trainables.errors import StudyError
from trainables.groups import Alive, Graph, everything, liveness
from trainables.math import gates
from trainables.methods import (
    Clock,
    Knobs,
    Losses,
    Method,
    Params,
    Setting,
    gradients,
    method_class,
    stack_knobs,
    stack_lr,
)
from trainables.problem import Problem
from trainables.recipe import Recipe
from trainables.tasks import Loss
from trainables.training.chain import Chain
from trainables.training.channels_last import bears, channels_last
from trainables.training.class_weights import training_loss
from trainables.training.distil import Distilled, Targets, Teacher
from trainables.training.dropout import own_noise, replace_dropout
from trainables.training.feed import Feed
from trainables.training.networks import Networks
from trainables.training.optim import LaneOptimizer, rate_factor
from trainables.training.own_score import own_score
from trainables.training.pooling import relu_after_pooling
from trainables.training.shrink import Reduction, worthwhile

HELD = 2**27
"""Numbers that a layer's inputs and outputs may take while scores are computed, half a GiB of them."""

UNPRUNED = "unpruned_"
"""Begins the names of scores that a trial's network had before weights below a threshold, or units, were removed."""

DIVERGED = 1e6
"""A trial has failed once its loss is not finite, or so many times the untrained network's, or 1 if that is less."""


@dataclass(frozen=True)
class Trial:
    """One configuration with one seed. Trials with the same ``data_seed`` see the same batches in the same order."""

    trial: str
    seed: int
    data_seed: int
    parameters: dict[str, float | int | str | bool]
    path: tuple[float, ...] = ()
    """Of a point of a path: the strengths that it was trained with before its own."""


@dataclass(frozen=True)
class Leg:
    """Of a path: a stack trains to epoch ``until``, and its pattern settles at epoch ``settles``, if it does."""

    until: int
    settles: int | None = None


class Stack:
    """P trials in training. `train_epoch` until `done`; `state_dict` between epochs is the whole state.

    Parameters that do not require a gradient stay as they are.

    Args:
        shrink: whether polishing goes on without the units that are dead in all lanes: "on", "off", or "auto", where
            it pays. ``params``, ``buffers`` and `state_dict` are of the whole networks between epochs all the same;
            of the numbers that no output depends on they hold what those were when polishing began.
        leg: where the trials go another way than to the recipe's last epoch, polished by its last ones.

    Raises:
        ValueError: an unknown method or parameter, a value out of bounds, a network that draws random numbers itself.
    """

    def __init__(
        self,
        problem: Problem,
        method: str,
        recipe: Recipe,
        trials: Sequence[Trial],
        device: torch.device,
        shrink: str = "off",
        leg: Leg | None = None,
    ) -> None:
        self.problem, self.recipe, self.trials, self.device = problem, recipe, tuple(trials), device
        self.shrink, self.reduction = shrink, None
        self.leg = leg or Leg(recipe.epochs, recipe.epochs - recipe.polish)
        self.epoch = self.step = 0
        self.train_seconds = 0.0
        self.untrained_loss = self.val_loss = None
        self.history: list[dict[str, Any]] = []
        self.failures: list[str | None] = [None] * len(trials)
        data_seeds = [t.data_seed for t in trials]
        self.feed = Feed(problem.drawn(data_seeds), data_seeds, device)
        self._build_networks()
        self._bind_method(method_class(method))
        self._loss: Loss | Distilled = training_loss(problem, recipe.class_weights, device)
        self._losses = self._over_lanes(self._loss)
        self._teacher = Teacher(problem, recipe.distil, device) if recipe.distil else None
        self._sums = self._over_lanes(problem.task.sums)
        self._answers = self._over_lanes(problem.task.answers)
        self._outputs = self._over_lanes(lambda output, target: output)
        self._activations = int(cost.footprint(problem.graph, everything(problem.graph))["activations"])
        self._own_score = own_score(recipe.score) if recipe.score else None

    untrained_loss: Tensor | None
    """(P,) on the first batch."""
    val_loss: Tensor | None
    """(P,) after the newest epoch, where it was measured."""
    reduction: Reduction | None
    """What trains in the place of the whole networks, once units are gone for good."""

    @property
    def working(self) -> Networks:
        """The networks in training: the whole ones, or what is left of them."""
        return self.reduction.small if self.reduction else self.whole

    @property
    def params(self) -> Params:
        """Of the whole networks, (P, *shape)."""
        return self.whole.params

    @property
    def buffers(self) -> Params:
        """Of the whole networks, (P, *shape)."""
        return self.whole.buffers

    @property
    def done(self) -> bool:
        return self.epoch >= self.leg.until or all(self.failures)

    @property
    def part(self) -> float:
        """Of the epoch under way that is done, in [0, 1)."""
        return max(0.0, self.step / len(self.batches) - self.epoch)

    # -- set-up ------------------------------------------------------------------------------------------------

    def _build_networks(self) -> None:
        modules = [self.problem.module(trial.seed) for trial in self.trials]
        dropouts, *_ = [replace_dropout(module) for module in modules]
        params, buffers = (
            {name: tensor.detach().to(self.device) for name, tensor in stacked.items()}
            for stacked in stack_module_state(modules)
        )
        self.seeds = torch.tensor([t.seed for t in self.trials], device=self.device)
        self.step_counters = [f"{name}.step" for name in dropouts]
        for name in dropouts:
            buffers[f"{name}.seed"] = self.seeds.clone()
        skeleton = modules[0].to(self.device)
        if len(modules) == 1:  # stacked, other layouts in memory would make sums in another order
            relu_after_pooling(skeleton)
        chain = Chain.of(skeleton, self.problem.graph.example[0].numel())
        self.frozen = {n: params[n].clone() for n, p in skeleton.named_parameters() if not p.requires_grad}
        trained = {name: tensor for name, tensor in params.items() if name not in self.frozen}
        optimizer = LaneOptimizer(trained, **self.recipe.optimizer)
        self.whole = Networks(skeleton, chain, params, buffers, optimizer)
        self._refuse_own_randomness()

    def _refuse_own_randomness(self) -> None:
        """What a forward pass draws from the global generator would depend on who drew before."""
        before = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()
        x, _ = self.feed.batch("train", 0, 2)
        with torch.no_grad():
            tensors = {name: tensor[0].clone() for name, tensor in (self.params | self.buffers).items()}
            functional_call(self.whole.skeleton.train(), tensors, (x if self.feed.shared else x[0],))
        after = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()
        if not torch.equal(before, after):
            culprits = "; ".join(own_noise(self.whole.skeleton))
            raise StudyError(
                f"{self.problem.model} draws random numbers in its forward pass; expected dropout as nn.Dropout or "
                f"nn.Dropout1d to 3d modules, whose noise each trial has of its own{culprits and f'; {culprits}'}"
            )
        self._channels_last = len(self.trials) == 1 and bears(self.problem.graph, self.whole.skeleton, tensors, x)

    def _bind_method(self, method: type[Method]) -> None:
        examples = self.feed.examples("train")
        self.batches = _batch_spans(examples, self.recipe.batch_size)
        epochs = self.recipe.epochs
        factor = partial(rate_factor, self.recipe.lr_schedule, epochs=epochs)
        setting = Setting(examples, len(self.batches), epochs - self.recipe.polish, epochs, factor)
        bound = method(self.problem.graph, setting)
        parameters = [settings_of_method(t.parameters) for t in self.trials]
        knobs = stack_knobs(method.declaration, parameters, len(bound.layers), self.device)
        lr = stack_lr(parameters, self.recipe.lr, self.device)
        self._awaited: tuple[Method, Knobs, Tensor] | None = (bound, knobs, lr)
        self.method, self.knobs = Method(self.problem.graph, setting), Knobs()
        self.state: dict[str, Tensor] = {}
        self.lr = lr if self.recipe.warm_lr is None else torch.full_like(lr, self.recipe.warm_lr)
        self.extra_optimizer: LaneOptimizer | None = None
        self.settled = False
        if not self.recipe.warm_start:
            self._begin_method()

    @torch.no_grad()
    def _begin_method(self) -> None:
        """From here on the method is at work, on the networks as they are now."""
        assert self._awaited is not None
        self.method, self.knobs, self.lr = self._awaited
        self._awaited = None
        extra = self.method.extra(self.params, self.knobs, self.seeds)
        self.state = self.method.init(self.params | extra, self.knobs, self.seeds)
        self.extra_optimizer = LaneOptimizer(extra, "adam") if extra else None
        self.params.update(extra)

    def prepare(self, epoch: int) -> None:
        """Has the method at work if it is after so many epochs, for a state to be loaded. What it begins with is made
        of the networks at the end of the warm start, when the next epoch begins."""
        if self._awaited is not None and epoch > self.recipe.warm_start:
            self._begin_method()

    def _over_lanes(self, measure: Callable[..., Any]) -> Callable[..., Any]:
        """``measure(output, target)`` of the networks of all lanes, given stacked parameters and buffers."""
        shared = self.feed.shared

        def network(params: Params, buffers: Params, x: Tensor, y: Tensor) -> Any:
            return measure(functional_call(self.working.skeleton, (params, buffers), (x,)).flatten(1), y)

        def alone(params: Params, buffers: Params, x: Tensor, y: Tensor) -> Any:
            x = channels_last(x) if self._channels_last else x
            return tree_map(lambda out: out.unsqueeze(0), network(_only(params), _only(buffers), x, y))

        data = None if shared else 0
        mapped = alone if len(self.trials) == 1 else vmap(network, in_dims=(0, 0, data, data), randomness="error")

        def measured(params: Params, buffers: Params, x: Tensor, y: Tensor) -> Any:
            chain = self.working.chain
            return mapped(params, buffers, x, y) if chain is None else measure(chain(params, x, shared), y)

        return measured

    # -- training ----------------------------------------------------------------------------------------------

    def train_epoch(self) -> None:
        """One epoch of all lanes, then the scores and counts of the networks as they would be deployed."""
        for _ in self.steps_of_epoch():
            pass

    def steps_of_epoch(self) -> Iterator[None]:
        """As `train_epoch`, with a pause after each step; the state is whole only at the end."""
        started = time.perf_counter()
        self.prepare(self.epoch + 1)
        factor = rate_factor(self.recipe.lr_schedule, self.epoch, self.recipe.epochs)
        lr = self.lr * factor
        steps = self._train_steps(self.working, lr, factor)
        while True:
            try:
                next(steps)
            except StopIteration as last:
                train_loss = last.value
                break
            paused = time.perf_counter()
            yield
            started += time.perf_counter() - paused
        with torch.no_grad():
            if self.reduction is not None:
                self.reduction.write_back()
            clock = Clock(self.epoch, self.step, lr, factor)
            self.method.after_epoch(self.params, self.state, self.knobs, clock)
            self._hold(self.whole)
            self.epoch += 1
            open_gates = self.method.gates(self.params, self.state, self.knobs)
            numbers = {f"state_{name}": self.state[name].clone() for name in self.method.recorded}
            if self.epoch == self.leg.settles:
                measuring = time.perf_counter()
                numbers |= self._unpruned()
                started += time.perf_counter() - measuring
                self._settle()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        self.train_seconds += time.perf_counter() - started
        self._record(lr, train_loss, numbers, open_gates)

    def _train_steps(self, working: Networks, lr: Tensor, factor: float) -> Generator[None, None, Tensor]:
        method, params, state, knobs = self.method, working.params, self.state, self.knobs
        order = self.feed.order(self.epoch, self.recipe.shuffle)
        total = torch.zeros(len(self.trials), device=self.device)
        working.skeleton.train()
        with torch.no_grad():
            clock = Clock(self.epoch, self.step, lr, factor, self.val_loss)
            method.start_epoch(params, state, knobs, clock)
        batches = self.feed.epoch(order, self.batches, self.step)
        for (start, end), (x, y) in zip(self.batches, batches, strict=True):
            clock = Clock(self.epoch, self.step, lr, factor)
            for name in self.step_counters:
                working.buffers[name] = torch.full_like(self.seeds, self.step)
            noise = method.noise(state, self.seeds, clock)
            gradients, loss = method.gradients(_BatchLosses(self, x, y), params, state, knobs, noise, clock)
            with torch.no_grad():
                working.optimizer.step(gradients, lr)
                if self.extra_optimizer is not None:
                    self.extra_optimizer.step(gradients, method.extra_lr(knobs, clock))
                method.after_step(params, state, knobs, clock)
                self._hold(working)
                total += loss * (end - start)
            if self.step == 0:
                self.untrained_loss = loss
            self.step += 1
            yield
        return total / self.batches[-1][1]

    def _hold(self, working: Networks) -> None:
        """Puts back what must not move: zeros of the frozen pattern, parameters without a gradient."""
        working.hold()
        for name, value in self.frozen.items():
            self.params[name].copy_(value)

    def _unpruned(self) -> dict[str, Tensor]:
        """Scores (P,) before the method takes weights away at its end, on either split; none of other methods."""
        if not self.method.prunes_at_end:
            return {}
        splits = {"val": "validation", "test": "test"}
        return {
            f"{UNPRUNED}{short}_{name}": value
            for short, split in splits.items()
            for name, value in self.scores(split).items()
        }

    def _settle(self) -> None:
        """The method has done its work: what it would deploy goes on as a dense network, its zeros held at zero."""
        self.method.finish(self.params, self.state, self.knobs)
        deployed = self.method.deployed(self.params, self.state, self.knobs)
        for name, tensor in deployed.items():
            self.params[name].copy_(tensor)
        for name in set(self.params) - set(deployed):
            del self.params[name]
        self.whole.masks = _zero_pattern(self.problem.graph, self.params)
        self._hand_over()

    def _hand_over(self) -> None:
        self.method = Method(self.problem.graph, self.method.setting)
        self.state, self.knobs, self.frozen, self.extra_optimizer = {}, Knobs(), {}, None
        self.settled = True
        if self._teacher is not None:
            data = training_loss(self.problem, self.recipe.class_weights, self.device)
            self._loss = self._teacher.loss(data, self.problem)
            self._losses = self._over_lanes(self._loss)
        graph, options = self.problem.graph, self.recipe.optimizer
        kept = worthwhile(graph, self.whole.masks, self.shrink)
        self.reduction = None if kept is None else Reduction(graph, kept, self.whole, options)

    # -- measuring ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def scores(self, split: str, deployed: Params | None = None) -> dict[str, Tensor]:
        """Named scores (P,) of the deployed networks on "train", "validation" or "test".

        Args:
            deployed: other tensors than those that would be deployed at this moment.
        """
        working = self.working
        working.skeleton.eval()
        if deployed is None:
            deployed = self.method.deployed(working.params, self.state, self.knobs)
        sums: dict[str, Tensor] = {}
        outputs, targets = list[Tensor](), list[Tensor]()
        for span in self._evaluation_spans(split):
            x, y = self.feed.batch(split, *span)
            part = self._sums(deployed, working.buffers, x, y)
            sums = {name: value + sums.get(name, 0) for name, value in part.items()}
            if self._own_score is not None:
                outputs.append(self._outputs(deployed, working.buffers, x, y))
                targets.append(y[None] if self.feed.shared else y)
        own = {"score": self._own_score(outputs, targets)} if self._own_score is not None else {}
        return self.problem.task.scores(sums, self.feed.examples(split)) | own

    @torch.no_grad()
    def answers(self, split: str) -> Tensor:
        """(P, N): whether the deployed networks answer each example of a split rightly, or their squared errors."""
        working = self.working
        working.skeleton.eval()
        deployed = self.method.deployed(working.params, self.state, self.knobs)
        spans = self._evaluation_spans(split)
        return torch.cat(
            [self._answers(deployed, working.buffers, *self.feed.batch(split, *span)) for span in spans], 1
        )

    def _evaluation_spans(self, split: str) -> list[tuple[int, int]]:
        examples = self.feed.examples(split)
        rows = max(64, min(8192, HELD // self._activations) // len(self.trials))
        return [(start, min(start + rows, examples)) for start in range(0, examples, rows)]

    @torch.no_grad()
    def standing(self) -> dict[str, Tensor]:
        """Validation scores and counts (P,) of the networks that the trials would end with if they ended now."""
        deployed = self.method.ended_now(self.params, self.state, self.knobs)
        of_working = deployed if self.reduction is None else None  # polishing has nothing left to finish
        scores = {f"val_{name}": value for name, value in self.scores("validation", of_working).items()}
        graph = self.problem.graph
        return scores | cost.count(graph, liveness(graph, deployed, self.buffers))

    @torch.no_grad()
    def alive(self) -> Alive:
        return self.method.alive(self.params, self.state, self.knobs, self.buffers)

    def _record(self, lr: Tensor, train_loss: Tensor, numbers: Params, open_gates: Tensor | None) -> None:
        """``numbers``: (P,) each, of the method's state in this epoch."""
        entry: dict[str, Any] = {"epoch": self.epoch, "seconds": self.train_seconds, "lr": lr}
        entry |= {"train_loss": train_loss, **numbers}
        milestones = (self.leg.settles, self.leg.until)
        if self.epoch in milestones or self.epoch % self.recipe.evaluate_every == 0:
            entry |= self._measured()
            if open_gates is not None:
                entry["gates"] = gates.histogram(open_gates)
        self.val_loss = entry.get("val_loss")
        self.history.append({k: v.cpu() if isinstance(v, Tensor) else v for k, v in entry.items()})
        self._mark_diverged(entry)

    def _measured(self) -> dict[str, Tensor]:
        """Validation scores and counts (P,) of the deployed networks."""
        scores = {f"val_{name}": value for name, value in self.scores("validation").items()}
        return scores | cost.count(self.problem.graph, self.alive())

    @torch.no_grad()
    def _settle_late(self) -> None:
        """What a lane does that another one's history brought to the epoch at which it settles."""
        numbers = self._unpruned()
        self._settle()
        entry = self.history[-1] | {name: value.cpu() for name, value in (numbers | self._measured()).items()}
        self.history[-1], self.val_loss = entry, entry["val_loss"].to(self.device)

    def _mark_diverged(self, entry: dict[str, Any]) -> None:
        assert self.untrained_loss is not None
        untrained_losses = self.untrained_loss.tolist()
        for name in ("train_loss", "val_loss"):
            for lane, value in enumerate(entry[name].tolist() if name in entry else ()):
                untrained = untrained_losses[lane]
                if self.failures[lane] is None and not value <= DIVERGED * max(untrained, 1.0):
                    self.failures[lane] = (
                        f"diverged: {name} became {value:.3g} in epoch {self.epoch}, and was {untrained:.3g} untrained"
                    )

    # -- checkpoints -------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values only, so that it can be read back with ``weights_only=True``.

        The tensors are those in training: save them before training goes on.
        """
        return {name: getattr(self, name) for name in _STATE} | {
            "masks": self.whole.masks,
            "optimizer": self.whole.optimizer.state_dict(),
            "extra_optimizer": self.extra_optimizer.state_dict() if self.extra_optimizer else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken. Tensors are copied into place: the optimisers hold references."""
        self.prepare(state["epoch"])
        for name in ("params", "buffers", "state"):
            current = getattr(self, name)
            for key in set(current) - set(state[name]):
                del current[key]
            for key, tensor in state[name].items():
                current[key].copy_(tensor)
        for name in ("epoch", "step", "train_seconds", "untrained_loss", "val_loss"):
            setattr(self, name, state[name])
        self.whole.masks = state["masks"]
        self.history, self.failures = list(state["history"]), list(state["failures"])
        self.whole.optimizer.load_state_dict(state["optimizer"])
        if state["settled"]:
            self._hand_over()
        elif self.extra_optimizer is not None:
            self.extra_optimizer.load_state_dict(state["extra_optimizer"])
        if self.epoch == self.leg.settles and not self.settled:
            self._settle_late()


class _BatchLosses(Losses):
    """Of the networks in training, for one batch."""

    def __init__(self, stack: Stack, x: Tensor, y: Tensor) -> None:
        self._stack, self._x = stack, x
        self._y: Tensor | Targets = y
        if stack.settled and stack._teacher is not None:
            self._y = y, stack._teacher.answers(x, stack.feed.shared)

    def __call__(self, params: Params) -> Tensor:
        """A pass without gradients leaves batch norms' statistics alone: it may be there for other lanes only."""
        buffers = self._stack.working.buffers
        if not torch.is_grad_enabled():
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        losses: Tensor = self._stack._losses(params, buffers, self._x, self._y)
        return losses

    def gradients(self, params: Params) -> tuple[Params, Tensor]:
        stack, working = self._stack, self._stack.working
        places = working.optimizer.gradients
        if working.chain is None:
            found, losses = gradients(lambda p: (self(p),) * 2, params)
            return {n: places[n].copy_(t) if n in places else t.clone() for n, t in found.items()}, losses
        loss: Any = stack._loss
        slope = partial(loss.gradient, target=self._y)
        found, losses = working.chain.gradients(params, self._x, stack.feed.shared, slope, places)
        return found | {name: torch.zeros_like(params[name]) for name in params.keys() - found.keys()}, losses


_STATE = (
    "epoch",
    "step",
    "train_seconds",
    "untrained_loss",
    "val_loss",
    "history",
    "failures",
    "settled",
    "params",
    "buffers",
    "state",
)


def _batch_spans(examples: int, batch_size: int) -> list[tuple[int, int]]:
    """Start and end of each batch; a last batch of one example is left out, since batch norm cannot use it."""
    spans = [(s, min(s + batch_size, examples)) for s in range(0, examples, batch_size)]
    return spans[:-1] if len(spans) > 1 and batch_size > 1 and spans[-1][1] - spans[-1][0] == 1 else spans


def _only(stacked: Params) -> Params:
    """The tensors of the only lane, as views: batch norm updates its buffers in place."""
    return {name: tensor.squeeze(0) for name, tensor in stacked.items()}


def _zero_pattern(graph: Graph, params: Params) -> Params:
    """Masks, 1 or 0, that hold at zero what is zero of units: weights, biases, scale and shift of their norms.

    A tensor without zeros has none.
    """
    names = [name for layer in graph.layers for name in layer.rows if name in params]
    names += [part.name for layer in graph.hidden for part in layer.besides]
    return {name: (params[name] != 0).to(params[name]) for name in names if not bool(params[name].all())}
