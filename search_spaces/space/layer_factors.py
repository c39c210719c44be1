"""Factors of single layers on a strength that is searched for all of them: of first and rest, or of each."""

from search_spaces.space.parameter import NON_NEGATIVE, Limits
from search_spaces.space.suggest import Suggest


def layer_factors(suggest: Suggest, strength: str, limits: Limits = NON_NEGATIVE) -> None:
    """Beside `lambda`: nothing; lambda_first and lambda_rest; or lambda_1, lambda_2, ..."""
    ways: list[list[str]] = [[], [f"{strength}_first", f"{strength}_rest"], suggest.numbered(strength)]
    for name in ways[suggest.spelling(*ways)]:
        suggest.fixed(name, 1.0, limits=limits, why=f"factor of a layer on {strength}, 1 where nothing is said")
