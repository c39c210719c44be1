"""A request to the driver of a study to stop, from anywhere that can write its directory.

It names the driver it is for, so that one that comes too late stops nobody else.
"""

from __future__ import annotations

import json
import time

from study.directory.layout import STOP
from study.directory.lock import Driver
from study.directory.store import Store


def request_stop(store: Store, driver: Driver) -> None:
    """Ask the driver to stop as it does for a signal: checkpoints are written, nothing is lost.

    Raises:
        OSError: the directory cannot be written.
    """
    text = json.dumps({"driver": driver.token, "at": time.time()}, indent=1)
    store.put(STOP, text.encode(), replace=True)


def stop_requested(store: Store, driver: Driver) -> bool:
    """Whether this driver is asked to stop."""
    if not store.exists(STOP):
        return False
    try:
        return bool(json.loads(store.get(STOP))["driver"] == driver.token)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
