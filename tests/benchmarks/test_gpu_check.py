"""The check of a GPU: its program runs without one, and without Ray and Optuna; where there is a GPU, it is passed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_check

PROGRAM = """
import sys
for name in ("ray", "optuna"):
    sys.modules[name] = None
from benchmarks.gpu_check import main
main(["--quick", "--device", "cpu", "--repeats", "1", "--json", sys.argv[1]])
"""


@pytest.mark.slow
def test_the_program_runs_without_a_gpu_ray_and_optuna(tmp_path: Path) -> None:
    file = tmp_path / "check.json"
    subprocess.run([sys.executable, "-c", PROGRAM, str(file)], check=True, capture_output=True)
    found = json.loads(file.read_text())
    assert found["wrong"] == []
    assert {"alone", "resumed", "compact", "cpu", "graphs"} == set(found["right"]["mlp"]["group_lasso"])
    assert found["faster_than_plain"]["mlp"].keys() == {"pack of 1", "pack of 2", "pack of 4"}


def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gpu_check.TOLERANCES, "cpu", -1.0)
    monkeypatch.setattr(gpu_check, "declarations", lambda: DENSE)
    found = gpu_check.check(torch.device("cpu"), gpu_check.QUICK, 1)
    assert found["wrong"] and found["wrong"][0].startswith("mlp dense cpu: ")


DENSE = {"dense": gpu_check.declarations()["dense"]}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_training_on_the_gpu_is_right() -> None:
    sides = {"mlp": gpu_check.SIDES["mlp"]._replace(widths=(4,))}
    assert gpu_check.check(torch.device("cuda"), sides, 1)["wrong"] == []
