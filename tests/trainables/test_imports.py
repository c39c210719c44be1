"""What a worker does not use it does not import: seconds of every start."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "torch._dynamo",
    "torch._inductor",
    "torch.onnx",
    "sympy",
    "sklearn",
    "scipy",
    "torch.distributed.fsdp",
    "optuna",
)

PROGRAM = f"""
import sys
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Trial

trials = tuple(Trial(f"t{{i}}", i, 0, {{}}) for i in range(2))
data, model = {{"name": "digits", "limit": 64}}, {{"name": "mlp", "widths": [4]}}
pack = Pack(Job("npn", data, model, Recipe(epochs=2, polish=1), trials))
while not pack.done:
    pack.train_epoch()
assert pack.trial_rows()[0]["status"] == "COMPLETE"
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_a_pack_is_trained_without_compilers_and_libraries_that_it_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
