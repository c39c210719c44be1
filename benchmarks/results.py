"""The page of what was published beside what was measured, from the records of `study reproduce`.

    python -m benchmarks.results > docs/results.md

Records are the `reproduction.json` of runs, kept in `benchmarks/results/reproduced/`; nothing on the page is typed by
hand. Rows of the presets that no record has are on it too, as not run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from study.config import load, presets

RECORDS = Path(__file__).parent / "results" / "reproduced"
_HEAD = """# Published beside measured

Made by `python -m benchmarks.results > docs/results.md` from the records in `benchmarks/results/reproduced/`, which
`study reproduce NAME` writes.

Scores are those on test data, as mean ± standard deviation over seeds 0 to n - 1, with the least, the median and
the most. A row is *reproduced* if it was run with the published settings, on the published data and to the last
epoch, and every published number lies within the tolerance that its preset named beforehand; *at least as good* if
those that do not lie on the better side; else *not reproduced*. An unlucky seed is in the mean; only a compression
is left out where no weight is left, for it is infinite. Times are of a machine that other work shared.
"""


def page(records: Path = RECORDS) -> str:
    """The page in Markdown."""
    known = dict(_known(records))
    experiments = {name: config for name in presets() if (config := load(name, names=False)).reproduction is not None}
    overview = ["| experiment | row | outcome | seeds | epochs |", "|---|---|---|---:|---:|"]
    sections = []
    for name, config in experiments.items():
        entries = [entry for entry in config.published if entry.method in config.methods]
        for entry in entries:
            record, row = known.get((name, entry.label), (None, None))
            if row is None or record is None:
                overview.append(f"| {name} | {entry.label} | not run | | |")
            else:
                epochs = f"{row['epochs']} of {row['published_epochs']}"
                overview.append(f"| [{name}](#{name}) | {entry.label} | {_outcome(row)} | {row['seeds']} | {epochs} |")
        found = [pair for entry in entries if (pair := known.get((name, entry.label)))]
        if found:
            sections.append("\n".join(_section(name, found)))
    return "\n".join([_HEAD, *overview, "", *sections])


def _known(records: Path) -> Iterator[tuple[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]]:
    """(experiment, row) -> its record and the row; of several records the last by name."""
    for file in sorted(records.glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        for row in record["rows"]:
            if row["numbers"] is not None:
                yield (record["name"], row["label"]), (record, row)


def _outcome(row: Mapping[str, Any]) -> str:
    return "runs, on generated files" if row["stand_in"] else str(row["verdict"])


def _section(name: str, found: list[tuple[dict[str, Any], dict[str, Any]]]) -> Iterator[str]:
    record = found[-1][0]
    yield f"## {name}\n\n{record['notes']}\n"
    measured = [row for _, row in found if not row["stand_in"]]
    if measured:
        yield "| row | number | published | measured | least .. median .. most | within |"
        yield "|---|---|---:|---:|---:|---|"
    for row in measured:
        label = row["label"]
        for column, number in row["numbers"].items():
            yield f"| {label} | {_named(column)} | {_text(number['published'])} | {_measured(number)} |"
            label = ""
    if measured:
        yield ""
    for given, row in found:
        yield f"- {row['label']}: {'; '.join(_made(given, row))}."
    yield from (f"- Differs: {sentence}" for sentence in record["differs"])
    yield ""


def _made(record: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    """What a row is, and what it was made with."""
    yield f"**{_outcome(row)}** ({row['source']})"
    failed = f", {row['failed']} of them failed" if row["failed"] else ""
    seeds = row["seeds"] + row["failed"]
    yield f"{seeds} seed{'s' * (seeds != 1)}{failed}, {row['epochs']} of {row['published_epochs']} epochs"
    if row["stand_in"]:
        yield "its data are not here, and nothing follows from the numbers"
    elif not row["full"]:
        yield f"not the published experiment: {', '.join(f'`{setting}`' for setting in row['settings'])}"
    if row.get("data"):
        yield f"on {row['data']}"
    part = row["stand_in"] or any(setting.startswith("data.limit=") for setting in row["settings"])
    if row["seconds_per_epoch"] and not part:
        hours = row["seconds_per_epoch"] * row["published_epochs"] / 3600
        yield f"{row['seconds_per_epoch']:.3g} s an epoch and seed, so that a seed takes {hours:.2g} hours"
    yield f"`{record['command']}` on {row['machine']}, {row['finished']}"
    trained = "" if row["same_code"] else f", trained by earlier sources (code {row['code']})"
    yield f"commit {record['commit']}{trained}"


def _named(column: str) -> str:
    return column.removeprefix("count_").replace("_", " ")


def _measured(number: Mapping[str, Any]) -> str:
    """Three cells: the mean, the extremes, and the verdict."""
    numbers = [value for value in number["values"] if not isinstance(value, str)]
    verdict = number["verdict"] or ""
    if not numbers:
        return f"{', '.join(map(str, number['values']))} | | {verdict}"
    spread = f" ± {_text(number['sd'])}" if number["sd"] is not None else ""
    between = " .. ".join(_text(value) for value in (min(numbers), statistics.median(numbers), max(numbers)))
    return f"{_text(number['mean'])}{spread} | {between} | {verdict}"


def _text(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    print(page(), end="")
