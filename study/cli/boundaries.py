"""Where classifiers of points in a plane say what: asked of a study's networks, for the report to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis import Boundaries, BoundaryData
    from study.directory import StudyDirectory
    from trainables.deploy import Saved

MOST = 24
"""Networks of a study that are asked."""
_POINTS = 300
_CLASSES = 3
_GRID = 96
_FLAT = 1e-4
"""What the data may leave the plane, as a share of what they span in it."""


def boundaries(directories: Mapping[str, StudyDirectory]) -> Boundaries:
    """By study and trial, for the front's networks that are kept; nothing for studies of other data.

    Data of more than two features count where they lie in a plane all the same, as the two moons do in 100 dimensions.
    """
    return {(name, trial): found for name, place in directories.items() for trial, found in _of_study(place).items()}


def _of_study(place: StudyDirectory) -> dict[str, BoundaryData]:
    from study.directory import Models, front_of

    kept = Models(place)
    there = set(kept.trials())
    trials = [trial for trial in front_of(place) if trial in there][:MOST]
    # All networks of a study have the same data; their cards tell without torch, which takes seconds to import.
    if not trials or not _may_lie_in_a_plane(kept.card(trials[0])):
        return {}
    found = {trial: _of_network(kept.read(trial)) for trial in trials}
    return {trial: boundary for trial, boundary in found.items() if boundary is not None}


def _may_lie_in_a_plane(card: dict[str, Any]) -> bool:
    about = (card.get(name, ()) for name in ("input_shape", "classes"))
    shape, classes = (list(value) if isinstance(value, list) else [] for value in about)
    return card.get("task") == "classification" and len(shape) == 1 and len(classes) <= _CLASSES


def _of_network(network: Saved) -> BoundaryData | None:
    """None where the data do not lie in a plane."""
    import torch

    import analysis
    from trainables import data

    card = network.card
    options = {key: value for key, value in card["data"].items() if key not in ("name", "resample")}
    dataset = data.load(card["data"]["name"], seed=card["data_seed"], **options)
    x = dataset.test.x[:_POINTS].double()
    if x.shape[1] == 2:
        middle, basis = torch.zeros(2, dtype=x.dtype), torch.eye(2, dtype=x.dtype)
    else:
        middle = x.mean(0)
        _, spans, directions = torch.linalg.svd(x - middle, full_matrices=False)
        if len(spans) < 2 or bool((spans[2:] > _FLAT * spans[0]).any()):
            return None
        basis = directions[:2]

    @torch.no_grad()
    def predict(points: Any) -> Any:
        raw = torch.as_tensor(points) @ basis + middle
        return network.module(dataset.inputs(raw.float())).numpy()

    labels = dataset.test.y[:_POINTS].numpy()
    return analysis.boundary_data(predict, ((x - middle) @ basis.T).numpy(), labels, grid=_GRID)
