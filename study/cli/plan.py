"""What a study would do, shown before it does: `study run --dry-run`, and what stops a run before it has begun."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from study.cli.app import console, table_of
from trainables.errors import StudyError

if TYPE_CHECKING:
    from study.config import StudyConfig
    from study.directory import StudyDirectory
    from study.rehearsal import Rehearsal

_CLASSES = 12
"""Classes whose numbers are shown."""


def rehearsed(config: StudyConfig) -> Rehearsal:
    """Everything tried out in seconds, with nothing written.

    Raises:
        StudyError: what would go wrong, in one line.
        ConnectionError: nothing answers at the cluster's address.
    """
    from study.rehearsal import rehearse

    try:
        return rehearse(config)
    except ConnectionError:
        raise
    except (ImportError, OSError) as error:
        raise StudyError(str(error)) from error


def show_plan(config: StudyConfig, directory: StudyDirectory, as_json: bool) -> None:
    """The dry run."""
    try:
        found = rehearsed(config)
    except ConnectionError as error:
        raise StudyError(str(error)) from error
    if as_json:
        study = {"study": config.name, "directory": directory.path(), "trials": budgets(config)}
        typer.echo(json.dumps(study | found.to_dict(), indent=2))
        return
    console.print(f"[bold]{config.name}[/bold] would run into {directory.path()}; nothing was started.\n")
    facts = table_of("", "", words=("",))
    facts.show_header = False
    for name, value in (*_data(found), *_network(found)):
        facts.add_row(name, value)
    console.print(facts)
    console.print()
    _show_layers(found)
    console.print()
    if found.networks:
        _show_networks(found)
        console.print()
    _show_spaces(config, found)
    console.print()
    _show_expected(config, found)
    show_notes(found)


def show_notes(found: Rehearsal) -> None:
    """What is not wrong and good to know, a line each."""
    for note in found.notes:
        console.print(f"note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def budgets(config: StudyConfig) -> dict[str, int]:
    return {method: config.budget(method) for method in config.methods}


def _data(found: Rehearsal) -> list[tuple[str, str]]:
    data = found.data
    shape = f"{data.input_shape[0]} columns" if len(data.input_shape) == 1 else "x".join(map(str, data.input_shape))
    rows = sum(data.splits.values())
    lines = [
        ("data", f"{data.name} ({data.source}): {rows:,} rows, {shape}, {data.raw} from {data.low:g} to {data.high:g}"),
        ("task", "; ".join((data.task, *data.chosen))),
    ]
    if data.classes:
        shown = ", ".join(f"{name}: {count:,}" for name, count in list(data.classes.items())[:_CLASSES])
        more = f", and {len(data.classes) - _CLASSES} more" if len(data.classes) > _CLASSES else ""
        lines.append(("classes", f"{len(data.classes)}, with training examples {shown}{more}"))
    lines.append(("splits", ", ".join(f"{count:,} {name}" for name, count in data.splits.items())))
    lines.append(("inputs", data.standardised))
    return lines


def _network(found: Rehearsal) -> list[tuple[str, str]]:
    network = found.network
    heads = f"{network.heads:,} heads, " if network.heads else ""
    sizes = f"{network.parameters:,} parameters, {network.macs:,} multiply-adds an example"
    lines = [("network", f"{network.name}: {network.neurons:,} neurons, {heads}{sizes}")]
    if network.start:
        lines.append(("weights", network.start))
    if network.frozen:
        lines.append(("frozen", f"{network.frozen:,} parameters"))
    return lines


def _show_layers(found: Rehearsal) -> None:
    table = table_of("layer", "kind", "units", "parameters", "can lose units", words=("kind", "can lose units"))
    for layer in found.network.layers:
        units = "" if layer.units is None else f"{layer.units:,}"
        answer = f"no: {layer.kept}" if layer.kept else "yes"
        if layer.whole_heads and not layer.kept:
            answer = f"whole heads: {layer.whole_heads}"
        table.add_row(layer.name, layer.kind, units, f"{layer.parameters:,}", answer)
    console.print(table)


def _show_networks(found: Rehearsal) -> None:
    """Those that were tried; the layers above are of the largest."""
    names = list(dict.fromkeys(name for network in found.networks for name in network.arguments))
    table = table_of(*names, "neurons", "parameters", "multiply-adds", words=names)
    for network in found.networks:
        sizes = (f"{size:,}" for size in (network.neurons, network.parameters, network.macs))
        table.add_row(*(str(network.arguments.get(name, "")) for name in names), *sizes)
    console.print(table)
    console.print("Networks that were tried, of those to be searched; layers, time and memory are of the largest")


def _show_spaces(config: StudyConfig, found: Rehearsal) -> None:
    from search_spaces import parameters

    table = table_of("method", "trials", "parameter", "value or range", words=("parameter", "value or range"))
    for method in config.methods:
        names = (method, str(config.budget(method)))
        for parameter in parameters(config.implementation(method), config.space(method), found.scales[method]):
            table.add_row(*names, parameter.name, str(parameter.domain))
            names = ("", "")
    console.print(table)


def _show_expected(config: StudyConfig, found: Rehearsal) -> None:
    how = "as one stack" if found.stacked else "one after the other"
    if len(found.stacking) > 1:
        how = "as was measured"
    measured = "".join(f"Both ways were tried: {line}.\n" for line in found.stacking)
    workers = f"{found.workers} worker{'s' * (found.workers > 1)}"
    console.print(
        f"{config.epochs} epochs each, the last {config.polish} polishing; the trials of a pack train {how}.\n"
        f"{measured}{shared(config)}{_raced(config)}{_bracketed(config)}"
        f"A step of every method, the scores and a compaction took {found.seconds:.1f} s. Expected: "
        f"{found.epochs_per_hour:,.0f} epochs of a trial per hour and worker, {_duration(found.hours)} for the study "
        f"on {workers}; {found.pack_bytes / 2**20:,.1f} MiB of tensors a pack.",
        highlight=False,
        soft_wrap=True,
    )


def shared(config: StudyConfig) -> str:
    """What trials have in common, a line."""
    begins = {method: begin for method in config.methods if (begin := config.beginning(method)) is not None}
    paths = {method: path for method in config.methods if (path := config.path_of(method)) is not None}
    if paths:
        trained, trials = sum(map(config.epochs_to_train, paths)), sum(map(config.budget, paths))
        epochs = next((begin.epochs for begin in map(begins.get, paths) if begin), 0)
        common = f", the first {epochs} epochs of all paths of a method trained once" if epochs else ""
        most = "at most " if any(map(config.rungs, paths)) else ""
        each = ", ".join(f"{path.points} values of {path.knob} for {method}" for method, path in paths.items())
        return (
            f"Trials are points of paths: {each}, {next(iter(paths.values())).epochs} epochs from one to the next, "
            f"each polished as a copy{common}: {most}{trained:,} epochs instead of {trials * config.epochs:,}.\n"
        )
    if not begins:
        return ""
    (first, *_), trials = begins.values(), sum(map(config.budget, begins))
    rates = ", ".join(f"{lr:g}" for lr in dict.fromkeys(begin.lr for begin in begins.values()))
    trained = sum(map(config.epochs_to_train, begins))
    return (
        f"The first {first.epochs} are trained densely at rate {rates}, once for each method, search and seed: "
        f"{trained:,} epochs instead of {trials * config.epochs:,} for {', '.join(begins)}.\n"
    )


def _raced(config: StudyConfig) -> str:
    """How much of the budget goes to other seeds, a line."""
    counts = {method: count for method in config.methods if (count := config.repeats(method))}
    if not counts:
        return ""
    each = ", ".join(f"{count} of {method}" for method, count in counts.items())
    return f"Of these trials candidates for the front are trained again with other seeds, at most: {each}.\n"


def _bracketed(config: StudyConfig) -> str:
    """Which compressions are looked for, a line."""
    levers = {method: lever for method in config.methods if (lever := config.lever(method))}
    if config.target is None or not levers:
        return ""
    asked = ", ".join(f"{one:g}" for one in config.target.compressions)
    each = ", ".join(f"{lever} of {method}" for method, lever in levers.items())
    trials = len(config.target.compressions) * config.target.rounds
    return f"{asked} times fewer {config.target.of} are looked for by {each}: {trials} trials a bracket.\n"


def _duration(hours: float) -> str:
    if hours > 2 * 24 * 365:
        return f"about {hours / 24 / 365:,.0f} years"
    for unit, size in (("days", 24.0), ("hours", 1.0), ("minutes", 1 / 60)):
        if hours >= 2 * size:
            return f"about {hours / size:.0f} {unit}"
    return "minutes"


def json_only_for_dry_runs(as_json: bool, dry_run: bool) -> None:
    """Raises StudyError for --json without --dry-run."""
    if as_json and not dry_run:
        raise StudyError("--json: expected with --dry-run; `study status DIR --json` tells of a study that runs")
