"""`study`, also as `python -m study`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """The command line. Ctrl-C and SIGTERM end it quietly, also while it is imported; a run that has begun has its own
    way.

    Not by an exception: extension modules in the middle of an import make another one of it.
    """
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is usual:
            signal.signal(number, _leave)
    from study.cli import main as command

    command()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.stderr.write(f"\nstudy: stopped by {signal.Signals(number).name}\n")
    sys.stderr.flush()
    os._exit(128 + number)


if __name__ == "__main__":
    main()
