"""Random pruning: any units go, the floor that every other criterion has to beat."""

from search_spaces.space import unit_pruning

space = unit_pruning
