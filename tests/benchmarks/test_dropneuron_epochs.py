"""What the manual says of DropNeuron's networks beside the authors' scripts is the record's."""

from __future__ import annotations

import json

import pytest

from benchmarks.dropneuron_epochs import EXPERIMENTS, SETTINGS, Experiment, markdown
from benchmarks.readme_part import ROOT
from study.config import load


@pytest.mark.parametrize("network", EXPERIMENTS)
def test_the_manual_says_what_the_record_says(network: str) -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "dropneuron_epochs.json").read_text())
    table = markdown(EXPERIMENTS[network], record["networks"][network]["sides"])
    assert "\n".join(table) in (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_it_trains_what_the_preset_does(experiment: Experiment) -> None:
    config = load(experiment.preset)
    space = config.methods["drop_neuron"].space
    assert {name: space[name] for name in SETTINGS} == SETTINGS
    assert (config.epochs, config.batch_size) == (experiment.epochs, experiment.batch)
    published = next(entry for entry in config.published if entry.label == "DropNeuron")
    assert published.accuracy == experiment.accuracy
    assert published.counts["drop_neuron_compression"] == experiment.compression
