"""What the workers of a Ray of our own import while they wait for their first pack."""

from __future__ import annotations

import gc

gc.disable()  # of what is imported nothing is garbage, but each collection would look at all of it
import study.running.worker  # noqa: E402, F401

gc.freeze()
gc.enable()
