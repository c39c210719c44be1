"""Continuation of lambda (Dwork 2018), fixed unless a study says otherwise."""

from search_spaces.space.suggest import Suggest


def continuation(suggest: Suggest) -> None:
    suggest.fixed(
        "lambda_stages", why="1 has no continuation; Dwork's own run took lambda = 1, 10, 100 in three stages"
    )
    suggest.fixed("lambda_growth", why="10 from stage to stage in Dwork's run")
