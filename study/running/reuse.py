"""Workers that Tune would throw away: kept while there are packs to come, so that every place trains; and taken, at
the start, from those that Ray has ready.

Where packs take less time than a worker's start, stock Tune hands the pack whose worker is starting to the worker that
has just become free, ends the one that starts, and starts another for the next pack: one worker trains, at the other
places workers start for ever. And of two that become free before a pack is asked for, it ends one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ray
from ray.tune import tune
from ray.tune.execution.class_cache import _ActorClassCache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.utils.object_cache import _ObjectCache


class _Kept(_ObjectCache):  # type: ignore[misc]  # Ray is untyped
    """Free workers: all are kept, unless a pack waits that needs places of another kind, which these may hold."""

    def __init__(self, more: Callable[[], bool]) -> None:
        super().__init__(may_keep_one=True)
        self._more = more

    def cache_object(self, key: Any, obj: Any) -> bool:
        if not self._more() or self._others_wait(key):
            return bool(super().cache_object(key, obj))
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Iterator[Any]:
        free = [key for key, workers in self._cached_objects.items() if workers]
        if force_all or (free and (not self._more() or any(map(self._others_wait, free)))):
            yield from super().flush_cached_objects(force_all)

    def _others_wait(self, key: Any) -> bool:
        return any(waiting for other, waiting in self._max_num_objects.items() if other != key)


class _Classes(_ActorClassCache):  # type: ignore[misc]  # Ray is untyped
    """Workers without variables of their own, for a Ray whose processes have those of this one already.

    With some, Ray starts a process that sets them and then becomes a worker, while the workers that it has started in
    advance wait for ever; every one of them imports Ray.
    """

    def get(self, trainable: type) -> Any:
        if trainable not in self._cache:
            self._cache[trainable] = ray.remote(trainable)
        return self._cache[trainable]


class _Controller(TuneController):  # type: ignore[misc]  # Ray is untyped
    """Tune's loop, in which a pack whose worker is starting waits for it and leaves the free ones to other packs."""

    def __init__(self, more: Callable[[], bool], ours: bool, **named: Any) -> None:
        super().__init__(**named)
        self._more = more
        self._actor_cache = _Kept(more)
        if ours:
            self._class_cache = _Classes()

    def _maybe_reuse_cached_actor(self, trial: Any) -> bool:
        own = self._trial_to_actor.get(trial)
        if own is not None and self._actor_manager.is_actor_started(own) and self._more():
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))


@contextmanager
def workers_kept(more: Callable[[], bool], ours: bool = False) -> Iterator[None]:
    """Tune runs that begin inside keep their workers.

    Args:
        more: whether there are packs to come.
        ours: Ray was started by this process, and has its environment.
    """
    tune.TuneController = partial(_Controller, more, ours)
    try:
        yield
    finally:
        tune.TuneController = TuneController
