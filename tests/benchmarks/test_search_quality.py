"""What the benchmark of searches makes of their records; nothing trains."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from benchmarks.readme_part import README, replaced
from benchmarks.search_quality import PLAIN, RESULTS, compared, multiples, part, until, volume
from benchmarks.searches import SIDES, first_third


def found(side: str, repeat: int, epochs: int) -> dict[str, Any]:
    better = [[epochs, 0.9, 96], [epochs + 60, 0.95, 48]]
    return {"side": side, "method": "group_lasso", "repeat": repeat, "trials": 3, "better": better}


def test_hypervolume_is_that_of_the_box() -> None:
    assert volume([]) == 0.0
    assert volume([[60, 1.0, 1]]) == pytest.approx(1.0)
    half = math.log(192) / 2
    assert volume([[60, 0.9, round(math.exp(half))]]) == pytest.approx(0.25, abs=0.01)
    assert volume([[60, 0.7, 1]]) == 0.0, "less than is required"


def test_epochs_until_a_volume_are_those_of_the_first_that_reaches_it() -> None:
    one = found(PLAIN, 0, 120)
    assert until(one, volume([[0, 0.9, 96]])) == 120
    assert until(one, volume([[0, 0.95, 48]])) == 180
    assert until(one, 0.99) == math.inf


def test_sides_are_compared_where_all_of_them_are_there() -> None:
    epochs = {side: 60 * (1 + index) for index, side in enumerate(SIDES)}
    searches = [found(side, repeat, epochs[side]) for side in SIDES for repeat in range(2)]
    assert compared(searches[:-1], 2) == {}
    plain = epochs[PLAIN] + 60
    multiple = {side: pytest.approx((own + 60) / plain) for side, own in epochs.items()}
    assert multiples(searches, 2) == {"TPE's end": multiple, "90 %": multiple, "95 %": multiple}


def test_methods_are_compared_by_the_mean_of_their_shares() -> None:
    """Of two methods one has all of the reference at once, the other nothing before its end."""
    early = [found(side, repeat, 60) for side in SIDES for repeat in range(2)]
    late = [found(side, repeat, 600) | {"method": "npn"} for side in SIDES for repeat in range(2)]
    for one in early:
        if one["side"] == "packs":
            one["better"] = [[epochs / 2, *values] for epochs, *values in one["better"]]
    of_plain = multiples(early + late, 2)
    assert of_plain["95 %"]["packs"] == of_plain["95 %"][PLAIN] == 1.0, "the later method decides"
    assert multiples(early, 2)["95 %"]["packs"] == 0.5


def test_half_of_the_searches_by_tpe_come_to_what_the_median_one_has() -> None:
    """Their number is even: the median lies between two of them, and only one half has it ever."""
    searches = [found(side, repeat, 60 * (1 + repeat)) for side in SIDES for repeat in range(4)]
    for one in searches[4 * list(SIDES).index(PLAIN) :][:4]:
        one["better"] = [[60 * (1 + one["repeat"]), 0.9, 96 - one["repeat"]]]
    table = compared(searches, 4)
    assert table["group_lasso"][PLAIN]["TPE's end"][0] == 240
    assert multiples(searches, 4)["TPE's end"][PLAIN] == 1.0


def test_ashas_rule_keeps_the_first_third_of_what_it_has_seen() -> None:
    values = [[0.9, 100.0], [0.95, 50.0], [0.5, 120.0], [0.96, 40.0], [math.nan, 3.0]]
    assert first_third(values, []) == [True, True, False, True, False]
    assert first_third([[0.9, 100.0]], values[:4]) == [False]


@pytest.mark.skipif(not RESULTS.exists(), reason="no searches are recorded")
def test_the_readme_says_what_the_record_says() -> None:
    readme = README.read_text(encoding="utf-8")
    made = part(json.loads(RESULTS.read_text(encoding="utf-8")))
    assert replaced(readme, "search", "benchmarks.search_quality", made) == readme
