"""How many trials train together at their best, on the device of this process."""

from __future__ import annotations

from study.config import StudyConfig
from study.rehearsal.networks import problems


def best_width(config: StudyConfig) -> int:
    """Lanes of a stack; measured on a GPU, unless the trials of a pack train in turn. Of several networks the largest
    counts. Packs of processors are no wider than MOST (`study.search.pack_size`)."""
    import torch

    from study.search import MOST
    from trainables.rehearsal import best_width as measured
    from trainables.training import stacked

    if not torch.cuda.is_available():
        return MOST
    problem = max(problems(config), key=lambda where: where.graph.macs)
    if not stacked(config.pack.vectorize, torch.device("cuda"), problem):
        return MOST
    return measured(problem, config.recipe(), "cuda", min(1.0, config.resources.gpus_per_worker), least=MOST)
