"""Dense: no penalty, the baseline that every method is compared with."""

from search_spaces.space import Suggest, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
