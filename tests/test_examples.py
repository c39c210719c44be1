"""The programs of examples/ run as their docstrings say, with small budgets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from study.config import load

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SMALL = {
    "own_data": ("main('{place}', trials=2, epochs=4)", "val_accuracy"),
    "own_network": ("main('{place}', trials=2, epochs=4)", "Fewest neurons"),
    "own_stopping": ("main(trials=1, epochs=4)", "Optuna: {'COMPLETE': 1}"),
    "own_tuner": ("print(main(samples=1, epochs=4).get_dataframe()['val_accuracy'])", "val_accuracy"),
}


def test_every_example_is_run() -> None:
    assert set(SMALL) == {file.stem for file in EXAMPLES}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_its_docstring_says_how_to_run_it(file: Path) -> None:
    assert f"cd examples && python {file.name}" in file.read_text()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    code, said = SMALL[name]
    program = f"from {name} import main; {code.format(place=tmp_path / 'runs' / name)}"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_ADDRESS": "local",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "examples", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert said in done.stdout


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_study_is_one_that_can_be_run(file: Path) -> None:
    pytest.importorskip("transformers")
    config = load(str(file))
    assert f"study run examples/{file.name}" in file.read_text()
    assert config.name == file.stem
