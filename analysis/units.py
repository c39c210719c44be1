"""Units in which times are read."""

_UNITS = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0))


def unit_of(seconds: float) -> tuple[str, float]:
    """The largest unit of time that leaves at least two of it, and its seconds."""
    fitting = [unit for unit in _UNITS if seconds >= 2 * unit[1]]
    return fitting[-1] if fitting else _UNITS[0]
