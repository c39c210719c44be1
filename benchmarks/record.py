"""What benchmarks have in common: they take `--json FILE`, and write what they measured there beside the machine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import machine


def parser(description: str | None, repeats: int | None = None) -> argparse.ArgumentParser:
    """With ``json``, a path or None, and ``repeats`` where a number of them is given."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the result here")
    if repeats is not None:
        made.add_argument("--repeats", type=int, default=repeats)
    return made


def record(result: Mapping[str, Any], file: Path | None) -> None:
    """Write what was measured, and on what."""
    if file is not None:
        file.write_text(json.dumps({"machine": machine(), **result}, indent=2) + "\n")
