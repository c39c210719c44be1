"""The trainable of a study: trains one pack from its newest checkpoint on and publishes its results, once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray import tune

from study.config import StudyConfig
from study.directory import StudyDirectory
from study.running.training import Training
from trainables.own_code import trust
from trainables.trainable import settle_process

REPORT_SECONDS = 1.0
"""How long a step trains before it reports; shorter makes work for the driver, longer makes stopping slow."""

GRACE_SECONDS = 8
"""What an epoch is given to end in once the process is told to go; after that the last checkpoint has to do."""


class StudyTrainable(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
    """``config``: ``directory``, of the study; ``pack``, its manifest's name; ``halvings``, see `Training`;
    ``modules``, of the user's own, as the driver has found.

    ``study`` is what is run, the same for all packs.

    A study directory that cannot be read or written is reported as ``broken``, which ends the study's run. What kills
    the process is Tune's to retry: the pack goes on from its newest checkpoint. SIGTERM leaves a checkpoint behind.
    """

    def setup(self, config: dict[str, Any], study: StudyConfig) -> None:
        settle_process()
        self.study = study
        self._begin(config)

    def _begin(self, config: dict[str, Any]) -> None:
        self.training: Training | None = None
        self.broken: str | None = None
        self.leaving = False
        # Ray's handler raises SystemExit wherever the process is; ours lets the epoch end first.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._asked_to_leave)
        with self._guarded():
            trust(*config.get("modules", ()))
            directory = StudyDirectory(config["directory"])
            self.training = Training(self.study, directory, config["pack"], config.get("halvings", 0))

    def step(self) -> dict[str, Any]:
        report: dict[str, Any] = {}
        with self._guarded():
            if self.training is not None:
                report = self.training.advance(REPORT_SECONDS, until=lambda: self.leaving)
        if self.leaving:
            self._leave()
        return report if self.broken is None else {"broken": self.broken, "trials_done": 0}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def cleanup(self) -> None:
        """Tune stops the trial, since the study was told to stop."""
        with self._guarded():
            if self.training is not None:
                self.training.save()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.training, self.broken = None, f"{type(error).__name__}: {error}"

    def _asked_to_leave(self, number: int, frame: Any) -> None:
        self.leaving = True
        signal.alarm(GRACE_SECONDS)

    def _leave(self) -> None:
        self.cleanup()
        raise SystemExit(128 + signal.SIGTERM)
