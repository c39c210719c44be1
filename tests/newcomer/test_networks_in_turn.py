"""Networks that torch cannot stack train one after the other; what draws noise of its own is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.errors import StudyError
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Stack, Trial, obstacle

RECIPE = Recipe(epochs=2, polish=1, batch_size=64)


def of_digits(network: str, **options: Any) -> Any:
    return problem({"name": "digits", "limit": 128}, {"name": f"users_networks:{network}", **options}, 0)


@pytest.mark.parametrize(
    ("network", "said"),
    [("Recurrent", "Batching rule not implemented"), ("Branching", "data-dependent control flow")],
)
def test_what_cannot_be_stacked_is_found_and_trains_in_turn(network: str, said: str, home: Path) -> None:
    assert said in str(obstacle(of_digits(network)))
    trials = tuple(Trial(f"t{i}", i, 0, {"lambda": 0.01}) for i in range(2))
    pack = Pack(
        Job("group_lasso", {"name": "digits", "limit": 128}, {"name": f"users_networks:{network}"}, RECIPE, trials)
    )
    while not pack.done:
        pack.train_epoch()
    assert [row["status"] for row in pack.trial_rows()] == ["COMPLETE", "COMPLETE"]
    assert len(pack.parts) == 2


@pytest.mark.parametrize("network", ["Attention", "Mixed"])
def test_what_can_be_stacked_is(network: str, home: Path) -> None:
    where = of_digits(network)
    before = torch.get_rng_state()
    assert obstacle(where) is None
    assert torch.equal(before, torch.get_rng_state()), "nothing is drawn from the random numbers of others"


@pytest.mark.parametrize(
    ("network", "options", "said"),
    [
        (
            "Recurrent",
            {"layers": 2, "dropout": 0.3},
            "recurrent (nn.LSTM) drops out inside: set recurrent.dropout to 0",
        ),
    ],
)
def test_noise_of_its_own_is_one_line_that_names_the_module(
    network: str, options: dict[str, Any], said: str, home: Path
) -> None:
    trials = [Trial("t0", 0, 0, {})]
    with pytest.raises(StudyError) as refused:
        Stack(of_digits(network, **options), "dense", RECIPE, trials, torch.device("cpu"))
    assert said in str(refused.value) and "\n" not in str(refused.value)
