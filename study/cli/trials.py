"""Commands about single trials: show, best; and which parameters mattered: importance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from study.cli.app import Directory, Json, app, console, table_of
from study.cli.sparkline import sparkline
from trainables.declarations import architecture, settings_of_method
from trainables.errors import StudyError

if TYPE_CHECKING:
    from study.directory import FoundTrial

_SIZES = ("neurons", "heads", "inputs", "parameters", "macs", "flops")
_SCORES = ("accuracy", "loss", "nmse", "mse", "score")


@app.command()
def show(
    directory: Directory,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="As tables and figures name it: group_lasso-00012.")],
    as_json: Json = False,
) -> None:
    """One trial in full: its parameters, scores, widths, its curve, and why it failed if it did."""
    from study.directory import Models, StudyDirectory, find_trial

    place = StudyDirectory(directory)
    found = find_trial(place, trial)
    curve = place.curves({found.pack}, {trial}).to_pylist() if found.row else []
    if as_json:
        whole = {"trial": trial, "status": found.status, "spec": found.spec, "row": found.row, "curve": curve}
        typer.echo(json.dumps(whole, indent=2, default=_plain))
        return
    row = found.row or {}
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in {
        "status": found.status,
        "pack": f"{found.pack}, lane {found.spec['lane']}",
        "seeds": f"{found.spec['seed']}, of the data {found.spec['data_seed']}",
        "asked for": _asked_for(found),
        "parameters": written(found.spec["parameters"]),
        "scores": ", ".join(_scores(row)),
        "sizes": ", ".join(_sizes(row)),
        "widths": " → ".join(_widths(row)),
        "trained": _trained(row),
        **_curves(curve),
    }.items():
        if text:
            table.add_row(f"[bold]{name}[/bold]", text)
    console.print(table, highlight=False)
    if row.get("reason"):
        console.print(f"\n{row['reason']}", markup=False, highlight=False, soft_wrap=True)
    if found.row is not None and row["status"] != "FAILED":
        kept = trial in Models(place)
        verb = "export" if kept else "retrain"
        option = "--trial " if kept else ""
        why = "Its network is kept" if kept else "Its network is not kept; to have it again"
        console.print(f"\n{why}: study {verb} {place.path()} {option}{trial}", highlight=False, soft_wrap=True)


@app.command()
def best(
    directory: Directory,
    within: Annotated[
        float, typer.Option(min=0, help="How far below the dense network: points of accuracy, % of a loss.")
    ] = 1.0,
    by: Annotated[str | None, typer.Option(help="What is to be small, e.g. flops; the study's if not given.")] = None,
    yaml_only: Annotated[bool, typer.Option("--yaml", help="Print nothing but a study that trains it again.")] = False,
    as_json: Json = False,
) -> None:
    """The smallest network that is as good as the dense one, or nearly: its name, and what to do with it."""
    import analysis
    from study.directory import OBJECTIVES, Models, StudyDirectory, find_trial

    study = analysis.load(directory)
    place = StudyDirectory(directory)
    score, counts = analysis.measured(study.trials, study.objectives)
    count = by or counts[0].name
    if by is not None and (by not in OBJECTIVES or OBJECTIVES[by].column.startswith("val_")):
        raise StudyError(f"--by: expected one of {', '.join(_SIZES)} but got {by!r}")
    dense = analysis.baseline(study.trials, score.name)
    if dense is None:
        raise StudyError(
            f"expected a dense trial to compare with in {place.path()}, but none is complete; "
            "the front without a comparison: study pareto"
        )
    found = analysis.fewest(study.trials, count, score.name, dense.bound(score, within / 100))
    if found is None:  # the dense trials have this score, but not this count
        raise StudyError(f"expected complete trials with {count} in {place.path()}, but none has that and {score.name}")
    chosen = find_trial(place, str(found["trial"]))
    assert chosen.row is not None
    row, text = chosen.row, again(place.config(), chosen)
    if yaml_only:
        typer.echo(text, nl=False)
        return
    if as_json:
        whole = {"trial": chosen.name, "row": row, "dense": {score.name: dense.validation}, "yaml": text}
        typer.echo(json.dumps(whole, indent=2, default=_plain))
        return
    name = chosen.name
    reach = f"{within:g} {'points' if score.maximise else '%'}".replace("1 points", "1 point")
    value = objective(score.name, dense.validation)
    least = "lowest" if OBJECTIVES[count].unit else "fewest"
    console.print(
        f"[bold]{name}[/bold]: the {least} {count} within {reach} of the dense network's {score.name} {value}"
    )
    console.print(f"  {', '.join([*_scores(row), *_sizes(row)])}", highlight=False, soft_wrap=True)
    console.print(f"\nIts network, for use elsewhere:\n  study export {place.path()} --trial {name}", soft_wrap=True)
    if name not in Models(place):
        console.print("  (it is not kept; first)\n" + f"  study retrain {place.path()} {name}", soft_wrap=True)
    console.print("\nTo train its configuration again, with other seeds (alone with --yaml):\n")
    console.print(text, markup=False, highlight=False, soft_wrap=True, end="")


def again(config: Mapping[str, Any], trial: FoundTrial) -> str:
    """The YAML of a study of this one configuration."""
    import yaml

    left = ("notes", "published", "methods", "trials", "seeds", "require")
    kept = {key: value for key, value in config.items() if key not in left}
    own = trial.spec["parameters"]
    methods = {trial.method: {"space": settings_of_method(own)}}
    study = {**kept, "model": kept["model"] | architecture(own), "name": trial.name, "trials": 1, "methods": methods}
    return str(yaml.safe_dump(study, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110))


@app.command()
def importance(directory: Directory, as_json: Json = False) -> None:
    """How much each searched parameter decides about each objective, per method (PED-ANOVA)."""
    import analysis

    study = analysis.load(directory)
    declared = next(iter(study.spaces.values()), None)
    found = analysis.importance(study.trials, study.objectives, declared=declared)
    if as_json:
        typer.echo(found.to_json(orient="records", indent=2))
        return
    if found.empty:
        raise StudyError("expected a method with at least 8 complete trials that searched a parameter")
    table = table_of("method", "objective", "parameter", "", "share", "90 %", words=("objective", "parameter", ""))
    for group, lines in found.groupby(["method", "objective"], sort=False, observed=True):
        names = tuple(map(str, group))
        for line in lines.sort_values("importance", ascending=False, kind="stable").to_dict("records"):
            share = float(line["importance"])
            table.add_row(
                *names, str(line["parameter"]), "━" * round(20 * share), f"{100 * share:.0f} %", _interval(line)
            )
            names = ("", "")
    console.print(table)
    said = "Share of what makes a trial one of the best tenth in an objective; 90 %: its interval, from random halves"
    console.print(said, style="dim")


def _interval(line: Mapping[Any, Any]) -> str:
    return "–" if _missing(line["low"]) else f"{100 * line['low']:.0f} to {100 * line['high']:.0f} %"


def listing(front: Any, everything: Any, objectives: Sequence[str]) -> Table:
    """The trials of a front, a line each: objectives, test score, how many seeds that is the mean of where it is of
    several, and the parameters that their method searched.

    Args:
        front, everything: frames of `analysis.load`.
    """
    tests = [name for name in objectives if f"test_{name}" in front.columns]
    several = "seeds" in front.columns and bool((front["seeds"] > 1).any())
    headings = [*objectives, *(f"test {name}" for name in tests), *(["seeds"] if several else [])]
    table = table_of("trial", *headings, "parameters", words=("parameters",))
    table.columns[0].no_wrap = True
    varied = {
        str(method): {name for name in parameter_columns(own) if own[name].nunique() > 1}
        for method, own in everything.groupby("method", observed=True)
    }
    for row in front.to_dict("records"):
        values = [objective(name, row[column_of(name)]) for name in objectives]
        values += [objective(name, row[f"test_{name}"]) for name in tests]
        values += [str(row["seeds"])] if several else []
        own = {
            name.removeprefix("param_"): row[name]
            for name in sorted(varied[str(row["method"])])
            if not _missing(row[name])
        }
        table.add_row(str(row["trial"]), *values, written(own))
    return table


def parameter_columns(frame: Any) -> list[str]:
    return [name for name in frame.columns if name.startswith("param_")]


def column_of(name: str) -> str:
    from study.directory import OBJECTIVES

    return OBJECTIVES[name].column if name in OBJECTIVES else f"{name}_ms"


def objective(name: str, value: Any) -> str:
    """A value of an objective as people read it."""
    from study.directory import OBJECTIVES

    if _missing(value):
        return "–"
    if name in OBJECTIVES and OBJECTIVES[name].unit == "fraction":
        return f"{100 * float(value):.2f} %"
    return f"{int(value):,}" if name in _SIZES else f"{float(value):.4g}"


def written(parameters: Mapping[str, Any]) -> str:
    """Parameters in a line."""
    return ", ".join(f"{name} {_short(value)}" for name, value in parameters.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _scores(row: Mapping[str, Any]) -> list[str]:
    """ "validation accuracy 97.22 %" and so on, of the scores that the row has."""
    splits = {"validation": "val", "test": "test"}
    return [
        f"{split} {name} {objective(name, row[f'{prefix}_{name}'])}"
        for name in _SCORES
        for split, prefix in splits.items()
        if not _missing(row.get(f"{prefix}_{name}"))
    ]


def _sizes(row: Mapping[str, Any]) -> list[str]:
    sizes = []
    for name in _SIZES:
        if row.get(name) is not None:
            dense = row.get(f"dense_{name}")
            whole = "" if dense is None else f" of {dense:,}"
            sizes.append(f"{row[name]:,}{whole} {name}")
    if row.get("latency_ms") is not None:
        sizes.append(f"{row['latency_ms']:.4g} of {row['dense_latency_ms']:.4g} ms latency")
    return sizes


def _asked_for(found: FoundTrial) -> str:
    """Why it was asked for, where that is no sampler's choice."""
    from study.directory import trial_name

    if (first := found.spec.get("repeats")) is not None:
        search = found.manifest.get("search", 0)
        return f"another seed of {trial_name(found.method, first, search)}, a candidate for the front"
    target = found.spec.get("target")
    return "" if target is None else f"{target:g} times smaller"


