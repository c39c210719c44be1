"""How a study was run, as the report states it."""

import json

import analysis
from study.directory.study_directory import StudyDirectory


def test_recipe_cost_and_time(study):
    facts = analysis.provenance(study.trials, study.configs["made-up"])
    assert facts["data"] == "digits"
    assert facts["model"] == "mlp (widths 64, 32)"
    assert facts["budget"].startswith("dense 12, group_lasso 12")
    assert facts["devices"] == "cpu: 60 trials"
    assert facts["finished"] == "2026-01-02 00:00 to 2026-01-02 00:01 UTC, 110 s from the first trial to the last"
    seconds = study.trials["train_seconds"].sum()
    assert facts["training"] == f"{seconds / 3600:.3g} device hours ({seconds:.3g} s)"
    assert "latency" not in facts
    assert facts["versions"] == "not recorded"


def test_versions_of_all_packs_that_were_looked_at(study_writer, tmp_path):
    directory = StudyDirectory(study_writer(tmp_path / "s"))
    for index, pack in enumerate(sorted(directory.finished())):
        manifest = {"schema": 1, "pack": pack, "method": pack.split("-")[0], "trials": []}
        directory.write_manifest({**manifest, "versions": {"torch": "2.13.0", "study": f"0.{index % 2}"}})
    study = analysis.load(directory.path())
    facts = analysis.provenance(study.trials, study.configs["made-up"], study.directories["made-up"])
    assert facts["torch"] == "2.13.0"
    assert facts["study"] == "0.0, 0.1"


def test_a_damaged_manifest_has_no_versions(study_writer, tmp_path):
    study = analysis.load(study_writer(tmp_path / "s"))
    (tmp_path / "s" / "packs").mkdir()
    (tmp_path / "s" / "packs" / "npn-p0000.json").write_text(json.dumps([]))
    facts = analysis.provenance(study.trials, study.configs["made-up"], study.directories["made-up"])
    assert facts["versions"] == "not recorded"


def test_latency_is_said_or_how_to_measure_it(study):
    args = (study.configs["made-up"], study.directories["made-up"])
    assert analysis.provenance(study.trials, *args)["latency"] == f"not measured; study latency {args[1].path()}"
    measured = study.trials.assign(latency_ms=1.0, latency_ms_condition="cpu, 1 thread, batch 1")
    assert analysis.provenance(measured, *args)["latency"] == "cpu, 1 thread, batch 1, 60 networks"
