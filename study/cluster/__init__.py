"""Clusters of others: a study as a job of theirs, and the files from which they are started."""

from study.cluster.jobs import FINAL, Job, Jobs, is_job
from study.cluster.submission import Shipment, check_data, resuming, running
from study.cluster.templates import PROVIDERS, Cluster, written

__all__ = [
    "FINAL",
    "PROVIDERS",
    "Cluster",
    "Job",
    "Jobs",
    "Shipment",
    "check_data",
    "is_job",
    "resuming",
    "running",
    "written",
]
