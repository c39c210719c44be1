"""What Prometheus is told, and that the dashboard draws it; tests/study/cluster asks a real exporter."""

from __future__ import annotations

import json
import re
from pathlib import Path

from study import cluster
from study.running.metrics import GAUGES, Metrics
from study.running.monitor import Monitor
from tests.study.conftest import configuration


def test_the_gauges_say_where_a_study_stands() -> None:
    config = configuration(trials=8, epochs=10, methods=["group_lasso"])
    now = [0.0]
    monitor = Monitor(config, clock=lambda: now[0])
    metrics = Metrics(config, lambda rows, objectives: 0.25 * len(rows))
    row = {"method": "group_lasso", "trial": "a", "epochs": 10, "val_accuracy": 0.9, "neurons": 5}
    failed = row | {"trial": "b", "status": "FAILED", "reason": "x"}
    monitor.finished("group_lasso-p0000", [row | {"status": "COMPLETE"}, failed])
    monitor.started({"schema": 1, "pack": "group_lasso-p0001", "method": "group_lasso", "trials": [{}] * 4})  # type: ignore
    first = {(name, *labels.values()): value for name, labels, value in metrics.values(monitor, 5)}
    assert first["study_trials", "digits", "group_lasso", "complete"] == 1
    assert first["study_trials", "digits", "group_lasso", "failed"] == 1
    assert first["study_trials", "digits", "group_lasso", "training"] == 4
    assert first["study_trials", "digits", "group_lasso", "waiting"] == 2
    assert first["study_best", "digits", "group_lasso", "accuracy"] == 0.9
    assert first["study_hypervolume", "digits", "group_lasso"] == 0.25, "of the front"
    assert ("study_epochs_per_second", "digits") not in first, "nothing to compare with"
    report = {
        "fraction": 0.5,
        "part": 0.0,
        "gained": 0.5,
        "seconds": 5.0,
        "epoch": 5,
        "epochs": 10,
        "together": 4,
        "trials_done": 0,
    }
    monitor.advanced("group_lasso-p0001", report | {"trials_done": 0})
    second = {name: value for name, _, value in metrics.values(monitor, 5)}
    assert second["study_epochs_per_second"] == 4 * 5 / 5
    assert second["study_worker_seconds"] == 5, "what is in training counts"
    monitor.stopped("group_lasso-p0001")
    assert monitor.worker_seconds("group_lasso") == 5, "and what was lost"
    assert second["study_lanes_busy"] == 4 and second["study_packs_training"] == 1


def test_the_dashboard_draws_what_is_told() -> None:
    file = Path(str(cluster.__file__)).parent / "grafana.json"
    dashboard = json.loads(file.read_text())
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    named = {name.removeprefix("ray_") for expression in drawn for name in re.findall(r"ray_study_\w+", expression)}
    assert named == set(GAUGES)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
