"""The package as a whole: what it exports and what it leaves alone."""

import subprocess
import sys
from types import ModuleType

import analysis


def test_all_is_what_is_exported():
    public = {
        name for name, value in vars(analysis).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public == set(analysis.__all__)
    assert analysis.__all__ == sorted(analysis.__all__)


def test_import_loads_neither_torch_nor_ray():
    code = "import sys, analysis; print(sorted({'torch', 'ray', 'optuna'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
