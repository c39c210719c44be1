"""Process-wide settings that stacked training wants."""

from __future__ import annotations

import contextlib
import ctypes

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def settle_process() -> None:
    """No denormals, and freed memory kept.

    Optimiser moments of dead units decay into denormals, which are slow. Stacked temporaries are just above the size
    from which glibc maps and unmaps memory anew each time; page faults then cost more than the arithmetic.
    """
    torch.set_flush_denormal(True)
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 28)
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)
