"""What every method promises, as a check that anyone can run on a method of their own.

    from study.testing import check_method

    def test_my_method() -> None:
        check_method("my_module:MyMethod")

It is to methods what scikit-learn's check_estimator is to estimators: the method trains its own examples on a small
network, in seconds, and each promise that it breaks is a sentence. The methods of the package pass the same check.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import optuna
import torch
from torch import Tensor

import search_spaces
from trainables.declarations import Declaration, Knob, Settings, declared
from trainables.errors import StudyError
from trainables.methods import Method, method_class
from trainables.own_code import names_in, trust
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial, outcomes

__all__ = ["check_method"]

_DATA: Mapping[str, Any] = {"name": "digits", "limit": 180}
_MODEL: Mapping[str, Any] = {"name": "mlp", "widths": [12, 8]}
_DIVERGING: Settings = {"lr": 1e9}


def check_method(
    method: str | type[Method], *, data: Mapping[str, Any] = _DATA, model: Mapping[str, Any] = _MODEL
) -> None:
    """Train the examples that a method declares, and check what all of study relies on.

    Args:
        method: a name, ``module:Class``, or the class itself.
        data, model: on what, as in a study; a sixth of digits and an mlp of two hidden layers unless told otherwise.

    Raises:
        AssertionError: what it breaks, a sentence each.
        StudyError: it is no method at all.
    """
    name = method if isinstance(method, str) else f"{method.__module__}:{method.__qualname__}"
    trust(*names_in(name))  # it is what the caller's own program says
    method_class(name)
    subject = _Subject(name, declared(name), problem(data, model, seed=0))
    broken = [sentence for promise in _PROMISES for sentence in promise(subject)]
    if broken:
        raise AssertionError("\n".join(f"{subject.declaration.name}: {sentence}" for sentence in broken))


@dataclass(frozen=True)
class _Subject:
    """A method under examination."""

    name: str
    declaration: Declaration
    where: Problem
    recipe: Recipe = field(
        default_factory=lambda: Recipe(epochs=4, polish=2, lr=0.05, optimizer={"name": "sgd", "momentum": 0.9})
    )

    @cached_property
    def layers(self) -> int:
        return len(self.stack([{}]).method.layers)

    @property
    def trials(self) -> list[Trial]:
        """The examples, each with a seed of its own, with two data seeds by turns."""
        return _trials(self.declaration.examples)

    def stack(self, settings: Sequence[Settings], method: str = "") -> Stack:
        return self.of(_trials(settings), method)

    def of(self, trials: Sequence[Trial], method: str = "") -> Stack:
        return Stack(self.where, method or self.name, self.recipe, trials, torch.device("cpu"))

    @cached_property
    def pack(self) -> Stack:
        """All examples, trained together."""
        return _trained(self.of(self.trials))

    @cached_property
    def settled(self) -> Stack:
        """All examples, at the end of the method's own epochs."""
        return _settled(self.of(self.trials))


Promise = Callable[[_Subject], Iterator[str]]


def _explains_itself(subject: _Subject) -> Iterator[str]:
    declaration = subject.declaration
    if not declaration.title:
        yield "expected a title that says in a line what it is"
    for knob in declaration.knobs:
        if not knob.doc:
            yield f"expected the knob {knob.name} to say in a line what it is"
    for parameter in search_spaces.every_parameter(subject.name, subject.layers):
        if not parameter.why:
            yield f"expected its search space to say why {parameter.name} is searched where it is"


def _refuses_what_it_does_not_know(subject: _Subject) -> Iterator[str]:
    wrong: list[Settings] = [{"no_such_knob": 1.0}]
    wrong += [{name: value} for knob in subject.declaration.every_knob for name, value in _out_of_bounds(knob)]
    for given in wrong:
        try:
            subject.stack([given])
        except StudyError:
            continue
        yield f"expected the parameters {dict(given)} to be refused with a StudyError, but they were taken"


def _out_of_bounds(knob: Knob) -> Iterator[tuple[str, float | str]]:
    name = knob.names(1)[0]
    if knob.choices:
        yield name, "no such choice"
    else:
        yield name, "no number"
        yield name, knob.bounds.low - 1
        yield name, knob.bounds.high + 1


def _takes_what_its_space_proposes(subject: _Subject) -> Iterator[str]:
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler, storage=optuna.storages.InMemoryStorage())
    for _ in range(10):
        given = search_spaces.suggest_parameters(study.ask(), subject.name, {}, subject.layers)
        try:
            subject.declaration.refuse_unknown(given, subject.layers)
            for name, value in given.items():
                subject.declaration.knob(name).check(name, value)
        except StudyError as refused:
            yield f"expected every proposal of its search space to be valid, but {given} is not: {refused}"
            return


def _is_finite(subject: _Subject) -> Iterator[str]:
    for trial, reason in zip(subject.trials, subject.pack.failures, strict=True):
        if reason:
            yield f"expected its example {trial.parameters} to train, but it failed: {reason}"
    for name, tensor in subject.pack.params.items():
        for lane, trial in enumerate(subject.trials):
            if not bool(tensor[lane].isfinite().all()):
                yield f"expected finite numbers, but {name} of its example {trial.parameters} has others"


