"""Searches replayed on a finished study's table."""

from study.search.replay.simulation import Simulated, Simulation

__all__ = ["Simulated", "Simulation"]
