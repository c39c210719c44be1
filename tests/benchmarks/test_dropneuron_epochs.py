"""What the manual says of LeNet-300-100's scatter over epochs is the record's."""

from __future__ import annotations

import json

from benchmarks.dropneuron_epochs import L1, PRESET, PUBLISHED, SETTINGS, markdown
from benchmarks.readme_part import ROOT
from study.config import load


def test_the_manual_says_what_the_record_says() -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "dropneuron_epochs.json").read_text())
    assert "\n".join(markdown(record["sides"])) in (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


def test_it_trains_what_the_preset_does() -> None:
    config = load(PRESET)
    space = config.methods["drop_neuron"].space
    assert {name: space[name] for name in SETTINGS} == SETTINGS and space["l1"] == L1
    assert next(entry for entry in config.published if entry.label == "DropNeuron").accuracy == PUBLISHED
