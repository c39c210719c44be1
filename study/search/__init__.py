"""Optuna, asked and told in whole packs; its journal for the dashboard."""

from study.search.database import Database
from study.search.outcome import manifest_of, needed, outcome
from study.search.pack_size import MOST, pack_size
from study.search.replay import Simulated, Simulation
from study.search.samplers import Ask
from study.search.search import Search
from study.search.staged import Ended, StagedSearch

__all__ = [
    "MOST",
    "Ask",
    "Database",
    "Ended",
    "Search",
    "Simulated",
    "Simulation",
    "StagedSearch",
    "manifest_of",
    "needed",
    "outcome",
    "pack_size",
]
