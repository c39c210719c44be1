"""The part of the page about trials without a result: those that failed, and those that never finished."""

from collections.abc import Mapping
from html import escape
from typing import Any

from analysis.palette import title
from analysis.report.elements import TEXT, command, framed, last_line, trials_of
from analysis.statistics import left_out
from analysis.studies import Study
from study.directory import repetitions

REASONS = 60
"""Different reasons that are listed; more of them are counted."""
_LONGEST = 4000
"""Characters of a traceback that are shown, its last ones."""


def failure_part(study: Study) -> str:
    """Trials that are on no front with the reasons, and the budget that has not been spent; nothing without any."""
    text = _failures(study)
    return f'<section id="failures"><h2>Failed and stopped</h2>{text}</section>' if text else ""


def _failures(study: Study) -> str:
    found = left_out(study.trials, study.objectives)
    if found.empty:
        return _unfinished(study)
    found["short"] = [last_line(reason) for reason in found["reason"]]
    groups = found.groupby(["study", "method", "why", "short"], sort=False)
    counted = groups.agg(trials=("trials", "sum"), reason=("reason", "first")).reset_index()
    counted = counted.sort_values("trials", ascending=False, kind="stable")
    several = len(study.configs) > 1
    headings = [*(["study"] if several else []), "method", "what", "reason"]
    head = "".join(f'<th scope="col"{TEXT}>{heading}</th>' for heading in headings)
    lines = []
    for line in counted.head(REASONS).itertuples(index=False):
        what = str(line.why).lower().replace("_", " ")
        names = [*([str(line.study)] if several else []), title(line.method), what]
        cells = "".join(f"<td{TEXT}>{escape(name)}</td>" for name in names)
        reason = _reason(str(line.short), str(line.reason).strip())
        lines.append(f'<tr>{cells}<td class="text wrap">{reason}</td><td>{line.trials:,}</td></tr>')
    body = f"<tbody>{''.join(lines)}</tbody>"
    table = f'<table data-sortable><thead><tr>{head}<th scope="col">trials</th></tr></thead>{body}</table>'
    more, rest = len(counted) - REASONS, int(counted["trials"][REASONS:].sum())
    note = f'<p class="note">{more:,} more reasons, of {rest:,} trials, are not listed.</p>' if more > 0 else ""
    return f"{_unfinished(study)}{framed(table)}{note}"


def _reason(short: str, whole: str) -> str:
    if "\n" not in whole:
        return escape(whole) or "no reason recorded"
    return f"<details><summary>{escape(short)}</summary><pre>{escape(whole[-_LONGEST:])}</pre></details>"


def _unfinished(study: Study) -> str:
    """What is missing to each study's budget, and how it goes on."""
    parts = []
    for name, config in study.configs.items():
        finished = trials_of(study, name)["method"].astype(str).value_counts()
        missing = {method: count - int(finished.get(method, 0)) for method, count in budgets(config).items()}
        missing = {method: count for method, count in missing.items() if count > 0}
        if missing:
            methods = ", ".join(f"{title(method)} {count:,}" for method, count in missing.items())
            text = f"{sum(missing.values()):,} trials of {name} have not finished: {methods}. If it no longer runs:"
            parts.append(f"<p>{escape(text)}</p>{command(f'study resume {study.directories[name].path()}')}<br>")
    return "".join(parts)


def budgets(config: Mapping[str, Any]) -> dict[str, int]:
    """Trials each method of a resolved configuration gets, repetitions counted."""
    methods = {str(method): own or {} for method, own in config.get("methods", {}).items()}
    trials = {method: int(own.get("trials") or config.get("trials", 0)) for method, own in methods.items()}
    return {method: count * repetitions(config, method) for method, count in trials.items()}
