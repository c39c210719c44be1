"""Dense: no penalty, the baseline that every method is compared with."""

from search_spaces.learning_rate import learning_rate
from search_spaces.suggest import Suggest


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
