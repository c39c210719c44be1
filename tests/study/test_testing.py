"""The contract check: every declared method passes it, and what breaks a promise is a sentence."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import torch

from study.testing import check_method
from trainables.declarations import Declaration, Knob, declarations
from trainables.errors import StudyError
from trainables.methods import Clock, Knobs, Method, Params, State

WEAK = Declaration("weak", "Shrinks all weights", knobs=(Knob("rate", 0.0, "how much"),), examples=({"rate": 0.5},) * 2)


pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("method", declarations())
def test_the_methods_of_the_package_keep_their_promises(method: str) -> None:
    check_method(method)


class Shrinks(Method):
    """A sixth method, all there is to it."""

    declaration = WEAK

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        for layer in self.layers:
            params[layer.weight].mul_((1 - clock.lr * knobs["rate"]).reshape(-1, 1, 1))


class Mixes(Shrinks):
    """Takes the mean over the lanes."""

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        for layer in self.layers:
            params[layer.weight].sub_(0.01 * params[layer.weight].nan_to_num().mean(0))


class Draws(Shrinks):
    """From the generator of the process."""

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        for layer in self.layers:
            params[layer.weight].add_(0.01 * torch.randn(()))


class Remembers(Shrinks):
    """On itself, where no checkpoint finds it."""

    steps = 0

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        self.steps += 1
        for layer in self.layers:
            params[layer.weight].mul_(1 - 0.01 / self.steps)


class Idles(Shrinks):
    """Does nothing."""

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        pass


class Explodes(Shrinks):
    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        params[self.layers[0].weight].fill_(torch.inf)


class NeverOff(Shrinks):
    declaration = Declaration(
        "never_off", "Shrinks even when off", knobs=WEAK.knobs, examples=WEAK.examples, off={"rate": 0.1}
    )


class OutOfBounds(Shrinks):
    declaration = Declaration(
        "out_of_bounds",
        "Its space is wider than its knob",
        knobs=WEAK.knobs,
        examples=WEAK.examples,
        space=lambda suggest: suggest.number("rate", -2, -1, why="wrong"),
    )


def test_a_sixth_method_is_its_class() -> None:
    check_method(Shrinks)


@pytest.mark.parametrize(
    "method, sentence",
    [
        (Mixes, r"weak: expected its example .* to give the same .* in any pack, but .* from that lane's entries"),
        (Draws, "weak: expected the same seeds to give the same .*, but a second run differs"),
        (Remembers, "weak: expected a trial that was stopped after epoch 1 to go on as if it had not been"),
        (Idles, "weak: expected its example {'rate': 0.5} to train other weights than dense training"),
        (Explodes, "weak: expected its example {'rate': 0.5} to train, but it failed: diverged"),
        (NeverOff, "never_off: expected {'rate': 0.1} to be dense training to the last bit"),
        (OutOfBounds, "out_of_bounds: expected every proposal of its search space to be valid, .* but got -1"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_promise_is_a_sentence(method: Any, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_method(method)


class Nameless(Method):
    """Without a declaration."""


class Taken(Method):
    declaration = Declaration("npn", "Has the name of another")


def test_what_is_no_method_is_an_error_of_the_users() -> None:
    for method, said in (
        (f"{__name__}:Nameless", "expected a method with a `declaration`"),
        (f"{__name__}:Taken", "a method 'npn' comes with the package"),
        (f"{__name__}:WEAK", "to be a class"),
        (f"{__name__}:Shrink", "did you mean 'Shrinks'"),
        ("grup_lasso", "did you mean 'group_lasso'"),
    ):
        with pytest.raises(StudyError, match=said):
            check_method(method)
    with pytest.raises(StudyError, match="expected lower-case letters, digits and underscores"):
        Declaration("../up", "A path")
