"""The stacked training loop: P networks with a leading lane axis, stepped together by torch.func.

It knows the Method contract and no method by name. A lane's numbers do not depend on the lanes beside it: every draw is
a function of the lane's own seeds (`trainables.math.streams`), every tensor operation acts within a lane.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import stack_module_state

from trainables.compaction import cost
from trainables.declarations import settings_of_method
from trainables.groups import Alive, liveness
from trainables.math import gates
from trainables.methods import Clock, Knobs, Method, Params, Setting, method_class, stack_knobs, stack_lr
from trainables.problem import Problem
from trainables.recipe import Recipe
from trainables.training.batches import Batch
from trainables.training.chain import Chain
from trainables.training.channels_last import bears
from trainables.training.class_weights import training_loss
from trainables.training.distil import Teacher
from trainables.training.divergence import diverged
from trainables.training.dropout import refuse_own_noise, replace_dropout
from trainables.training.feed import Feed, batch_spans
from trainables.training.lanewise import Measure, over_lanes
from trainables.training.networks import Networks
from trainables.training.optim import LaneOptimizer, rate_factor
from trainables.training.pooling import relu_after_pooling
from trainables.training.replay import LEAST_STEPS, cuda_graph
from trainables.training.scoring import Scoring
from trainables.training.shrink import Reduction, worthwhile, zero_pattern
from trainables.training.steps import Steps
from trainables.training.trial import Leg, Trial

__all__ = ["UNPRUNED", "Leg", "Stack", "Trial"]

UNPRUNED = "unpruned_"
"""Begins the names of scores that a trial's network had before weights below a threshold, or units, were removed."""


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
        self._teacher = Teacher(problem, recipe.distil, device) if recipe.distil else None
        self._build_networks()
        self._bind_method(method_class(method))
        self.scoring = Scoring(problem, recipe, self.feed, len(trials), self._over_lanes)

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
        frozen = {n: params[n].clone() for n, p in skeleton.named_parameters() if not p.requires_grad}
        trained = {name: tensor for name, tensor in params.items() if name not in frozen}
        optimizer = LaneOptimizer(trained, **self.recipe.optimizer)
        self.whole = Networks(skeleton, chain, params, buffers, optimizer, frozen=frozen)
        x, _ = self.feed.batch("train", 0, 2)
        x = x if self.feed.shared else x[0]
        lane = {name: tensor[0].clone() for name, tensor in (params | buffers).items()}
        refuse_own_noise(self.problem.model, skeleton, lane, x)
        self._channels_last = len(modules) == 1 and bears(self.problem.graph, skeleton, lane, x)

    def _bind_method(self, method: type[Method]) -> None:
        examples = self.feed.examples("train")
        self.batches = batch_spans(examples, self.recipe.batch_size)
        epochs = self.recipe.epochs
        factor = partial(rate_factor, self.recipe.lr_schedule, epochs=epochs)
        setting = Setting(examples, len(self.batches), epochs - self.recipe.polish, epochs, factor, self.recipe.groups)
        method.declaration.refuse_groups(self.recipe.groups, self.problem.graph.kinds)
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
        self._begin_steps()
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
        self._begin_steps()

    def prepare(self, epoch: int) -> None:
        """Has the method at work if it is after so many epochs, for a state to be loaded. What it begins with is made
        of the networks at the end of the warm start, when the next epoch begins."""
        if self._awaited is not None and epoch > self.recipe.warm_start:
            self._begin_method()

    def _over_lanes(self, measure: Callable[[Tensor, Any], Any]) -> Measure:
        """``measure(output, target)`` of the networks of all lanes, given stacked parameters and buffers."""
        last = lambda: self._channels_last  # noqa: E731
        return over_lanes(measure, lambda: self.working, len(self.trials), self.feed.shared, last)

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
            self.whole.hold()
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
        order = self.feed.order(self.epoch, self.recipe.shuffle)
        total = torch.zeros(len(self.trials), device=self.device)
        working.skeleton.train()
        clock = Clock(self.epoch, self.step, lr, factor, self.val_loss)
        with torch.no_grad():
            self.method.start_epoch(working.params, self.state, self.knobs, clock)
        take = self.steps.epoch(clock)
        batches = self.feed.epoch(order, self.batches, self.step)
        for (start, end), (x, y) in zip(self.batches, batches, strict=True):
            clock = Clock(self.epoch, self.step, lr, factor)
            for name in self.step_counters:
                working.buffers[name].fill_(self.step)
            loss = take(Batch(x, y, self.method.noise(self.state, self.seeds, clock)), clock)
            with torch.no_grad():
                total += loss * (end - start)
            if self.step == 0:
                self.untrained_loss = loss
            self.step += 1
            yield
        return total / self.batches[-1][1]

    def _begin_steps(self) -> None:
        """Steps are other ones from here on. On a GPU they are replayed, unless epochs are too short for that."""
        learned = self._teacher if self.settled else None
        loss = training_loss(self.problem, self.recipe.class_weights, self.device)
        own = loss if learned is None else learned.loss(loss, self.problem)
        parts = (self.working, self.method, self.knobs, self.state, self.extra_optimizer)
        self.steps = Steps(*parts, own, self._over_lanes(own), self.feed.shared, learned)
        if self.device.type == "cuda" and len(self.batches) >= LEAST_STEPS:
            self.steps.replay(cuda_graph)

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
        self.whole.masks = zero_pattern(self.problem.graph, self.params)
        self._hand_over()

    def _hand_over(self) -> None:
        self.method = Method(self.problem.graph, self.method.setting)
        self.state, self.knobs, self.whole.frozen, self.extra_optimizer = {}, Knobs(), {}, None
        self.settled = True
        graph, options = self.problem.graph, self.recipe.optimizer
        kept = worthwhile(graph, self.whole.masks, self.shrink)
        self.reduction = None if kept is None else Reduction(graph, kept, self.whole, options)
        self._begin_steps()

    # -- measuring ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def scores(self, split: str, deployed: Params | None = None) -> dict[str, Tensor]:
        """Named scores (P,) of the deployed networks on "train", "validation" or "test".

        Args:
            deployed: other tensors than those that would be deployed at this moment.
        """
        working = self._evaluated()
        if deployed is None:
            deployed = self.method.deployed(working.params, self.state, self.knobs)
        return self.scoring.scores(split, deployed, working.buffers)

    @torch.no_grad()
    def answers(self, split: str) -> Tensor:
        """(P, N): whether the deployed networks answer each example of a split rightly, or their squared errors."""
        working = self._evaluated()
        deployed = self.method.deployed(working.params, self.state, self.knobs)
        return self.scoring.answers(split, deployed, working.buffers)

    def _evaluated(self) -> Networks:
        """Those in training, in evaluation mode."""
        self.working.skeleton.eval()
        return self.working

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
        assert self.untrained_loss is not None
        for lane, reason in diverged(entry, self.untrained_loss.tolist()).items():
            self.failures[lane] = self.failures[lane] or reason

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
        for name in _REACHED:
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


_REACHED = ("epoch", "step", "train_seconds", "untrained_loss", "val_loss")
_STATE = (*_REACHED, "history", "failures", "settled", "params", "buffers", "state")
