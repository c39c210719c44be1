"""The page of a suite: ranks over its data sets, what tests say of them, and what each set's study found."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from analysis.axes import measured
from analysis.figures import fronts_over_sets_data, fronts_over_sets_figure, ranks_data, ranks_figure, save
from analysis.palette import in_order
from analysis.report.elements import framed, trials_of
from analysis.statistics import baseline
from analysis.studies import Study
from analysis.text import (
    RIVALS,
    Table,
    rank_table,
    said_of_ranks,
    score_text,
    scores_over_sets,
    sentences,
    wins_table,
)
from study.directory import REPORT, REPORT_PAGE, StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_MEASURES = {"hypervolume": "By hypervolume", "kept": "By what is kept within 1 point of dense"}


def suite_page(study: Study, name: str, notes: str = "", left_out: Mapping[str, str] | None = None) -> str:
    """An HTML document that needs nothing else: neither a network nor a script.

    Args:
        study: the suite's studies, read together, one for each data set.
        left_out: sets that are not among them, and why.

    Raises:
        ValueError: fewer than two studies, or one without a score and a count.
    """
    missing = "".join(f"<p>{escape(one)} is left out: {escape(why)}.</p>" for one, why in (left_out or {}).items())
    methods = in_order(study.trials["method"].astype(str).unique())
    byline = f"{len(study.configs)} data sets, {len(methods)} methods, {len(study.trials):,} trials"
    fronts = _picture(fronts_over_sets_figure(fronts_over_sets_data(study)), "Fronts of each data set")
    style = _style()
    ranked = "".join(
        f"<section><h2>{title}</h2>{_ranked(study, measure)}</section>" for measure, title in _MEASURES.items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(name)} · suite report</title>
<style>{style}</style></head>
<body><header class="masthead"><div class="wide"><div class="masthead-text"><h1>{escape(name)}</h1>
<p>{escape(notes)}</p><p class="byline">{byline} · as of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC</p></div></div></header>
<main class="wide">
<section class="lead"><p>{escape(said_of_ranks(scores_over_sets(study), True))}</p>{missing}</section>
{ranked}
<section><h2>Fronts</h2>{fronts}</section>
<section><h2>Each data set</h2>{"".join(_sets(study))}</section>
</main></body></html>
"""


def _style() -> str:
    """The report's, whose dark colours a script chooses; this page has none, so the system does."""
    text = files("analysis.report").joinpath("assets", "style.css").read_text(encoding="utf-8")
    (dark,) = re.findall(r':root\[data-theme="dark"\] (\{[^}]*\})', text)
    # Ink and paper change places, colours stay what they are.
    picture = "figure img { filter: invert(.89) hue-rotate(180deg); }"
    whole = "figure.card { width: fit-content; max-width: 100%; overflow-x: auto; } figure img { background: #fff; }"
    return f"{text} {whole} @media (prefers-color-scheme: dark) {{ :root {dark} {picture} }}"


def write_suite_page(
    study: Study, path: str | Path, name: str, notes: str = "", left_out: Mapping[str, str] | None = None
) -> Path:
    """Write `suite_page` to a file."""
    path = Path(path)
    path.write_text(suite_page(study, name, notes, left_out), encoding="utf-8")
    return path


def _ranked(study: Study, measure: str) -> str:
    try:
        scores = scores_over_sets(study, measure)
        figure = ranks_figure(ranks_data(scores, maximise=measure == "hypervolume"))
    except StudyError as error:
        return f"<p>{escape(str(error))}</p>"
    found = _told(rank_table(study, measure)) + _picture(figure, "Average ranks of methods", 34)
    there = [rival for rival in RIVALS if rival in scores]
    return found + (_told(wins_table(study, there, measure)) if there else "")


def _told(table: Table) -> str:
    return f'{framed(replace(table, caption="").html())}<p class="note">{escape(table.caption)}</p>'


def _picture(figure: Figure, text: str, rem: int = 60) -> str:
    with TemporaryDirectory() as folder:
        source = b64encode(save(figure, Path(folder) / "figure.svg").read_bytes()).decode()
    size = f"width: {rem}rem; max-width: 100%; min-width: {0.7 * rem:.0f}rem"  # narrower ones cannot be read
    picture = f'style="{size}" src="data:image/svg+xml;base64,{source}"'
    return f'<figure class="card"><img alt="{escape(text)}" {picture}></figure>'


def _sets(study: Study) -> Iterator[str]:
    """The headline of each study beside where it lies; its own page, where it has one, is a link."""
    for name, config in study.configs.items():
        own = trials_of(study, name)
        objectives = tuple(config["objectives"])
        score, _ = measured(own, objectives)
        control = baseline(own, score.name)
        dense = f" Dense: {score_text(score, control.validation)}." if control else ""
        told = "".join(f"<p>{escape(text)}</p>" for text in sentences(own, objectives, study.answers(name))[:2])
        place = study.directories[name].local
        page = place / REPORT / REPORT_PAGE if place is not None else None
        heading = escape(name)
        if page is not None and page.exists():
            heading = f'<a href="../{escape(place.name)}/{REPORT}/{REPORT_PAGE}">{heading}</a>' if place else heading
        yield f'<h3>{heading}</h3><p class="note">{len(own):,} trials.{escape(dense)}</p>{told}'
