"""How good a front is: epsilon and IGD+ against a reference front, and what each trial contributes."""

from collections.abc import Sequence

import moocore
import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.palette import in_order
from analysis.statistics.definitions import DEFAULT, Reference, distinct, pareto, reference_of
from analysis.statistics.hypervolume import volume


def indicators(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, reference: Reference | None = None
) -> pd.DataFrame:
    """Indicators of each method's front A against the front R over all trials: one line per method.

    Columns method, front (distinct points), and in units of the reference box, so that objectives weigh
    alike: hypervolume, the dominated share; epsilon = max_r min_a max_i (a_i - r_i), the least shift that
    makes A cover R; igd_plus = mean_r min_a ||(a - r)_+||_2. Both are 0 where A covers R, infinite for an
    empty A.

    References: Zitzler et al. 2003 (epsilon); Ishibuchi et al. 2015 (IGD+).
    """
    box = reference or reference_of(trials, objectives)
    best = box.normalise(distinct(pareto(trials, objectives), objectives))
    lines = []
    for method in in_order(trials["method"].unique()):
        front = box.normalise(distinct(pareto(trials[trials["method"] == method], objectives), objectives))
        lines.append(
            {
                "method": method,
                "front": len(front),
                "hypervolume": volume(front),
                "epsilon": float(moocore.epsilon_additive(front, ref=best)) if len(front) else np.inf,
                "igd_plus": float(moocore.igd_plus(front, ref=best)) if len(front) else np.inf,
            }
        )
    return pd.DataFrame(lines)


def contributions(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, reference: Reference | None = None
) -> pd.DataFrame:
    """The front, one trial for each point, with the hypervolume that is lost without it.

    contribution = HV(front) - HV(front without the point), as a share of the box; largest first.
    """
    box = reference or reference_of(trials, objectives)
    front = distinct(pareto(trials, objectives), objectives)
    if front.empty:
        return front.assign(contribution=pd.Series(dtype=float))
    unit = np.clip(box.normalise(front), 0.0, 1.0)
    lost = moocore.hv_contributions(unit, ref=np.ones(len(axes_of(objectives))))
    return front.assign(contribution=lost).sort_values("contribution", ascending=False, kind="stable")
