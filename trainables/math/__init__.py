"""The mathematics: proximal operators, gates and random streams, as pure functions on stacked tensors."""

from trainables.math import gates, prox
from trainables.math.streams import generator, uniform

__all__ = ["gates", "generator", "prox", "uniform"]
