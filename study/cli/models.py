"""Commands for the networks that were found: latency, export, evaluate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli.app import Directory, Json, Modules, app, console, table_of, written
from trainables.errors import StudyError

if TYPE_CHECKING:
    from torch import nn

    from trainables.deploy import Saved


@app.command()
def export(
    directory: Directory,
    trial: Annotated[str | None, typer.Option(help="The trial whose network is wanted.")] = None,
    front: Annotated[bool, typer.Option("--front", help="The networks of all trials on the front.")] = False,
    form: Annotated[str, typer.Option("--format", help="pt2, onnx, safetensors or pytorch.")] = "pt2",
    output: Annotated[
        Path | None,
        written("The file, TRIAL.SUFFIX if not given; with --front a folder, STUDY-front if not given."),
    ] = None,
    modules: Modules = None,
) -> None:
    """Write compact networks for use elsewhere: preprocessing included, a model card and a checked example beside."""
    from study.directory import Models, StudyDirectory, front_of, markdown
    from trainables.deploy import SUFFIXES, check_example
    from trainables.deploy import export as to_bytes
    from trainables.deploy import load as from_file

    place = StudyDirectory(directory)
    if (trial is None) == (not front):
        raise StudyError("expected either --trial ID or --front")
    if form not in SUFFIXES:
        raise StudyError(f"--format: expected one of {', '.join(SUFFIXES)} but got {form!r}")
    suffix = SUFFIXES[form]
    if front:
        folder = output or Path(f"{place.config()['name']}-front")
        files = {name: folder / f"{name}{suffix}" for name in front_of(place)}
        if not files:
            raise StudyError(f"expected trials on the front of {place.path()}, but none is complete")
    else:
        assert trial is not None
        files = {trial: output or Path(f"{trial}{suffix}")}
        if files[trial].suffix != suffix:
            raise StudyError(
                f"--output: expected a file that ends in {suffix} for {form} but got {files[trial].name!r}"
            )
    for name, file in files.items():
        network = Models(place).read(name)
        data = to_bytes(network, form)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        check_example(from_file(file), str(file))
        if stored := network.card.get("contract", {}).get("example"):
            file.with_suffix(".example.json").write_text(json.dumps(stored), encoding="utf-8")
        file.with_suffix(".md").write_text(markdown(network.card, file.name), encoding="utf-8")
        console.print(f"{file} ({len(data):,} bytes) and its card {file.with_suffix('.md')}", soft_wrap=True)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="A network that `study export` wrote.")],
    data: Annotated[str, typer.Option(help="A data set (`study list data`), a path, or hub:OWNER/SET.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    seed: Annotated[
        int | None, typer.Option(help="Of the split; if not given, the network's own on its own data, else 0.")
    ] = None,
    as_json: Json = False,
    modules: Modules = None,
) -> None:
    """Score an exported network on a data set."""
    from trainables import data as data_sets
    from trainables.deploy import evaluate as score
    from trainables.deploy import load

    network = load(file)
    trained_on = network.card["data"]
    own = trained_on if trained_on["name"] in (data, str(Path(data).expanduser().absolute())) else {}
    options = {key: value for key, value in own.items() if key not in ("name", "resample")}
    default = network.card["data_seed"] if own else 0
    dataset = data_sets.load(data, seed=default if seed is None else seed, **options)
    scores = score(network, dataset, split)
    if as_json:
        typer.echo(json.dumps({"file": str(file), "data": data, "split": split} | scores, indent=2))
        return
    examples = scores.pop("examples")
    table = table_of("score", "value")
    for name, value in scores.items():
        table.add_row(name, f"{value:.4f}")
    console.print(table)
    console.print(f"{file.name} on {examples:,} {split} examples of {data}", soft_wrap=True)


@app.command()
def latency(
    directory: Directory,
    trials: Annotated[str, typer.Option(help="front, or trials with commas.")] = "front",
    batch: Annotated[str, typer.Option(help="Examples at once, with commas.")] = "1,64",
    threads: Annotated[int, typer.Option(help="Threads that an operation may use.")] = 1,
    compiled: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    align: Annotated[int | None, typer.Option(help="Also with widths rounded up to multiples of this, e.g. 8.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    cuda_graph: Annotated[bool, typer.Option("--cuda-graph", help="Replay a CUDA graph.")] = False,
    json_file: Annotated[Path | None, written("Write the numbers to this file.", "--json")] = None,
    modules: Modules = None,
) -> None:
    """Time the whole and the compact networks, one at a time, with nothing else running if you see to it.

    The study keeps the numbers: `study pareto DIR --objectives accuracy,latency` and the report show them.
    """
    from study.directory import Models, StudyDirectory, front_of
    from trainables.deploy import measure

    place = StudyDirectory(directory)
    batches = [_natural("--batch", text) for text in batch.split(",")]
    if align is not None:
        _natural("--align", str(align))
    names = front_of(place) if trials == "front" else trials.split(",")
    if not names:
        raise StudyError(f"expected trials on the front of {place.path()}, but none is complete")
    saved = {name: Models(place).read(name) for name in names}
    rows: list[dict[str, Any]] = []
    wholes: list[str] = []
    shape = next(iter(saved.values())).card["input_shape"]
    how: dict[str, Any] = {"device": device, "threads": threads, "compiled": compiled, "cuda_graph": cuda_graph}
    for network, about, whole in _networks(saved, align):
        rows += [about | asdict(measure(network, shape, size, **how)) for size in batches]
        wholes += [whole] * len(batches)
    place.write_latencies(rows)
    _show_latencies(rows, wholes)
    if json_file:
        json_file.write_text(json.dumps(rows, indent=2) + "\n")
        console.print(f"The numbers in {json_file}", soft_wrap=True)


def _networks(saved: dict[str, Saved], align: int | None) -> Iterator[tuple[nn.Module, dict[str, Any], str]]:
    """What is timed, with what the table tells of it, and what its whole network is called there.

    A whole network is of no trial and comes before the first that was cut out of it; there are several where arguments
    of the network were searched.
    """
    from trainables.compaction import cost
    from trainables.deploy import aligned, dense, structure, widened

    wholes: dict[str, str] = {}
    for name, network in saved.items():
        model = json.dumps(network.card["model"], sort_keys=True)
        if model not in wholes:
            wholes[model] = f"dense, of {name}" if wholes else "dense"
            sizes = {key: network.card["trial"][f"dense_{key}"] for key in ("neurons", "macs")}
            yield dense(network.card), {"trial": None, "network": wholes[model], **sizes}, wholes[model]
        whole = wholes[model]
        sizes = {key: network.card["trial"][key] for key in ("neurons", "macs")}
        yield network.module, {"trial": name, "network": "compact", **sizes}, whole
        if align:
            graph, alive = structure(network.card)
            counts = cost.count(graph, widened(graph, alive, align))
            sizes = {key: int(counts[key]) for key in sizes}
            yield aligned(network, align), {"trial": name, "network": f"aligned to {align}", **sizes}, whole


def _show_latencies(rows: list[dict[str, Any]], wholes: list[str]) -> None:
    dense = {(row["network"], row["batch"]): row["p50_ms"] for row in rows if row["trial"] is None}
    table = table_of("trial", "network", "macs", "batch", "p50 ms", "p95 ms", "speed-up", words=("network",))
    for row, whole in zip(rows, wholes, strict=True):
        table.add_row(
            row["trial"] or "",
            row["network"],
            f"{row['macs']:,}",
            str(row["batch"]),
            f"{row['p50_ms']:.4f}",
            f"{row['p95_ms']:.4f}",
            f"{dense[whole, row['batch']] / row['p50_ms']:.2f}x",
        )
    console.print(table)
    row = rows[0]
    how = [row["device"], row["dtype"], f"{row['threads']} thread{'s' * (row['threads'] > 1)}"]
    how += ["torch.compile"] * row["compiled"] + ["CUDA graph"] * row["cuda_graph"]
    console.print(f"Times of a batch on {', '.join(how)}; the speed-up is over its dense network's p50", soft_wrap=True)
    busy = max(row["load"] for row in rows)
    if busy > row["threads"] + 0.5:
        console.print(f"The load was {busy:.1f}: other processes were running, do not trust the numbers.", style="red")


def _natural(option: str, text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise StudyError(f"{option}: expected whole numbers of at least 1 but got {text!r}")
    return int(text)
