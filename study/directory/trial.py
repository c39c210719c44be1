"""One trial of a study, by its name: what was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study.directory.study_directory import StudyDirectory
from study.directory.tables import PARAMETER, Manifest, TrialSpec
from trainables.errors import StudyError, nearest


@dataclass(frozen=True)
class FoundTrial:
    """A trial with its pack. ``row``: as in TRIALS, None until its pack is finished."""

    spec: TrialSpec
    manifest: Manifest
    row: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        return self.spec["trial"]

    @property
    def method(self) -> str:
        return self.manifest["method"]

    @property
    def pack(self) -> str:
        return self.manifest["pack"]

    @property
    def status(self) -> str:
        return "IN FLIGHT" if self.row is None else str(self.row["status"])


def find_trial(directory: StudyDirectory, trial: str) -> FoundTrial:
    """The trial of that name.

    Raises:
        StudyError: the study has none; it names the nearest.
    """
    manifests = directory.manifests()
    for manifest in manifests:
        for spec in manifest["trials"]:
            if spec["trial"] == trial:
                pack = manifest["pack"]
                rows = directory.rows(pack, manifest["method"]) if pack in directory.finished() else []
                return FoundTrial(spec, manifest, next((row for row in rows if row["trial"] == trial), None))
    names = [spec["trial"] for manifest in manifests for spec in manifest["trials"]]
    near = nearest(trial, names)
    hint = f"; did you mean {near}?" if near else f"; there are {len(names)}, such as {names[0]}" if names else ""
    raise StudyError(f"expected a trial of {directory.path()} but got {trial!r}{hint}")


def parameters_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's parameters by name, from its row."""
    return {
        name.removeprefix(PARAMETER): value
        for name, value in row.items()
        if name.startswith(PARAMETER) and value is not None
    }
