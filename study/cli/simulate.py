"""The command that tries search settings on a finished study's table: simulate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli.app import Directory, Json, app, console, table_of
from trainables.errors import StudyError

if TYPE_CHECKING:
    from study.config import StudyConfig
    from study.search import Simulated

_RECORDED = "recorded"


@app.command()
def simulate(
    directory: Directory,
    sampler: Annotated[
        str,
        typer.Option(
            help="A sampler as in the YAML, such as tpe or '{name: nsga2, population: 16}'; recorded: the study's own "
            "trials in their order, which is exact."
        ),
    ] = _RECORDED,
    stopping: Annotated[
        str | None,
        typer.Option(help="Rungs such as 10,30; auto; or {rungs: [10, 30], keep: 0.5}. Without it nothing stops."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Configurations of each method; the study's if not given.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Searches with seeds of their own.")] = 5,
    by: Annotated[
        str,
        typer.Option(help="How the table answers: by the nearest trained trial, or by a surrogate that interpolates."),
    ] = "nearest",
    as_json: Json = False,
) -> None:
    """What another sampler, budget or early stopping would have come to, from a finished study's table, in seconds."""
    import yaml

    from study.config import stored
    from study.directory import StudyDirectory
    from study.rehearsal import scales
    from study.search import Simulation

    place = StudyDirectory(directory)
    recorded = sampler == _RECORDED
    overrides = [*([] if recorded else [f"sampler={sampler}"]), *([f"trials={trials}"] if trials else [])]
    if recorded and trials:
        raise StudyError("--trials: expected a --sampler beside it, as what is recorded has the trials that it has")
    config = stored(place, overrides)
    if trials:
        own = {name: method.model_copy(update={"trials": None}) for name, method in config.methods.items()}
        config = config.model_copy(update={"methods": own})
    rungs, keep = _stopping(yaml.safe_load(stopping) if stopping else None, config)
    found = Simulation(
        config,
        place.trials().to_pylist(),
        place.curves().to_pylist() if rungs else (),
        scales(config),
        by,  # type: ignore[arg-type]  # it is checked there
        rungs,
        keep,
    )
    runs = found.recorded() if recorded else [run for repeat in range(repeats) for run in found.searched(repeat)]
    source = "recorded" if recorded else by
    methods = {name: _summary([run for run in runs if run.method == name]) for name in config.methods}
    methods = {name: summary for name, summary in methods.items() if summary}
    if as_json:
        said = {"sampler": sampler, "by": source, "rungs": rungs, "keep": keep if rungs else None, "methods": methods}
        typer.echo(json.dumps(said | {"searches": [run.to_dict() for run in runs]}, indent=2))
        return
    _show(place.path(), sampler, source, rungs, keep, methods)


def _stopping(given: Any, config: StudyConfig) -> tuple[tuple[int, ...], float]:
    """Rungs and the share that goes on, of what stands behind --stopping."""
    settings = given if isinstance(given, Mapping) else {"rungs": given}
    rungs, keep = settings.get("rungs", "auto"), settings.get("keep", 0.5)
    if isinstance(rungs, str) and rungs != "auto":
        rungs = [int(part) if part.strip().isdecimal() else part for part in rungs.split(",")]
    if rungs == "auto":
        latest = config.epochs - max(config.polish, 1)
        rungs = sorted({rung for part in (6, 2) if 0 < (rung := math.ceil(config.epochs / part)) <= latest})
    rungs = [rungs] if isinstance(rungs, int) else rungs or []
    fits = isinstance(rungs, list) and all(type(rung) is int for rung in rungs) and isinstance(keep, int | float)
    if not fits or set(settings) - {"rungs", "keep"}:
        raise StudyError(
            f"--stopping: expected rungs such as 10,30, auto, or {{rungs: [10, 30], keep: 0.5}}, but got {given}"
        )
    return tuple(rungs), float(keep)


def _summary(runs: Sequence[Simulated]) -> dict[str, Any]:
    if not runs:
        return {}
    shares, epochs = [run.hypervolume for run in runs], [run.epochs for run in runs]
    nearly = [run.epochs_to_nearly for run in runs]
    reached = sorted(math.inf if epochs is None else epochs for epochs in nearly)
    typical = reached[len(reached) // 2]
    return {
        "trials": runs[0].trials,
        "epochs": mean(epochs),
        "epochs_saved": mean(run.saved for run in runs),
        "hypervolume": median(shares),
        "hypervolume_low": min(shares),
        "hypervolume_high": max(shares),
        "epochs_to_95_percent": None if math.isinf(typical) else typical,
        "reached_95_percent": sum(epochs is not None for epochs in nearly),
        "searches": len(runs),
    }


def _show(
    path: str, sampler: str, source: str, rungs: Sequence[int], keep: float, methods: Mapping[str, Mapping[str, Any]]
) -> None:
    how = {
        "recorded": "the trials as they were recorded, in their order",
        "nearest": f"{sampler}, each configuration answered by the nearest that was trained",
        "surrogate": f"{sampler}, configurations answered by trees fitted to those that were trained",
    }[source]
    stops = f"; {keep:g} of the trials go on at epochs {', '.join(map(str, rungs))}" if rungs else "; nothing stops"
    console.print(f"{path}: {how}{stops}. Nothing was trained.\n", highlight=False, soft_wrap=True)
    table = table_of(
        "method", "trials", "epochs", "saved", "hypervolume", "lowest", "highest", "until 95 %", words=("method",)
    )
    for name, one in methods.items():
        total = one["epochs"] + one["epochs_saved"]
        table.add_row(
            name,
            str(one["trials"]),
            f"{one['epochs']:.0f}",
            f"{one['epochs_saved'] / total:.0%}",
            f"{one['hypervolume']:.3f}",
            f"{one['hypervolume_low']:.3f}",
            f"{one['hypervolume_high']:.3f}",
            "never" if one["epochs_to_95_percent"] is None else str(one["epochs_to_95_percent"]),
        )
    console.print(table)
    console.print("\nhypervolume: of the finished study's own, sizes by their logarithm, scores from what is required.")
