"""What a page knows of decision boundaries: the class at each cell of a grid, as digits, and the data."""

import pandas as pd

from analysis.figures import Boundaries
from analysis.report.encode import numbers
from analysis.report.rows import Json


def boundaries_of(trials: pd.DataFrame, boundaries: Boundaries) -> Json:
    """``networks`` by row, each with the place of its data in ``points``: what several share is there once."""
    keys = zip(trials["study"].astype(str), trials["trial"].astype(str), strict=True)
    networks: Json = {}
    points: list[Json] = []
    for row, key in enumerate(keys):
        if (found := boundaries.get(key)) is None:
            continue
        cloud = {
            "x": numbers(found.points[:, 0].round(3)),
            "y": numbers(found.points[:, 1].round(3)),
            "label": found.labels.tolist(),
        }
        if cloud not in points:
            points.append(cloud)
        networks[str(row)] = {
            "points": points.index(cloud),
            "across": numbers(found.across[[0, -1]]),
            "up": numbers(found.up[[0, -1]]),
            "size": len(found.across),
            "classes": "".join(map(str, found.predicted.ravel())),
        }
    return {"networks": networks, "points": points}
