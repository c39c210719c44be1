"""Magnitude pruning: the units of smallest norm go at once, training goes on (Li et al. 2017, structured)."""

from search_spaces.space import unit_pruning

space = unit_pruning
