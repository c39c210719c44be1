"""Process-wide settings that stacked training wants."""

from __future__ import annotations

import contextlib
import ctypes
import os

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def settle_process() -> None:
    """No denormals, freed memory kept, and as many threads as OMP_NUM_THREADS says now.

    torch reads that once, when it is imported, which may be before Ray has said how many cores a worker has.

    Optimiser moments of dead units decay into denormals, which are slow. Stacked temporaries are just above the size
    from which glibc maps and unmaps memory anew each time; page faults then cost more than the arithmetic.
    """
    torch.set_flush_denormal(True)
    with contextlib.suppress(KeyError, ValueError):
        torch.set_num_threads(max(1, int(os.environ["OMP_NUM_THREADS"])))
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 28)
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)
