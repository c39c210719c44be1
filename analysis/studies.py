"""Study directories as tidy frames."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.axes import AXES, axes_of
from analysis.latency import with_latency
from analysis.statistics import BOUND, DEFAULT, REQUIRED, Answers, baseline, left_out, unpacked
from study.directory import (
    CURVES,
    PARAMETER,
    TRIALS_READ,
    StudyDirectory,
    StudyError,
    concatenate,
    constraint_of,
    replicates,
)

__all__ = ["Location", "Study", "load"]

Location = str | PathLike[str]


@dataclass(frozen=True)
class Study:
    """What was measured in one study or several.

    Attributes:
        trials: one row per trial. Counts are nullable integers, metrics float64 (NaN where they do not
            apply), times are UTC; columns as in study.directory.TRIALS_READ, then `param_NAME`, then those of
            `analysis.latency` if any was measured, `configuration` where one has several seeds, and
            `required_COLUMN` where a study requires something; see analysis.statistics.definitions.
        configs: the resolved study.yaml of each study, by the name in the column `study`.
        directories: where each study lies, by the same name.
    """

    trials: pd.DataFrame
    configs: Mapping[str, Mapping[str, Any]]
    directories: Mapping[str, StudyDirectory]

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row per trial and epoch, read when first asked for; columns as in study.directory.CURVES."""
        parts = [_named(directory.curves(), name) for name, directory in self.directories.items()]
        return to_frame(concatenate(parts, CURVES))

    def curves_of(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The curves of some of the trials; only their packs are read, which of a large study is far sooner done."""
        parts = []
        for name, own in trials.groupby("study", observed=True):
            curves = self.directories[str(name)].curves(set(own["pack"]), set(own["trial"]))
            parts.append(_named(curves, str(name)))
        return to_frame(concatenate(parts, CURVES))

    @cached_property
    def spaces(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """What parameters were drawn from, Optuna's distributions by study, method and parameter.

        Empty for methods of older studies, whose manifests do not say.
        """
        from optuna.distributions import json_to_distribution

        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for (name, method), own in self.trials.groupby(["study", "method"], observed=True):
            try:
                manifest = self.directories[str(name)].manifest(str(own["pack"].iloc[-1]))
            except (StudyError, OSError):
                continue
            space = {key: json_to_distribution(text) for key, text in manifest.get("space", {}).items()}
            found.setdefault(str(name), {})[str(method)] = space
        return found

    @property
    def objectives(self) -> tuple[str, ...]:
        """What the first study optimises."""
        return tuple(next(iter(self.configs.values())).get("objectives", DEFAULT))

    @property
    def published(self) -> tuple[Mapping[str, Any], ...]:
        """Others' results, as the studies' YAML states them; each once."""
        entries = [entry for config in self.configs.values() for entry in config.get("published", ())]
        return tuple(entry for index, entry in enumerate(entries) if entry not in entries[:index])

    def answers(self, name: str, trials: Iterable[str] | None = None) -> Answers | None:
        """How each example was answered by the trials of one of the studies, or by some of them.

        None where that was not recorded (by versions before schema 6), or where repetitions draw splits of their own.
        """
        if dict(self.configs[name].get("data") or {}).get("resample"):
            return None
        return unpacked(self.directories[name].answers(None if trials is None else set(trials)))

    def left_out(self, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
        """How many trials stay off the fronts of these objectives and why; see analysis.left_out."""
        return left_out(self.trials, objectives)


def load(*locations: Location, batch: int | None = None) -> Study:
    """Read one or several study directories, given as paths or object-store URIs.

    Studies of the same name are told apart by their location in the column `study`.

    Args:
        batch: of the latencies in the trials, where several were measured (`study latency`).

    Raises:
        ValueError: no location, or one named twice; no latencies of this batch.
        study.directory.NotAStudy: a location is not a study directory (a FileNotFoundError).
    """
    places = [str(location) for location in locations]
    if not places or len(set(places)) != len(places):
        raise StudyError(f"expected one or several different study directories, got {places}")
    directories = [StudyDirectory(place) for place in places]
    configs = [directory.config() for directory in directories]
    names = [str(config["name"]) for config in configs]
    if len(set(names)) != len(names):
        names = places
    trials = [_named(directory.trials(), name) for directory, name in zip(directories, names, strict=True)]
    latencies = [(name, directory.latencies()) for directory, name in zip(directories, names, strict=True)]
    by_name = dict(zip(names, configs, strict=True))
    frame = with_latency(to_frame(concatenate(trials, TRIALS_READ)), latencies, batch, by_name)
    return Study(
        _described(frame, by_name),
        by_name,
        dict(zip(names, directories, strict=True)),
    )


def _described(trials: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """With what each study requires of its trials, and the configuration of each trial where one has several."""
    studies = trials["study"].astype(str)
    trials = trials.assign(search=trials["search"].fillna(0).astype("int32"))
    bounds = {name: config.get("require") or {} for name, config in configs.items()}
    for axis in axes_of(AXES):
        own = {name: float(required[axis.name]) for name, required in bounds.items() if axis.name in required}
        if own:
            trials = trials.assign(**{f"{REQUIRED}{axis.column}": studies.map(own).astype("float64")})
    trials = _bounded(trials, configs)
    repeated = [_repeated(name, config) for name, config in configs.items()]
    return with_configurations(trials, dict(pair for pairs in repeated for pair in pairs.items()))


def _bounded(trials: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """With where each study's constraints lie: relative to the dense network's score, at that of its best trial."""
    studies, axes = trials["study"].astype(str), {axis.name: axis for axis in axes_of(AXES)}
    for name, config in configs.items():
        own = (studies == name).to_numpy()
        for text in config.get("constraints") or ():
            constraint = constraint_of(text)
            axis = axes.get(constraint.objective)
            if axis is None:
                continue
            if constraint.is_score:
                control = baseline(trials[own], axis.name)
                bound = constraint.bound(control.validation if control else None)
            else:
                sizes = trials.loc[own, f"dense_{axis.column}"].dropna() if constraint.share else trials.loc[[]]
                bound = constraint.bound(float(sizes.to_numpy(dtype=np.float64).max()) if len(sizes) else None)
            if bound is not None:
                column = f"{BOUND}{axis.column}"
                known = trials[column] if column in trials else pd.Series(np.nan, index=trials.index)
                trials = trials.assign(**{column: known.mask(own, bound)})
    return trials


def _repeated(study: str, config: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """How many trials in a row are of one configuration, by study and method."""
    return {(study, method): count for method, count in replicates(config).items()}


def with_configurations(trials: pd.DataFrame, seeds: Mapping[tuple[str, str], int]) -> pd.DataFrame:
    """With a column `configuration`, where any configuration has several trials.

    Trials of a method whose parameters are all pinned differ in their seeds only: they are one configuration.
    """
    numbers = trials["number"].to_numpy(dtype=np.int64).copy()
    several = False
    groups: dict[Any, Any] = dict(trials.groupby(["study", "method"], observed=True).indices)
    for (name, method), own in groups.items():
        count = seeds.get((str(name), str(method)), 1)
        parameters = [name for name in trials.columns if name.startswith(PARAMETER)]
        part = trials.iloc[own][parameters]
        pinned = part.notna().any().any() and all(_constant(part[name]) for name in parameters)
        if pinned or count > 1:
            numbers[own] = 0 if pinned else numbers[own] // count
            several |= len(own) > 1
    if "repeats" in trials and (again := trials["repeats"].notna().to_numpy()).any():
        numbers[again] = trials.loc[again, "repeats"].to_numpy(dtype=np.int64)
        several = True
    return trials.assign(configuration=numbers) if several else trials


def _constant(values: "pd.Series[Any]") -> bool:
    return bool(values.isna().all() or (values == values.iloc[0]).all())


def _named(table: pa.Table, study: str) -> pa.Table:
    return table.set_column(table.schema.get_field_index("study"), "study", pa.repeat(study, table.num_rows))


def to_frame(table: pa.Table) -> pd.DataFrame:
    """The table in pandas: integers stay integers beside nulls, repeated words become categories."""
    words = [name for name in ("study", "method", "status") if name in table.column_names]
    frame: pd.DataFrame = table.to_pandas(types_mapper=_pandas_type, categories=words, split_blocks=True)
    return frame


def _pandas_type(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        # A million little arrays would cost more memory than all other columns together.
        return pd.ArrowDtype(kind)
    return {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}.get(kind)
