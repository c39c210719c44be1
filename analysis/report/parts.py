"""The parts of the page that are text and tables: they need no script, and everything in them is escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape

import pandas as pd
import yaml

from analysis.axes import measured
from analysis.report.elements import TEXT, by_study, command, framed, trials_of
from analysis.statistics import Answers, admissible, baseline, runs
from analysis.studies import Study
from analysis.text import (
    Table,
    audit,
    budget_table,
    claim_table,
    compare,
    compression_at_drop,
    floor_table,
    intervals,
    provenance,
    score_at_compression,
    sentences,
    settings_that_differ,
    summary,
    target_table,
)

HEADLINE = 2
"""Sentences beside the front; what else was found stands below it."""


def headline_part(study: Study) -> str:
    """The findings that matter most: at most two sentences of each study."""
    return by_study(study, lambda name: _told(_sentences(study, name)[:HEADLINE]))


def finding_part(study: Study) -> str:
    """What else was found, in sentences."""
    rest = {name: _sentences(study, name)[HEADLINE:] for name in study.configs}
    return by_study(study, lambda name: _told(rest[name])) if any(rest.values()) else ""


def _sentences(study: Study, name: str) -> Sequence[str]:
    return sentences(trials_of(study, name), study.objectives, study.answers(name))


def _told(found: Sequence[str]) -> str:
    # No line break between a number and its unit.
    return "".join(f"<p>{escape(text)}</p>".replace(" %", "&nbsp;%") for text in found)


def comparison_part(study: Study) -> str:
    """Of two studies what `study compare` prints: the settings that differ, and what each method reached in both."""
    if len(study.configs) != 2:
        return ""
    settings = settings_that_differ(*study.configs.values())
    heads = "".join(f'<th scope="col"{TEXT}>{escape(text)}</th>' for text in ("setting", *study.configs))
    rows = [[f'<td class="text wrap">{escape(str(cell))}</td>' for cell in row] for row in settings.to_numpy().tolist()]
    lines = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    same = "<p>Both were run with the same settings.</p>"
    differing = framed(f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>") if lines else same
    try:
        table = compare(study)
    except ValueError:
        reached = ""
    else:
        body = framed(replace(table, caption="").html().replace("<table>", "<table data-sortable>", 1))
        reached = f'{body}<p class="note">{escape(table.caption)}</p>'
    heading = "<h2>The two side by side</h2>"
    return f'<section id="comparison">{heading}{reached}<h3>Settings that differ</h3>{differing}</section>'


def table_part(study: Study) -> str:
    """The tables of each study, those of a kind under one tab: methods, operating points, intervals over searches."""
    found = []
    for index, name in enumerate(study.configs):
        heading = f"<h3>{escape(name)}</h3>" if len(study.configs) > 1 else ""
        target = study.configs[name].get("target") or {}
        of = str(target.get("of", "parameters"))
        for key, text, table in _tables(trials_of(study, name), study.objectives, study.answers(name), of):
            body = framed(replace(table, caption="").html().replace("<table>", "<table data-sortable>", 1))
            note = f'<p class="note">{escape(table.caption)}</p>'
            tab = f'data-table="{key}" data-title="{escape(text)}" data-study="{index}"'
            found.append(f"<div {tab}>{heading}{body}{note}</div>")
    return "\n".join(found)


def _tables(
    trials: pd.DataFrame, objectives: Sequence[str], answers: Answers | None, of: str
) -> Iterator[tuple[str, str, Table]]:
    yield "methods", "methods", summary(trials, objectives)
    try:
        axis, counts = measured(trials, objectives)
    except ValueError:
        return
    score, count = axis.name, counts[0].name
    if answers is not None and runs(trials).max() == 0:
        tested = claim_table(trials, answers, score=axis, count=counts[0])
        if len(tested.frame):
            yield "claims", "claims and their tests", tested
    if baseline(trials, score):
        yield "budgets", "equal budgets", budget_table(trials, score=score, count=count)
    if "target" in trials and trials["target"].notna().any():
        yield "targets", "compressions asked for", target_table(trials, score=score, count=of)
    yield "compression", f"{score} at compression", score_at_compression(trials, score=score, count=count)
    if baseline(trials, score):
        yield "drop", f"compression at {score} drop", compression_at_drop(trials, score=score, count=count)
    if runs(trials).max() > 0:
        yield "intervals", "intervals over searches", intervals(trials, (score, count))
    if admissible(trials, (score, count)).any():
        floors = floor_table(trials, (score, count))
        if len(floors.frame) > 1:
            yield "floors", "hypervolume by floor", floors


def audit_part(study: Study) -> str:
    """Each point with its verdict, and the command that passes it where it is open."""
    return by_study(study, lambda name: f'<div class="card">{_audit(study, name)}</div>')


_VERDICTS = {
    True: ("passed", "✓", "passed"),
    False: ("open", "✗", "not passed"),
    None: ("apart", "–", "does not apply"),
}


def _audit(study: Study, name: str) -> str:
    try:
        place = study.directories[name].path()
        checks = audit(trials_of(study, name), study.configs[name], place, study.spaces.get(name))
    except ValueError:
        return "<p>There is nothing to audit before a trial has finished.</p>"
    lines = []
    for check in checks:
        kind, mark, word = _VERDICTS[check.passed]
        title = f'<strong>{escape(check.title)}</strong><span class="hidden"> {word}</span>'
        remedy = command(check.remedy) if check.remedy else ""
        sign = f'<span class="mark" aria-hidden="true">{mark}</span>'
        lines.append(f'<li class="{kind}">{sign}<div>{title}<p>{escape(check.found)}</p>{remedy}</div></li>')
    return f'<ul class="checks">{"".join(lines)}</ul>'


def provenance_part(study: Study) -> str:
    """The recipe, the cost and the resolved YAML of each study."""
    return by_study(study, lambda name: f'<div class="card">{_provenance(study, name)}</div>')


def _provenance(study: Study, name: str) -> str:
    config, directory = study.configs[name], study.directories[name]
    facts = {"directory": directory.path(), **provenance(trials_of(study, name), config, directory)}
    lines = "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in facts.items())
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
    return f'<dl class="facts">{lines}</dl><details><summary>study.yaml</summary><pre>{escape(text)}</pre></details>'
