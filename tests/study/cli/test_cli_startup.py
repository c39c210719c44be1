"""Commands that look at a study load neither torch nor Ray: they answer at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.study.conftest import Grown
from tests.test_architecture import modules_of


@pytest.mark.parametrize(
    "command, absent",
    [
        ("status", "torch ray optuna pandas matplotlib"),
        ("pareto", "torch ray optuna matplotlib"),
        ("table", "torch ray optuna matplotlib"),
        ("doctor", "torch ray matplotlib"),
        ("show", "torch ray optuna matplotlib"),
    ],
)
def test_looking_is_light(grow: Callable[..., Grown], command: str, absent: str) -> None:
    study = grow(packs=4, finished=4)
    trial = study.directory.trials()["trial"].to_pylist()[:1] if command == "show" else []
    loaded = modules_of([command, str(study.path), *trial])
    assert not loaded & set(absent.split()), f"study {command} loads {', '.join(loaded & set(absent.split()))}"
