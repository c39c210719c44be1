"""Quantiles of Student's t, by its closed form: SciPy takes longer to import than all else that a table is made of."""

from math import cos, pi, sin, sqrt, tan


def quantile(probability: float, freedom: int) -> float:
    """t with P(T <= t) = `probability`, for whole degrees of freedom n >= 1.

    With u = atan(t / sqrt(n)), P(|T| <= t) is a finite sum in cos u and sin u, which grows with u: u is found by
    bisection, to the last bits. Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    inside, sign = abs(2 * probability - 1), (1 if probability >= 0.5 else -1)
    low, high = 0.0, pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _within(middle, freedom) < inside else (low, middle)
    return sign * sqrt(freedom) * tan(high)


def _within(u: float, freedom: int) -> float:
    """P(|T| <= sqrt(n) tan u)."""
    odd = freedom % 2
    total = term = cos(u) if odd else 1.0
    for k in range(3 if odd else 2, freedom, 2):
        term *= cos(u) ** 2 * (k - 1) / k
        total += term
    if not odd:
        return sin(u) * total
    return 2 / pi * (u + (sin(u) * total if freedom > 1 else 0.0))