def _does_something(subject: _Subject) -> Iterator[str]:
    if subject.declaration.kind == "control":
        return
    dense = _trained(subject.stack([{}] * len(subject.trials), "dense"))
    for lane, trial in enumerate(subject.trials):
        if all(torch.equal(subject.pack.params[name][lane], tensor[lane]) for name, tensor in dense.params.items()):
            yield f"expected its example {trial.parameters} to train other weights than dense training, but it does not"


def _is_dense_when_off(subject: _Subject) -> Iterator[str]:
    off = subject.declaration.off
    if off is None:
        return
    own, dense = (_trained(subject.stack([given] * 2, name)) for given, name in ((off, subject.name), ({}, "dense")))
    yield from (
        f"expected {dict(off)} to be dense training to the last bit, but {name} differs"
        for name, tensor in dense.params.items()
        if name not in own.params or not torch.equal(own.params[name], tensor)
    )


def _repeats_itself(subject: _Subject) -> Iterator[str]:
    again = _trained(subject.of(subject.trials))
    for name in _differing(subject.pack, again):
        yield (
            f"expected the same seeds to give the same {name}, but a second run differs: draw all random numbers with "
            "trainables.math.uniform, from the lanes' seeds and the step"
        )


def _keeps_lanes_apart(subject: _Subject) -> Iterator[str]:
    """Up to the order of sums: alone, and beside a trial that diverges."""
    trials = subject.trials
    crowd = _settled(subject.of([Trial("other", 7, 0, dict(_DIVERGING)), *reversed(trials)]))
    for lane, trial in enumerate(trials):
        for words, other, place in (
            ("trained alone", _settled(subject.of([trial])), 0),
            ("beside a trial that diverges", crowd, len(trials) - lane),
        ):
            for name, tensor in subject.settled.params.items():
                one, two = tensor[lane], other.params[name][place]
                if not torch.allclose(one, two, rtol=1e-4, atol=1e-5) or not torch.equal(one == 0, two == 0):
                    yield (
                        f"expected its example {trial.parameters} to give the same {name} in any pack, but {words} it "
                        "gives another: whatever a hook computes for a lane must come from that lane's entries"
                    )
                    break


def _goes_on_where_it_stopped(subject: _Subject) -> Iterator[str]:
    """Bit for bit, from every epoch, through a file of plain tensors and values."""
    whole = subject.of(subject.trials)
    states = []
    while not whole.done:
        states.append(_through_file(whole.state_dict()))
        whole.train_epoch()
    for epoch, state in enumerate(states):
        resumed = subject.of(subject.trials)
        resumed.load_state_dict(state)
        for name in _differing(whole, _trained(resumed)):
            yield (
                f"expected a trial that was stopped after epoch {epoch} to go on as if it had not been, but {name} "
                "differs: what a hook remembers belongs into the state that `init` returns"
            )
            return


def _keeps_its_pattern(subject: _Subject) -> Iterator[str]:
    for name, tensor in subject.settled.params.items():
        if name not in subject.pack.params or not torch.equal(tensor == 0, subject.pack.params[name] == 0):
            yield f"expected polishing to leave the zeros of {name} as they were when the method's epochs ended"


def _counts_what_is_there(subject: _Subject) -> Iterator[str]:
    for trial, outcome in zip(subject.trials, outcomes(subject.pack), strict=True):
        if outcome is not None and "status" in outcome.columns:
            yield f"expected the counts of its example {trial.parameters} to be true, but {outcome.columns['reason']}"


_PROMISES: tuple[Promise, ...] = (
    _explains_itself,
    _refuses_what_it_does_not_know,
    _takes_what_its_space_proposes,
    _is_finite,
    _does_something,
    _is_dense_when_off,
    _repeats_itself,
    _keeps_lanes_apart,
    _goes_on_where_it_stopped,
    _keeps_its_pattern,
    _counts_what_is_there,
)


def _trials(settings: Sequence[Settings]) -> list[Trial]:
    return [Trial(f"t{i}", 100 + i, i % 2, dict(given)) for i, given in enumerate(settings)]


def _trained(stack: Stack) -> Stack:
    while not stack.done:
        stack.train_epoch()
    return stack


def _settled(stack: Stack) -> Stack:
    """To the end of the method's own epochs, or as far as it got."""
    while not (stack.done or stack.settled):
        stack.train_epoch()
    return stack


def _differing(one: Stack, other: Stack) -> Iterator[str]:
    """What differs in any bit: parameters and buffers by name, the curves."""
    for kind in ("params", "buffers"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        yield from (name for name in mine if name not in theirs or not _equal(mine[name], theirs[name]))
    for entry, counterpart in zip(one.history, other.history, strict=False):
        if any(not _equal(value, counterpart[name]) for name, value in entry.items() if torch.is_tensor(value)):
            yield f"curve in epoch {entry['epoch']}"
            return


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _through_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
