"""Latencies beside the trials they belong to: those measured in one way, since others do not compare."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.axes import CONDITION
from study.directory import AFTERWARDS, StudyError

COLUMN = AFTERWARDS["latency"].column
_WAY = ["device", "batch", "threads", "compiled", "cuda_graph", "dtype"]


def with_latency(
    trials: pd.DataFrame,
    measured: Sequence[tuple[str, pa.Table]],
    batch: int | None,
    configs: Mapping[str, Mapping[str, Any]],
) -> pd.DataFrame:
    """The trials with `latency_ms` (the median of single runs), the dense network's, and how they were measured.

    What a study searched, timed at the end of each trial, goes before what `study latency` measured of some of them,
    unless a batch is asked for. Of several ways to measure the one that most networks were measured in is taken, of
    equals the smallest batch. Where nothing was measured the trials have no such columns.

    Args:
        measured: studies and what `study latency` found in them.
        batch: how many examples at once; None for whichever was measured.
        configs: the study.yaml of each study.

    Raises:
        ValueError: latencies were measured, but none with such a batch.
    """
    if batch is None and trials[COLUMN].notna().any():
        return _searched(trials, configs)
    trials = trials.drop(columns=[COLUMN, f"dense_{COLUMN}"])
    frames = [table.to_pandas().assign(study=name) for name, table in measured if table.num_rows]
    if not frames:
        return trials
    rows = pd.concat(frames)
    rows = rows[rows["network"].isin(["compact", "dense"])]
    if batch is not None:
        known = sorted(rows["batch"].unique().tolist())
        if batch not in known:
            raise StudyError(f"expected a batch of which latencies were measured ({known}), but got {batch}")
        rows = rows[rows["batch"] == batch]
    way = rows.groupby(_WAY, sort=True).size().sort_values(ascending=False, kind="stable").index[0]
    rows = rows[(rows[_WAY] == list(way)).all(axis=1)]
    own = rows[rows["trial"].notna()].set_index(["study", "trial"])["p50_ms"]
    whole = rows[rows["trial"].isna()].set_index("study")["p50_ms"]
    keys = pd.MultiIndex.from_arrays([trials["study"].astype(str), trials["trial"].astype(str)])
    latency = own.reindex(keys).to_numpy()
    dense = trials["study"].astype(str).map(whole).to_numpy(dtype="float64")
    text = pd.Series(described(dict(zip(_WAY, way, strict=True))), trials.index).where(pd.notna(latency))
    columns = {COLUMN: latency, f"dense_{COLUMN}": dense, f"{COLUMN}{CONDITION}": text}
    return trials.assign(**columns)


def _searched(trials: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """With how each study timed its trials, as far as it did."""
    rest = {"compiled": False, "cuda_graph": False, "dtype": "float32"}
    ways = {name: described({**rest, **config["latency"]}) for name, config in configs.items() if "latency" in config}
    text = trials["study"].astype(str).map(ways).where(trials[COLUMN].notna())
    return trials.assign(**{f"{COLUMN}{CONDITION}": text})


def described(way: Mapping[str, Any]) -> str:
    """How a latency was measured: `cpu, 1 thread, batch 64`."""
    threads = f"{way['threads']} thread{'' if way['threads'] == 1 else 's'}" if way["device"] == "cpu" else ""
    compiled = "torch.compile" if way["compiled"] else ""
    graph = "CUDA graph" if way["cuda_graph"] else ""
    dtype = way["dtype"] if way["dtype"] != "float32" else ""
    return ", ".join(filter(None, [way["device"], threads, f"batch {way['batch']}", compiled, graph, dtype]))
