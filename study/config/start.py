"""Where a study starts from: other studies' fronts, a CSV, the papers' settings, as configurations to try first."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import search_spaces
from study.directory import OBJECTIVES, NotAStudy, StudyDirectory, parameters_of
from trainables.declarations import Value
from trainables.errors import Mistake, Mistakes
from trainables.uris import without_secrets

if TYPE_CHECKING:
    from study.config.settings import StudyConfig

PAPERS = "papers"

_Start = tuple[str | None, dict[str, Any]]
"""A method, None for all of them, and a configuration."""


def started(config: StudyConfig, presets: Path) -> StudyConfig:
    """The study with ``start_from`` as the configurations that it means, which its directory keeps.

    Of each, a method takes the parameters that it searches and whose values are in its ranges; the sampler chooses the
    rest.

    Raises:
        Mistakes: there is no such study or file, or nothing in it is of a method of this study.
    """
    if config.start_from is None:
        return config
    source, most = config.start_from.source, config.start_from.trials
    found = list(
        _papers(presets) if source == PAPERS else _of_file(source) if _is_csv(source) else _front(source, config, most)
    )
    methods, any_fits = dict(config.methods), False
    for name, method in methods.items():
        space = {**config.model.searched, **method.space}
        fitting = [_fitting(config.implementation(name), space, one) for of, one in found if of in (None, name)]
        kept = [dict(items) for items in dict.fromkeys(tuple(sorted(one.items())) for one in fitting if one)][:most]
        if kept:
            methods[name], any_fits = method.model_copy(update={"start": tuple(kept)}), True
    if not any_fits:
        expected = f"configurations of {', '.join(methods)} with parameters that are searched"
        raise Mistakes([Mistake(("start_from",), expected, f"{len(found)} of others in {without_secrets(source)}")])
    return config.model_copy(update={"methods": methods, "start_from": None})


def _fitting(method: str, space: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Value]:
    """What of a configuration may be tried, one parameter at a time."""
    found: dict[str, Value] = {}
    for name, value in given.items():
        try:
            found |= search_spaces.configuration(method, space, {name: value})
        except Mistakes:
            continue
    return found


def _front(source: str, config: StudyConfig, most: int) -> Iterator[_Start]:
    """The best trials of each method of another study: front by front, spread along each."""
    import numpy as np

    from trainables.stopping import expected_rank, hypervolume_contributions

    try:
        rows = StudyDirectory(source).trials().to_pylist()
    except NotAStudy:
        expected = f"a study directory, a file.csv or {PAPERS}"
        raise Mistakes([Mistake(("start_from",), expected, repr(without_secrets(source)))]) from None
    objectives = [OBJECTIVES[name] for name in config.objectives]
    for method in config.methods:
        own, losses = [], []
        for row in rows:
            values = [row.get(objective.column) for objective in objectives]
            usable = row["status"] == "COMPLETE" and all(value is not None and math.isfinite(value) for value in values)
            if row["method"] == method and usable and _reaches(row, config.require):
                own.append(row)
                losses.append([-v if o.maximise else v for v, o in zip(values, objectives, strict=True)])
        if own:
            points = np.array(losses, float)
            ranks = expected_rank(points, np.zeros(points.shape[1]))
            order = np.lexsort((-hypervolume_contributions(points, ranks), ranks))
            yield from ((method, parameters_of(own[place])) for place in order[:most])


def _reaches(row: Mapping[str, Any], require: Mapping[str, float]) -> bool:
    bounds = [(row.get(OBJECTIVES[name].column), bound, OBJECTIVES[name].maximise) for name, bound in require.items()]
    return all(value is not None and (value >= bound if up else value <= bound) for value, bound, up in bounds)


def _is_csv(source: str) -> bool:
    return Path(source).suffix.lower() == ".csv"


def _of_file(source: str) -> Iterator[_Start]:
    """A column for each parameter, empty where the sampler is to choose; ``method`` where rows differ in it."""
    try:
        with Path(source).expanduser().open(newline="", encoding="utf-8") as file:
            rows: Sequence[Mapping[str, str]] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise Mistakes([Mistake(("start_from",), "a CSV file that can be read", str(error))]) from None
    for row in rows:
        given = {name.removeprefix("param_"): yaml.safe_load(text) for name, text in row.items() if name and text}
        method = given.pop("method", None)
        yield None if method is None else str(method), {name: _number(value) for name, value in given.items()}


def _number(value: Any) -> Any:
    """YAML takes 1e-3 for text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _papers(presets: Path) -> Iterator[_Start]:
    """What the presets that reproduce papers pin, in the order of their names."""
    for path in sorted(presets.glob("*.yaml")):
        preset = yaml.safe_load(path.read_text(encoding="utf-8"))
        if preset.get("published") or preset.get("reproduction"):
            methods = preset.get("methods", {})
            for name, method in methods.items() if isinstance(methods, Mapping) else ():
                space = (method or {}).get("space") or {}
                pinned = {key: _number(one) for key, one in space.items() if not isinstance(one, Mapping | list)}
                if pinned:
                    yield name, pinned
