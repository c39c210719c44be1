"""The trainable of a study: trains one pack from its newest checkpoint on and publishes its results, once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import tune

from study.config import StudyConfig
from study.directory import Damaged, StudyDirectory
from study.running.faults import Fault
from study.running.pulse import Pulse
from study.running.sending import SentData
from study.running.training import Training
from study.running.watchdog import Watchdog
from trainables.own_code import trust
from trainables.process import settle_process

REPORT_SECONDS = 1.0
"""How long a step trains before it reports; shorter makes work for the driver, longer makes stopping slow."""

GRACE_SECONDS = 8
"""What an epoch is given to end in once the process is told to go; after that the last checkpoint has to do."""


class StudyTrainable(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
    """``config``: ``pack``, its manifest's name; ``halvings``, see `Training`; ``modules``, of the user's own, as the
    driver has found. Tune writes it down, so that it holds no keys.

    ``study`` is what is run, ``location`` the study directory, which may hold keys, and ``sent`` the data for nodes
    that do not see them: the same for all packs.

    A pack that cannot go on here is reported as a ``fault``, and the process is given up after that: the driver decides
    where the pack goes on. So it does for what kills the process. SIGTERM leaves a checkpoint behind.
    """

    def setup(self, config: dict[str, Any], study: StudyConfig, location: str, sent: SentData | None = None) -> None:
        settle_process()
        self.study, self.location, self.sent = study, location, sent
        self.begun = False
        self.fits: int | None = None
        self._begin(config)

    def _begin(self, config: dict[str, Any]) -> None:
        self.training: Training | None = None
        self.fault: Fault | None = None
        self.told = self.leaving = False
        self.node = ray.get_runtime_context().get_node_id()
        # Ray's handler raises SystemExit wherever the process is; ours lets the epoch end first.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._asked_to_leave)
        directory, pack = StudyDirectory(self.location), config["pack"]
        self.watchdog = Watchdog(directory, pack, self.study.limits)
        self.pulse = Pulse(self.trial_id, lambda: self.watchdog.epochs, lambda: self.watchdog.allowed)
        with self._guarded():
            trust(*config.get("modules", ()))
            if self.sent is not None:
                self.sent.receive()
            halvings, hurry = config.get("halvings", 0), config.get("hurry", 1)
            worker = f"{self.node[:8]}/{os.getpid()}"
            self.training = Training(self.study, directory, pack, halvings, self.begun, hurry, worker, self.fits)
            self.watchdog.watched = self.training

    def step(self) -> dict[str, Any]:
        if self.told and self.fault is not None:
            raise self.fault
        report: dict[str, Any] = {}
        with self._guarded():
            if self.training is not None:
                report = self.training.advance(REPORT_SECONDS, until=lambda: self.leaving)
                self.begun, self.fits = self.begun or self.training.begun, self.training.fits
        if self.leaving:
            self._leave()
        if self.fault is not None:
            self.told = True
            report = {"fault": self.fault.kind, "reason": self.fault.reason, "trials_done": 0}
        return report | {"node": self.node}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.watchdog.close()
        self.pulse.close()
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
            with self.watchdog.working():
                yield
        except Fault as fault:
            self.training, self.fault = None, fault
        except (OSError, Damaged) as error:
            self.training, self.fault = None, Fault("directory", f"{type(error).__name__}: {error}")

    def _asked_to_leave(self, number: int, frame: Any) -> None:
        self.leaving = True
        signal.alarm(GRACE_SECONDS)

    def _leave(self) -> None:
        self.cleanup()
        raise SystemExit(128 + signal.SIGTERM)
