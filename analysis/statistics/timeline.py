"""When packs trained, and how many at once: from when they finished and how long they took."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.effort import epochs_trained

SLACK = 0.05
"""The share of a pack's time that it may reach back into the pack before it: the clock and the sum are not the same."""


def packs(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per pack, in the order of their starts.

    Columns: method, pack, device, worker, trials, failed, epochs, start, end, line.

    `start` and `end` are seconds since the first pack began. A pack's seconds are shared by its trials, so that it
    began at the end of the last of them less the sum of all; a pack that was interrupted is shown without its breaks.
    `line`, from 0, is a worker's, in the order of their first packs; of several that trained a pack the last one's.
    Where a study did not record its workers (before schema 7), packs of one line were not in training at once, and
    there are as few lines as that allows.
    """
    known = trials[trials["finished_at"].notna() & (trials["train_seconds"].fillna(0.0) > 0)]
    columns = ["method", "pack", "device", "worker", "trials", "failed", "epochs", "start", "end", "line"]
    if known.empty:
        return pd.DataFrame(columns=columns)
    rows = []
    for (_, pack), own in known.groupby(["study", "pack"], observed=True, sort=True):
        end = own["finished_at"].max().timestamp()
        rows.append(
            {
                "method": str(own["method"].iloc[0]),
                "pack": str(pack),
                "device": own["device"].iloc[0] if "device" in own else None,
                "worker": own.sort_values("finished_at")["worker"].iloc[-1] if "worker" in own else None,
                "trials": len(own),
                "failed": int((~own["status"].isin(["COMPLETE", "STOPPED"])).sum()),
                "epochs": int(epochs_trained(own).sum()) if "epochs" in own else 0,
                "start": end - float(own["train_seconds"].sum()),
                "end": end,
            }
        )
    found = pd.DataFrame(rows)
    found[["start", "end"]] -= found["start"].min()
    found = found.sort_values(["start", "pack"], kind="stable").reset_index(drop=True)
    if found["worker"].notna().all():
        return found.assign(line=pd.factorize(found["worker"])[0])[columns]
    return found.assign(line=_lines(found["start"].to_numpy(), found["end"].to_numpy()))[columns]


def _lines(start: NDArray[np.float64], end: NDArray[np.float64]) -> list[int]:
    """The first line that is free, for each interval in the order of their starts."""
    free: list[float] = []
    chosen = []
    for begin, stop in zip(start, end, strict=True):
        slack = SLACK * (stop - begin)
        line = next((index for index, until in enumerate(free) if until <= begin + slack), len(free))
        if line == len(free):
            free.append(stop)
        free[line] = stop
        chosen.append(line)
    return chosen
