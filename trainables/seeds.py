"""Seeds named by what they are for, so that none depends on what was drawn before."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object) -> int:
    """A 63-bit seed, the hash of its parts, e.g. ``seed_of(trial_seed, "order", epoch)``."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
