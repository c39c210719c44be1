"""Whether a study would run, before it does: its data, its network, a step of every method, the machine."""

from study.rehearsal.machine import Machine, check_machine
from study.rehearsal.networks import problems, scales
from study.rehearsal.rehearsal import Rehearsal, rehearse
from study.rehearsal.stacking import described, stackings
from study.rehearsal.widths import best_width

__all__ = [
    "Machine",
    "Rehearsal",
    "best_width",
    "check_machine",
    "described",
    "problems",
    "rehearse",
    "scales",
    "stackings",
]
