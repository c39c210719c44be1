"""The trainable of a study: trains one pack, resumes it from its newest checkpoint, publishes its results once."""

from __future__ import annotations

import time
import traceback
from datetime import UTC, datetime
from typing import Any

from study.results import Manifest, StudyDirectory
from trainables.pack import Pack
from trainables.trainable import SparseTrainable, job, settle_process

Row = dict[str, Any]

REPORT_SECONDS = 1.0
"""How long a step trains before it reports; shorter makes work for the driver, longer makes stopping slow."""


class StudyTrainable(SparseTrainable):
    """``config``: ``study``, the location of the study directory, and ``pack``, the name of the pack's manifest.

    An exception of the model, the data or the method fails the trials of the pack, with the traceback as the reason. What
    kills the process is Tune's to retry: the pack goes on from its newest checkpoint.
    """

    def setup(self, config: dict[str, Any]) -> None:
        settle_process()
        self.directory = StudyDirectory(config["study"])
        self.manifest = self.directory.manifest(config["pack"])
        self.settings = self.directory.config()
        self.failure: str | None = None
        self.attempt(self._set_up_pack)

    def _set_up_pack(self) -> None:
        self.pack = Pack(job(job_config(self.settings, self.manifest)))

    def attempt(self, action: Any) -> None:
        try:
            action()
        except Exception:
            self.failure = traceback.format_exc()

    def step(self) -> dict[str, Any]:
        if self.failure is None:
            self.attempt(self._train_a_while)
        if self.failure is not None:
            self._publish(failed_rows(self.manifest, self.failure), [])
            return {"done": True}
        if self.pack.done:
            self._publish(self.pack.trial_rows(), self.pack.curve_rows())
        return self.report()

    def _train_a_while(self) -> None:
        deadline = time.monotonic() + REPORT_SECONDS
        while not self.pack.done and time.monotonic() < deadline:
            self.pack.train_epoch()

    def _publish(self, trials: list[Row], curves: list[Row]) -> None:
        publish(self.directory, self.settings["name"], self.manifest, trials, curves)


def publish(
    directory: StudyDirectory, study: str, manifest: Manifest, trials: list[Row], curves: list[Row]
) -> None:
    """Writes a pack's results, once: trial and curve rows as `trainables.pack` makes them."""
    pack, method = manifest["pack"], manifest["method"]
    names = {"study": study, "method": method, "pack": pack}
    numbers = {trial["trial"]: trial["number"] for trial in manifest["trials"]}
    now = datetime.now(UTC)
    rows = [names | row | {"number": numbers[row["trial"]], "finished_at": now} for row in trials]
    directory.write_results(pack, method, rows, [names | row for row in curves])


def job_config(settings: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    """The trainable's config of a pack: the study's recipe and the manifest's trials."""
    shared = (
        "data",
        "model",
        "seed",
        "epochs",
        "polish",
        "batch_size",
        "optimizer",
        "lr_schedule",
        "shuffle",
    )
    lanes = [
        {name: trial[name] for name in ("trial", "seed", "data_seed", "parameters")}
        for trial in manifest["trials"]
    ]
    config = {name: settings[name] for name in shared}
    config |= {"evaluate_every": settings["evaluate_every"], "vectorize": settings["pack"]["vectorize"]}
    return config | {"method": manifest["method"], "trials": lanes}


def failed_rows(manifest: Manifest, reason: str) -> list[Row]:
    """A FAILED row for every trial of a pack that could not be trained."""
    return [
        {"trial": trial["trial"], "seed": trial["seed"], "data_seed": trial["data_seed"]}
        | {"lane": lane, "status": "FAILED", "reason": reason}
        | {f"param_{name}": value for name, value in trial["parameters"].items()}
        for lane, trial in enumerate(manifest["trials"])
    ]
