"""A study for those who have not run it: its trials as one Parquet file, figures, and a page of what follows.

    study run digits
    python -m benchmarks.study_page runs/digits

The first trains, the second writes docs/digits/ and docs/digits.md; likewise of any study that compares methods, as
`study run mnist` does. None of the papers has such a comparison: all five methods and both baselines on one network,
each with the same epochs, searched three times.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import analysis
from analysis import Study
from analysis.palette import in_order, title
from benchmarks.front_page import apart, volumes
from benchmarks.readme_part import ROOT
from study.config import load, presets, to_yaml

DOCS = ROOT / "docs"
TRIALS, CONFIG = "trials.parquet", "study.yaml"
NEURONS, PARAMETERS = ("accuracy", "neurons"), ("accuracy", "parameters")

_OF_THE_MACHINE = ("pack", "lane", "train_seconds", "device", "finished_at", "worker", "max_abs_difference")
_LISTS = ("widths", "dense_widths")

_HEAD = """# The {name} study

Made by `python -m benchmarks.study_page runs/{name}` from the directory that `{command}` leaves behind.
Everything below follows from [{name}/trials.parquet]({name}/trials.parquet), a row for each trial, which
`pandas.read_parquet` reads: the columns of [directory.md](directory.md) without those of the machine; widths are text.
"""
_SAID = ("data", "model", "epochs", "polish", "batch_size", "optimizer", "objectives", "require", "trials", "searches")


def table(study: Study) -> pd.DataFrame:
    """The trials without what is of the machine that trained them, or of none of them."""
    left = [name for name in study.trials.columns if name in _OF_THE_MACHINE]
    trials = study.trials.drop(columns=left)
    texts = {name: ["-".join(map(str, one)) if known else "" for one, known in _known(trials[name])] for name in _LISTS}
    return trials.assign(**texts).dropna(axis="columns", how="all").reset_index(drop=True)


def _known(lists: pd.Series) -> Iterator[tuple[Any, bool]]:
    return zip(lists, lists.notna(), strict=True)


def page(trials: pd.DataFrame, config: Mapping[str, Any]) -> str:
    """The page in Markdown, from the table and what the study's YAML file says."""
    name = config["name"]
    parts = [
        _HEAD.format(name=name, command=command(config)).strip(),
        *_trained(config),
        *_budget(trials),
        *_fronts(trials, name),
        *_tests(trials),
    ]
    return "\n\n".join(parts) + "\n"


def command(config: Mapping[str, Any]) -> str:
    """What trains it: the preset of its name, and what is set otherwise than there."""
    name = config["name"]
    if name not in presets():
        return f"study run {name}.yaml"
    said, own = _flat(yaml.safe_load(to_yaml(load(name, names=False)))), _flat(config)
    changed = [key for key in own if own[key] != said.get(key) and key.split(".")[0] in _SAID]
    return " ".join(
        [f"study run {name}", *(f"--set {shlex.quote(f'{key}={json.dumps(own[key])}')}" for key in changed)]
    )


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """By dotted keys."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{before}{key}.") if isinstance(inner, Mapping) else {f"{before}{key}": inner}
    return found


def _trained(config: Mapping[str, Any]) -> Iterator[str]:
    said = {name: config[name] for name in _SAID if name in config}
    yield "## What was trained"
    yield f"```yaml\n{yaml.safe_dump(said, sort_keys=False, default_flow_style=None, width=110)}```"
    yield f"With the methods' ranges: [{config['name']}/study.yaml]({config['name']}/study.yaml)."


def _budget(trials: pd.DataFrame) -> Iterator[str]:
    spent = trials.groupby("method", observed=True)["epochs"].agg(["count", "sum"])
    searches, whole = trials["search"].nunique(), int((trials["status"] == "COMPLETE").sum())
    yield "## Equal budgets"
    yield (
        f"{len(spent)} methods and controls, {searches} searches each, with samplers and seeds of their own; "
        f"{len(trials):,} trials, {whole:,} of them complete. Trials and epochs by method:"
    )
    lines = ["| method | trials | epochs |", "|---|---:|---:|"]
    ordered = [(name, spent.loc[name]) for name in in_order(spent.index)]
    lines += [f"| {title(name)} | {own['count']:,} | {own['sum']:,} |" for name, own in ordered]
    yield "\n".join(lines)


def _fronts(trials: pd.DataFrame, name: str) -> Iterator[str]:
    for objectives, figure in ((NEURONS, "attainment"), (PARAMETERS, "parameters")):
        yield f"## Accuracy against {objectives[1]}"
        yield f"![{_ALTERNATIVES[figure]}]({name}/{figure}.png)"
        yield analysis.intervals(trials, objectives).markdown().strip()
        yield apart(volumes(trials, objectives))
    yield f"![{_ALTERNATIVES['hypervolume']}]({name}/hypervolume.png)"


def _tests(trials: pd.DataFrame) -> Iterator[str]:
    yield "## On test data"
    yield "Chosen on validation data, each search for itself; the test scores are those of what was chosen."
    yield analysis.summary(trials, NEURONS).markdown().strip()


_ALTERNATIVES = {
    "attainment": "Validation accuracy against hidden neurons: median attainment over the searches, and their range",
    "parameters": "Validation accuracy against parameters: the fronts of all searches together",
    "hypervolume": "Hypervolume of each method's front against trials",
}


def draw(trials: pd.DataFrame, folder: Path) -> None:
    """The page's figures."""
    figures = {
        "attainment": analysis.attainment_figure(analysis.attainment_data(trials, NEURONS)),
        "parameters": analysis.front_figure(analysis.front_data(trials, PARAMETERS)),
        "hypervolume": analysis.hypervolume_figure(analysis.hypervolume_data(trials, NEURONS)),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)


def read(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The trials and the YAML file that a page's folder holds."""
    return pd.read_parquet(folder / TRIALS), yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the directory of a study of several methods")
    study = analysis.load(parser.parse_args(arguments).study)
    ((name, config),) = study.configs.items()
    folder = DOCS / name
    folder.mkdir(exist_ok=True)
    table(study).to_parquet(folder / TRIALS, compression="zstd", index=False)
    (folder / CONFIG).write_text(
        yaml.safe_dump(dict(config), sort_keys=False, default_flow_style=None), encoding="utf-8"
    )
    trials, config = read(folder)
    draw(trials, folder)
    folder.with_suffix(".md").write_text(page(trials, config), encoding="utf-8")


if __name__ == "__main__":
    main()
