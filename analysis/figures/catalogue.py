"""Every figure by name: what it shows, what it is drawn of, and the drawing, for whoever asks for one or for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from analysis.axes import measured
from analysis.figures.attainment import attainment_data, attainment_figure
from analysis.figures.boundary import Boundaries, boundary_figure
from analysis.figures.budget import budget_data, budget_figure
from analysis.figures.front import front_data, front_figure
from analysis.figures.hypervolume import hypervolume_data, hypervolume_figure
from analysis.figures.importance import importance_figure
from analysis.figures.learning import learning_data, learning_figure
from analysis.figures.pairs import pairs_data, pairs_figure
from analysis.figures.parallel import parallel_data, parallel_figure
from analysis.figures.sharpness import sharpness_data, sharpness_figure
from analysis.figures.slices import slices_data, slices_figure
from analysis.figures.timeline import timeline_data, timeline_figure
from analysis.figures.tolerance import tolerance_data, tolerance_figure
from analysis.figures.widths import widths_data, widths_figure
from analysis.palette import in_order
from analysis.statistics import BASELINE, Budget, importance, pareto
from analysis.studies import Study
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Subject:
    """What a figure is drawn of; what is not said is chosen.

    Attributes:
        objectives: a score and a count; the study's first ones.
        method: one that compresses; the first with a front.
        trial: the largest network on the method's front.
        over: what counts as progress of a search.
        width: "column", "page" or inches; the figure's own if not said.
        boundaries: of networks whose data lie in a plane; this package runs no network.
    """

    objectives: tuple[str, ...] | None = None
    method: str | None = None
    trial: str | None = None
    over: Budget = "trials"
    width: str | float | None = None
    boundaries: Boundaries = field(default_factory=dict)


@dataclass(frozen=True)
class Drawable:
    """One figure: what it shows, whether there is one for a study, a method or a trial, and how it is drawn.

    Attributes:
        fits: whether it can show the trials of a method.
    """

    about: str
    per: Literal["study", "method", "trial"]
    draw: Callable[[Study, Subject], Figure]
    fits: Callable[[pd.DataFrame], bool] = lambda trials: True


def drawables() -> Mapping[str, Drawable]:
    """All figures by name."""
    return _FIGURES


def draw(study: Study, name: str, subject: Subject | None = None) -> Figure:
    """The figure of this name, of one study.

    Raises:
        ValueError: there is no such figure, method or trial; or nothing that it could show.
    """
    if name not in _FIGURES:
        near = get_close_matches(name, _FIGURES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise StudyError(f"name: expected one of {', '.join(_FIGURES)}, but got {name!r}{hint}")
    if len(study.configs) != 1:
        raise StudyError(f"study: expected one study, but got {len(study.configs)}")
    return _FIGURES[name].draw(study, _completed(study, subject or Subject(), _FIGURES[name]))


def every(study: Study, subject: Subject | None = None) -> Iterator[tuple[str, str, Subject]]:
    """All there are of one study: a name for a file, the figure's name, and what it is drawn of.

    A figure per method is there for each method that compresses, the front for each count that differs.
    """
    whole = subject or Subject()
    score, counts = measured(study.trials, study.objectives)
    for name, one in _FIGURES.items():
        if one.per != "study":
            for method in _shown_by(one, study):
                yield f"{name}-{_spelt(method)}", name, replace(whole, method=method)
        elif name == "front":
            for count in counts:
                yield f"{name}-{score.name}-{count.name}", name, replace(whole, objectives=(score.name, count.name))
        else:
            yield name, name, whole


def _spelt(method: str) -> str:
    return method.replace(":", "-")


def _rivals(study: Study) -> list[str]:
    return [name for name in in_order(study.trials["method"].unique()) if name != BASELINE]


def _shown_by(figure: Drawable, study: Study) -> list[str]:
    return [method for method in _rivals(study) if figure.fits(_of(study, method))]


def _of(study: Study, method: str) -> pd.DataFrame:
    return study.trials[study.trials["method"] == method]


def _completed(study: Study, subject: Subject, figure: Drawable) -> Subject:
    """The subject with what was not said filled in; what was said is checked."""
    score, counts = measured(study.trials, study.objectives)
    objectives = subject.objectives or (score.name, counts[0].name)
    if subject.trial is not None:
        found = study.trials[study.trials["trial"] == subject.trial]
        if found.empty:
            near = get_close_matches(subject.trial, study.trials["trial"].astype(str), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StudyError(f"trial: expected a finished trial of the study, but got {subject.trial!r}{hint}")
        return replace(subject, objectives=objectives, method=str(found["method"].iloc[0]))
    known = in_order(study.trials["method"].unique())
    if subject.method is not None and subject.method not in known:
        near = get_close_matches(subject.method, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise StudyError(f"method: expected one of {', '.join(known)}, but got {subject.method!r}{hint}")
    if figure.per == "study":
        return replace(subject, objectives=objectives)
    methods = [subject.method] if subject.method else [*_shown_by(figure, study), *known]
    fronts = {method: pareto(_of(study, method), objectives) for method in methods}
    method = next((name for name in methods if len(fronts[name]) > 1), methods[0])
    if figure.per == "trial":
        if fronts[method].empty:
            raise StudyError(f"expected a method with networks on its front, but got {method!r}, which has none")
        return replace(subject, objectives=objectives, method=method, trial=str(fronts[method]["trial"].iloc[0]))
    return replace(subject, objectives=objectives, method=method)


def _size(subject: Subject, own: str) -> str | float:
    return subject.width or own


def _front(study: Study, subject: Subject) -> Figure:
    data = front_data(study.trials, subject.objectives or (), published=study.published)
    return front_figure(data, _size(subject, "column"))


def _learning(study: Study, subject: Subject) -> Figure:
    row = _row(study, subject)
    score = measured(study.trials, study.objectives)[0]
    polish = int(_config(study).get("polish", 0))
    data = learning_data(study.curves_of(row), [str(subject.trial)], score=score.name, polish=polish)
    return learning_figure(data, _size(subject, "column"))


def _sharpness(study: Study, subject: Subject) -> Figure:
    row, config = _row(study, subject), _config(study)
    epochs, polish = int(config.get("epochs", 1)), int(config.get("polish", 0))
    data = sharpness_data(row.iloc[0], study.curves_of(row), epochs=epochs, polish=polish)
    return sharpness_figure(data, _size(subject, "column"))


def _is_gated(trials: pd.DataFrame) -> bool:
    return "param_stage_2" in trials and bool(trials["param_stage_2"].notna().any())


def _boundary(study: Study, subject: Subject) -> Figure:
    own = {trial: found for (_, trial), found in subject.boundaries.items()}
    if subject.trial not in own:
        raise StudyError(f"expected a kept network of data that lie in a plane, but {subject.trial!r} is none")
    return boundary_figure(own[subject.trial], _size(subject, "column"))


def _row(study: Study, subject: Subject) -> pd.DataFrame:
    return study.trials[study.trials["trial"] == subject.trial]


def _config(study: Study) -> Mapping[str, Any]:
    return next(iter(study.configs.values()))


_FIGURES: Mapping[str, Drawable] = {
    "front": Drawable("Each method's front in a score and a count, over the trials it dominates.", "study", _front),
    "attainment": Drawable(
        "What each method attains in the median run, with a band from 25 % to 75 % of the runs.",
        "study",
        lambda s, of: attainment_figure(attainment_data(s.trials, of.objectives or ()), _size(of, "column")),
    ),
    "hypervolume": Drawable(
        "Hypervolume of each method's trials so far.",
        "study",
        lambda s, of: hypervolume_figure(
            hypervolume_data(s.trials, of.objectives or (), over=of.over), _size(of, "column")
        ),
    ),
    "tolerance": Drawable(
        "What each method keeps when 0 to 5 points of the dense score may go, with its band.",
        "study",
        lambda s, of: tolerance_figure(
            tolerance_data(s.trials, of.objectives or (), answers=s.answers(next(iter(s.configs)))), _size(of, "column")
        ),
    ),
    "budget": Drawable(
        "Training time and trials of each method.",
        "study",
        lambda s, of: budget_figure(budget_data(s.trials), _size(of, "column")),
    ),
    "timeline": Drawable(
        "When each pack trained, and the search over time: hypervolume and epochs.",
        "study",
        lambda s, of: timeline_figure(timeline_data(s.trials, of.objectives or ()), _size(of, "page")),
    ),
    "importance": Drawable(
        "Which parameters of each method decide about which objective.",
        "study",
        lambda s, of: importance_figure(
            importance(s.trials, of.objectives or (), declared=next(iter(s.spaces.values()), None)), _size(of, "column")
        ),
    ),
    "slices": Drawable(
        "Each searched parameter of a method against the score.",
        "method",
        lambda s, of: slices_figure(slices_data(s.trials, str(of.method), (of.objectives or ())[0]), _size(of, "page")),
    ),
    "pairs": Drawable(
        "Each two of a method's searched parameters against each other, good trials dark.",
        "method",
        lambda s, of: pairs_figure(pairs_data(s.trials, str(of.method), (of.objectives or ())[0]), _size(of, "page")),
    ),
    "parallel": Drawable(
        "A line per trial through a method's parameters and what it reached.",
        "method",
        lambda s, of: parallel_figure(parallel_data(s.trials, str(of.method), of.objectives or ()), _size(of, "page")),
    ),
    "widths": Drawable(
        "Live units of each layer along a method's front.",
        "method",
        lambda s, of: widths_figure(widths_data(s.trials, str(of.method), of.objectives or ()), _size(of, "column")),
    ),
    "learning": Drawable("Score and live units of a trial by epoch.", "trial", _learning),
    "sharpness": Drawable(
        "Sharpness and openness of the gates of a trial of npn by epoch.", "trial", _sharpness, _is_gated
    ),
    "boundary": Drawable("Where a classifier of points in the plane says what.", "trial", _boundary),
}
