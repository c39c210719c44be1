"""The Python in README.md runs as it is written, with a smaller study."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
MINE = """
name: mine
data: {name: digits, limit: 240}
model: {name: mlp, widths: [8]}
epochs: 2
polish: 1
methods: {dense: , group_lasso: {space: {lambda: [1e-4, 1e-1]}}}  # as in the README's file
resources: {workers: 1}
"""
SMALLER = {"trials=16": "trials=2", "trials=32": "trials=3", '"epochs": 30': '"epochs": 3', "runs/digits": "runs/mine"}


@pytest.mark.ray
@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    """In its order of use: what a study made is looked at."""
    (tmp_path / "mine.yaml").write_text(MINE)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    assert len(BLOCKS) == 3
    for block in sorted(BLOCKS, key=lambda code: "import analysis" in code):
        code = block
        for written, small in SMALLER.items():
            code = code.replace(written, small)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block}\n{done.stderr[-3000:]}"
