"""A study that is complete is concluded from what is in its directory: without Ray, without torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from tests.study.conftest import Grown

_RESUME = """
import sys
import study

result = study.resume(sys.argv[1], progress=False)
assert result.complete and result.finished == result.budget == 32, result
assert not {"ray", "torch"} & set(sys.modules)
"""


def test_it_needs_neither_ray_nor_torch(grow: Callable[..., Grown]) -> None:
    grown = grow(packs=8, finished=8, seeds=2)
    (spoilt, *_), before = grown.path.glob("models/*.safetensors"), grown.directory.trials()
    other = next(trial for trial in before["trial"].to_pylist() if not (grown.path / f"models/{trial}.json").exists())
    grown.write_model(other)
    subprocess.run([sys.executable, "-c", _RESUME, grown.path], check=True)
    assert grown.directory.trials() == before
    assert spoilt.exists() and not (grown.path / f"models/{other}.safetensors").exists(), "off the front of the means"
