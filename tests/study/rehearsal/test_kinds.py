"""Kinds of groups that methods add to those of their papers, and a network that has none of them."""

from __future__ import annotations

from typing import Any

import pytest

from study.config import StudyConfig, of_mapping
from study.rehearsal import scales


def study(*kinds: str, **model: Any) -> StudyConfig:
    model = {"name": "resnet", "depth": 8, "widths": [3, 4, 5]} | model
    methods: dict[str, Any] = {"npn": {"groups": list(kinds)}, "drop_neuron": {}}
    data = {"name": "digits", "limit": 60, "image": True}
    return of_mapping({"name": "kinds", "data": data, "model": model, "epochs": 2, "methods": methods})


def test_the_sets_that_are_added_have_settings_by_layer_too() -> None:
    found = scales(study("units", "channels"))
    assert (found["npn"].layers, found["drop_neuron"].layers) == (5 + 3, 1)


def test_a_kind_that_the_network_has_not_is_a_mistake() -> None:
    expected = r"methods\.npn\.groups\.1: expected one of channels, units, but got 'heads'"
    with pytest.raises(ValueError, match=expected):
        scales(study("channels", "heads"))
