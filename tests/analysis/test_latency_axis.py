"""Latencies beside the trials: those of one way to measure, named on the axis, and what is said without any."""

import numpy as np
import pytest

import analysis
from analysis.report.payload import payload
from study.directory.study_directory import StudyDirectory


def timed(trial, milliseconds, batch=1, **changes):
    row = {"trial": trial, "network": "compact" if trial else "dense", "neurons": 1, "macs": 1, "batch": batch}
    row |= {"device": "cpu", "dtype": "float32", "threads": 1, "compiled": False, "cuda_graph": False}
    return row | {"p50_ms": milliseconds, "p95_ms": milliseconds, "runs": 30, "load": 0.1} | changes


@pytest.fixture
def place(study_writer, tmp_path):
    location = study_writer(tmp_path / "timed")
    rows = [timed(None, 2.0), timed(None, 9.0, 64)]
    rows += [timed(f"npn-0000{number}", 0.01 * (number + 1)) for number in range(4)]
    rows += [timed("npn-00001", 3.0, 64), timed("npn-00001", 0.001, network="aligned to 8")]
    StudyDirectory(location).write_latencies(rows)
    return location


def test_the_way_that_most_networks_were_measured_in_is_taken(place):
    trials = analysis.load(place).trials.set_index("trial")
    assert trials["latency_ms"].dropna().to_dict() == {f"npn-0000{number}": 0.01 * (number + 1) for number in range(4)}
    assert (trials["dense_latency_ms"] == 2.0).all()
    assert set(trials["latency_ms_condition"].dropna()) == {"cpu, 1 thread, batch 1"}


def test_a_batch_may_be_asked_for(place):
    trials = analysis.load(place, batch=64).trials.set_index("trial")
    assert trials["latency_ms"].dropna().to_dict() == {"npn-00001": 3.0}
    with pytest.raises(ValueError, match=r"which latencies were measured \(\[1, 64\]\), but got 8"):
        analysis.load(place, batch=8)


def test_only_measured_trials_are_on_the_front_and_the_axis_says_how(place):
    study = analysis.load(place)
    objectives = ("accuracy", "latency")
    front = analysis.pareto(study.trials, objectives)
    assert len(front) and set(front["trial"]) <= {f"npn-0000{number}" for number in range(4)}
    assert set(study.left_out(objectives)["why"]) == {"FAILED", "latency missing"}
    data = analysis.front_data(study.trials, objectives)
    assert data.plane.x.title == "Latency / ms, cpu, 1 thread, batch 1"
    labels = [tick.get_text() for tick in analysis.front_figure(data).axes[0].get_xticklabels()]
    assert labels and not any("m" in label for label in labels)
    best = front.loc[front["latency_ms"].idxmin()]
    assert analysis.hypervolume(study.trials, objectives) > best["val_accuracy"] * (1 - best["latency_ms"] / 2.0) - 1e-9


def test_the_page_has_the_axis(place):
    data = payload(analysis.load(place))
    axis = data["counts"][-1]
    assert (axis["name"], axis["unit"], axis["title"]) == ("latency", "ms", "Latency / ms, cpu, 1 thread, batch 1")
    assert np.isfinite([value for value in data["trials"]["counts"]["latency"] if value is not None]).sum() == 4
    assert data["fronts"]["latency"]


def test_several_studies_are_measured_in_one_way(place, study_writer, tmp_path):
    other = study_writer(tmp_path / "other", name="other")
    StudyDirectory(other).write_latencies([timed("npn-00001", 1.0, device="NVIDIA L4", threads=2)])
    trials = analysis.load(place, other).trials
    assert set(trials[trials["latency_ms"].notna()]["study"]) == {"made-up"}
    assert trials[trials["study"] == "other"]["dense_latency_ms"].isna().all()


def test_without_any_the_command_is_told(study):
    assert "latency_ms" not in study.trials
    with pytest.raises(ValueError, match="measure that of the front's networks with: study latency DIR"):
        analysis.pareto(study.trials, ("accuracy", "latency"))
