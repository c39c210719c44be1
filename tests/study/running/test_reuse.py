"""Workers that Tune would throw away, by a real Tuner with packs that take less time than a worker's start."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune.search import Searcher

from study.running.reuse import _Kept, workers_kept

PLACES, PATIENCE = 2, 120.0
_OWN_VARIABLE = "PL_DISABLE_FORK"
"""What stock Tune sets in its workers."""


@pytest.fixture
def two_places(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(_OWN_VARIABLE, raising=False)
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    ray.init("local", num_cpus=PLACES, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class Asked(Searcher):  # type: ignore[misc]  # Ray is untyped
    """As many packs at once as there are places, until two workers have trained."""

    def __init__(self) -> None:
        super().__init__(metric="pid", mode="max")
        self.running, self.workers, self.prepared = set[str](), set[int](), set[bool]()
        self.end = time.monotonic() + PATIENCE

    @property
    def more(self) -> bool:
        return len(self.workers) < PLACES and time.monotonic() < self.end

    def suggest(self, trial_id: str) -> Any:
        if not self.more:
            return None if self.running else Searcher.FINISHED
        if len(self.running) == PLACES:
            return None
        self.running.add(trial_id)
        return {}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.running.discard(trial_id)
        if result:
            self.workers.add(result["pid"])
            self.prepared.add(result["prepared"])


@pytest.mark.ray
@pytest.mark.slow
def test_every_place_trains(two_places: None, tmp_path: Path) -> None:
    class Worker(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
        def setup(self, config: dict[str, Any], first: str = "") -> None:
            try:
                Path(first).touch(exist_ok=False)
            except FileExistsError:
                time.sleep(1)  # the second is still starting when the first is free again

        def step(self) -> dict[str, Any]:
            time.sleep(0.1)
            return {"done": True, "prepared": _OWN_VARIABLE in os.environ}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

    searcher = Asked()
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(Worker, first=str(tmp_path / "first")), {"CPU": 1}),
        tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="kept",
            storage_path=str(tmp_path),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    with workers_kept(lambda: searcher.more, ours=True):
        assert not tuner.fit().errors
    assert len(searcher.workers) == PLACES, "stock Tune ends the second while it starts, again and again"
    assert searcher.prepared == {False}, "workers that Ray has ready have no variables of their own"


def test_free_workers_make_room_for_places_of_another_kind() -> None:
    more = True
    kept = _Kept(lambda: more)
    assert [kept.cache_object("cpu", worker) for worker in "ab"] == [True, True]
    assert not list(kept.flush_cached_objects())
    kept.increase_max("gpu")
    assert list(kept.flush_cached_objects()) == ["a", "b"]
    assert not kept.cache_object("cpu", "c"), "its place may be what the other waits for"


def test_nothing_is_kept_for_packs_that_do_not_come() -> None:
    kept = _Kept(lambda: more)
    more = True
    assert [kept.cache_object("cpu", worker) for worker in "abc"] == [True] * 3
    more = False
    assert list(kept.flush_cached_objects()) == ["a", "b", "c"]
