"""`study`, also as `python -m study`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """The command line. Ctrl-C ends it quietly, also while it is imported; a run that has begun has its own way.

    Not by an exception: extension modules in the middle of an import make another one of it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from study.cli import main as command

    command()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.stderr.write("\nstudy: stopped by SIGINT\n")
    sys.stderr.flush()
    os._exit(128 + number)


if __name__ == "__main__":
    main()
