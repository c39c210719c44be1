"""What is wrong with a study directory, how it is put right, and several made into one."""

from study.doctor.checks import Finding
from study.doctor.merge import merge
from study.doctor.repair import examine, fix, recover

__all__ = ["Finding", "examine", "fix", "merge", "recover"]
