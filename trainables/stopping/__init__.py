"""Early stopping for several objectives: which lanes go on, from the values of all that were seen at a rung.

Without torch, ray and optuna. `ParetoRule` decides about any number of lanes at once; `Lanes` asks it at each rung of
trials that report one by one. `trainables.ParetoStopper` is the same for anyone's Ray Tune or Optuna.
"""

from trainables.stopping.lanes import Lanes
from trainables.stopping.ranking import expected_rank, hypervolume_contributions, scatter
from trainables.stopping.rule import ParetoRule

__all__ = ["Lanes", "ParetoRule", "expected_rank", "hypervolume_contributions", "scatter"]
