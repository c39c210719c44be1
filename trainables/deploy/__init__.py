"""Networks as files: saved, exported, aligned, timed."""

from trainables.deploy.align import aligned, widened
from trainables.deploy.contract import check_example, contract, strangers
from trainables.deploy.export import SUFFIXES, Export, evaluate, export, load
from trainables.deploy.latency import Timing, measure, timed, timing_device
from trainables.deploy.saved import Saved, card, dense, structure

__all__ = [
    "SUFFIXES",
    "Export",
    "Saved",
    "Timing",
    "aligned",
    "card",
    "check_example",
    "contract",
    "dense",
    "evaluate",
    "export",
    "load",
    "measure",
    "strangers",
    "structure",
    "timed",
    "timing_device",
    "widened",
]
