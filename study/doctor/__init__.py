"""What is wrong with a study directory, how it is put right, and several made into one."""

from study.doctor.checks import Finding
from study.doctor.merge import merge
from study.doctor.repair import examine, fix, recover
from study.doctor.state import State, look

__all__ = ["Finding", "State", "examine", "fix", "look", "merge", "recover"]
