"""Steps of training as a CUDA graph: recorded once, replayed for whole batches. A replay is one launch, and a step
without it is hundreds.

A replay computes on the tensors that it was recorded with, and numbers that Python held then stay what they were. So a
step is recorded on tensors of its own that each batch is copied into; what a method reads of the clock decides how long
the recording holds; and before it is used it has to come to what the same step comes to without it. Where anything of
this fails steps are taken one by one, as on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainables.methods import Clock
from trainables.training.batches import Batch

Step = Callable[[Batch, Clock, Tensor | None], Tensor]
"""A batch, the clock, learning rates (P,) of the method's own tensors -> (P,) losses. All else changes in its place."""

Recorder = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function without arguments: what does again what it did, and the tensor that it then has its result in."""

LEAST_STEPS = 8
"""Of an epoch that is worth recording: the first step is taken as it is, and recording one takes about as long."""

_RELATIVE, _ABSOLUTE = 1e-4, 1e-6
"""Between a step and its replay: the same kernels, of which some of cuDNN's add up in no fixed order."""


@dataclass(frozen=True)
class WatchedClock(Clock):
    """A clock that notes what Python reads of it; the learning rates are a tensor, whose numbers may change."""

    read: set[str] = field(default_factory=set)

    def __getattribute__(self, name: str) -> Any:
        if name in ("epoch", "step", "factor", "val_loss"):
            object.__getattribute__(self, "read").add(name)
        return object.__getattribute__(self, name)


class Replayed:
    """Takes the steps of an epoch after its first one: `begin`, then one call for each.

    Args:
        step: takes one.
        places: what it changes, by name.
        record: `cuda_graph`, but in tests that have no GPU.
    """

    def __init__(self, step: Step, places: Callable[[], Mapping[str, Tensor]], record: Recorder | None = None) -> None:
        self._step, self._places, self._record = step, places, record or cuda_graph
        self.refused = ""
        """Why steps are not replayed, once that is known."""
        self.replays = 0
        """Steps that were."""
        self._trusted = False
        self._lr: Tensor | None = None
        self._extra: Tensor | None = None
        self._forget()

    def _forget(self) -> None:
        self._replay: Callable[[], None] | None = None
        self._batch: Batch | None = None
        self._loss: Tensor | None = None
        self._read: set[str] = set()

    def begin(self, clock: Clock, extra: Callable[[Clock], Tensor] | None) -> None:
        """An epoch.

        Args:
            clock: at its beginning.
            extra: learning rates of the method's own tensors, where it has some.
        """
        self._clock = WatchedClock(clock.epoch, clock.step, clock.lr, clock.factor)
        rates = extra(self._clock) if extra is not None else None
        if "step" in self._clock.read:
            self.refused = "rates of the method's own depend on the step"
        self._lr, self._extra = _into(self._lr, clock.lr), _into(self._extra, rates)
        if self._read & {"epoch", "factor"}:
            self._forget()

    def __call__(self, batch: Batch, clock: Clock) -> Tensor:
        """The losses (P,), to be used up before the next step."""
        assert self._lr is not None, "no epoch has begun"
        clock = Clock(clock.epoch, clock.step, self._lr, clock.factor)
        if self.refused or (self._batch is not None and not self._batch.fits(batch)):
            return self._step(batch, clock, self._extra)
        if self._batch is None and (tried := self._try(batch, clock)) is not None:
            return tried
        assert self._replay is not None and self._batch is not None and self._loss is not None
        self._batch.fill(batch)
        self._replay()
        self.replays += 1
        return self._loss

    def eagerly(self, batch: Batch, clock: Clock) -> Tensor:
        """A step that is not replayed; the first one of an epoch, before which optimisers have not seen its rates."""
        assert self._lr is not None, "no epoch has begun"
        return self._step(batch, Clock(clock.epoch, clock.step, self._lr, clock.factor), self._extra)

    def _try(self, batch: Batch, clock: Clock) -> Tensor | None:
        """Records the step; the first time the step is also taken without the recording, and its losses are given."""
        assert self._lr is not None
        watched = WatchedClock(clock.epoch, clock.step, self._lr, clock.factor)
        own, before = batch.copy(), dict(self._places())
        try:
            self._replay, self._loss = self._record(lambda: self._step(own, watched, self._extra))
        except Exception as error:  # whatever a method, a network or the driver cannot do while it is recorded
            self.refused = f"it cannot be recorded: {(str(error).splitlines() or [type(error).__name__])[0]}"
            self._forget()
            return self._step(batch, clock, self._extra)
        self._batch, self._read = own, watched.read
        after = self._places()
        if "step" in self._read:
            self.refused = "it depends on the number of the step"
        elif before.keys() != after.keys() or any(after[name] is not before[name] for name in before):
            self.refused = "it puts new tensors in the place of old ones"
        if not self.refused and self._trusted:
            return None
        losses = self._step(batch, clock, self._extra) if self.refused else self._compared(batch, clock)
        self._trusted = not self.refused
        if self.refused:
            self._forget()
        return losses

    def _compared(self, batch: Batch, clock: Clock) -> Tensor:
        """Takes the step twice from the same place, the second time without the recording, which is the one to stay."""
        assert self._replay is not None and self._loss is not None
        places = self._places()
        begun = {name: tensor.clone() for name, tensor in places.items()}
        self._replay()
        replayed = {name: tensor.clone() for name, tensor in places.items()} | {"the losses": self._loss.clone()}
        for name, tensor in begun.items():
            places[name].copy_(tensor)
        losses = self._step(batch, clock, self._extra)
        for name, tensor in {**places, "the losses": losses}.items():
            if not _alike(tensor, replayed[name]):
                self.refused = f"{name} came out otherwise"
        return losses


def cuda_graph(run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Records what ``run`` launches; nothing is computed yet."""
    torch.cuda.synchronize()
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch does not type it
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        graph.capture_begin()
        try:
            result = run()
        finally:
            graph.capture_end()
    torch.cuda.current_stream().wait_stream(stream)
    return graph.replay, result


def _alike(one: Tensor, other: Tensor) -> bool:
    if not one.is_floating_point():
        return torch.equal(one, other)
    return torch.allclose(one, other, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True)


def _into(place: Tensor | None, values: Tensor | None) -> Tensor | None:
    """``values``, where a recording reads them."""
    if place is None or values is None:
        return None if values is None else values.clone()
    return place.copy_(values)
