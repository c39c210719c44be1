"""Whether a study would run, before it does: its data, its network, a step of every method, the machine."""

from study.rehearsal.machine import Machine, check_machine
from study.rehearsal.networks import layer_counts, problems
from study.rehearsal.rehearsal import Rehearsal, rehearse

__all__ = ["Machine", "Rehearsal", "check_machine", "layer_counts", "problems", "rehearse"]