def _widths(row: Mapping[str, Any]) -> list[str]:
    pairs = zip(row.get("widths") or (), row.get("dense_widths") or (), strict=False)
    return [f"{width} of {dense}" for width, dense in pairs]


def _trained(row: Mapping[str, Any]) -> str:
    if not row:
        return ""
    shared = f" ({row['shared_epochs']} of them by others)" if row.get("shared_epochs") else ""
    parts = [f"{row['epochs']} epochs{shared}"] if row.get("epochs") else []
    if row.get("train_seconds") is not None:
        parts.append(f"{row['train_seconds']:.3g} s")
    parts.append(f"on {row['device']}" if row.get("device") else "")
    parts.append(f"{row['finished_at']:%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join(filter(None, parts))


def _curves(curve: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A sparkline for the first score that was measured, and one for what shrinks, with first and last values."""
    found = {}
    score = next((name for name in _SCORES if any(entry[f"val_{name}"] is not None for entry in curve)), None)
    columns = {} if score is None else {score: f"val_{score}"}
    for name, column in {**columns, "neurons": "neurons"}.items():
        values = [entry[column] for entry in curve]
        known = [value for value in values if value is not None]
        if known:
            ends = f"{objective(name, known[0])} → {objective(name, known[-1])}"
            found[name] = f"{sparkline(values)}  {ends}"
    return found


def _missing(value: Any) -> bool:
    import numpy as np

    if value is None or isinstance(value, str | datetime | list | np.ndarray):
        return value is None
    return bool(value != value) or str(value) in ("<NA>", "NaT")


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON of {type(value).__name__}")
