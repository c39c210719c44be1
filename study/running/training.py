"""One pack in training: from its newest checkpoint to its results in the study directory."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from study.config import StudyConfig
from study.directory import (
    Checkpoints,
    Damaged,
    Manifest,
    StudyDirectory,
    TrialSpec,
    is_segment,
)
from study.running.faults import Fault, explained, kind_of
from study.running.networks import Writer
from study.running.publishing import failed_rows, publish
from trainables.declarations import architecture
from trainables.deploy import timing_device
from trainables.problem import check_materials, problem
from trainables.training import Job, LaneState, Outcome, Pack, Trial, read_teacher

Row = dict[str, Any]


class Training:
    """`advance` until ``done``.

    An exception that is the trials' own fails those of the pack that are not finished, with the traceback as the
    reason; its checkpoints stay. Without enough memory they start again in two packs of half the size, one after the
    other, and so on down to single trials: what a trial gives does not depend on who shares its pack.

    Args:
        config: the study.
        directory: its directory.
        pack: the name of a manifest in it.
        halvings: how often to halve the pack before it starts; workers were lost with larger ones.
        begun: whether this process has trained an epoch of the study before.
        hurry: how many times as often as configured to write checkpoints.
        worker: the process that this is, for the trials' rows.
        fits: of lanes together, where this process has found that more do not; None for any number.

    Raises:
        Fault: the pack cannot go on here, for which its trials are not to be blamed; here and in `advance`.
        OSError: the study directory cannot be read or written; here and in all methods, and for no other reason.
    """

    def __init__(
        self,
        config: StudyConfig,
        directory: StudyDirectory,
        pack: str,
        halvings: int = 0,
        begun: bool = False,
        hurry: int = 1,
        worker: str | None = None,
        fits: int | None = None,
    ) -> None:
        self.config, self.directory, self.begun, self.worker = config, directory, begun, worker
        self.fits = fits
        self.manifest = directory.manifest(pack)
        seconds, epochs = config.checkpoint.seconds, config.checkpoint.epochs
        self.checkpoints = Checkpoints(directory.store, pack, seconds and seconds / hurry, epochs)
        self.writer = Writer(config, directory, self.manifest)
        self.networks: list[tuple[list[Row], list[Outcome | None]]] = []
        self.leaving: list[tuple[list[Row], list[LaneState]]] = []
        """Lanes at the end of a segment, with the rows that they would end with."""
        self._begin()
        self._go_on()
        self._since, self._found = time.monotonic(), self._fraction()
        while self.halvings < halvings and any(len(part) > 1 for part in self.parts):
            self._halve("")
        while self.pack is None and self.fits is not None and max(map(len, self.parts), default=0) > self.fits:
            self._halve("")

    def _begin(self) -> None:
        self.epochs = self.halvings = 0
        self.failed = False
        self.trials: list[Row] = []
        self.curves: list[Row] = []
        self.parts: list[Sequence[Trial]] = [trials_of(self.manifest)]
        """What is not finished, in the packs it is trained in."""
        self.pack: Pack | None = None
        """Of ``parts[0]``, once it has started."""
        self.under_way: Iterator[None] | None = None
        """What is left of the epoch that it trains."""

    def _go_on(self) -> None:
        state = self.checkpoints.newest(_device())
        if state is None:
            return
        try:
            self._load(state)
        except Fault:
            raise
        except Exception as error:
            kind, reason = kind_of(error, begun=True), explained(error)
            if kind == "place":
                raise Fault(kind, reason) from error
            if kind == "memory":
                self._load(state | {"pack": None})
                self._halve(reason)
                return
            self.checkpoints.damaged.append(
                f"{self.manifest['pack']} starts over, its checkpoint does not fit: {error!r}"
            )
            self._begin()

    @property
    def done(self) -> bool:
        return not self.parts

    @property
    def step(self) -> object:
        """Changes with every step of training; read by the watchdog, from another thread."""
        pack = self.pack
        stack = pack.stack if pack is not None else None
        return None if stack is None else (id(stack), stack.step)

    def advance(self, seconds: float, until: Callable[[], bool] = lambda: False) -> Row:
        """Train for about so long; write a checkpoint when one is due, the results when done.

        Args:
            until: asked after every epoch whether to stop there, and then not before.

        Returns:
            How far the pack is, for Tune.
        """
        deadline = time.monotonic() + seconds
        while not self.done and time.monotonic() < deadline and (self.under_way is not None or not until()):
            self._train(deadline)
        if self.done:
            if "step" in self.manifest:
                rows = [row | {"worker": self.worker} for row in self.trials]
                self.directory.segments.write_account(self.manifest["pack"], rows, self.curves)
            else:
                publish(self.directory, self.config.name, self.manifest, self.trials, self.curves, self.worker)
            if not self.failed:
                with contextlib.suppress(OSError):  # what stays is removed when the study is resumed
                    self.checkpoints.clear()
        return self.report()

    def report(self) -> Row:
        """How far the pack is: ``fraction`` of its training in whole epochs, ``gained`` of that in ``seconds`` here,
        ``part`` of it in the epoch under way; at which epoch the trials are that train at the moment, ``together`` of
        them."""
        stack = self.pack.stack if self.pack is not None else None
        return {
            "trials_done": len(self.trials) + (self.pack.trials_done if self.pack is not None else 0),
            "fraction": self._fraction(),
            "gained": self._fraction() - self._found,
            "part": self._part(),
            "seconds": time.monotonic() - self._since,
            "epoch": stack.epoch if stack is not None else 0,
            "epochs": self.config.epochs,
            "together": len(stack.trials) if stack is not None else 0,
            "halvings": self.halvings,
            "damaged": self.checkpoints.damaged,
            "done": self.done,
        }

    def _fraction(self) -> float:
        trials = float(len(self.trials))
        if self.pack is not None:
            trials += len(self.parts[0]) * self.pack.epochs_done / self.pack.epochs_total
        return trials / len(self.manifest["trials"])

    def _part(self) -> float:
        if self.pack is None or self.under_way is None:
            return 0.0
        share = len(self.parts[0]) / self.pack.epochs_total / len(self.manifest["trials"])
        return self.pack.part * share

    def save(self) -> None:
        """Write a checkpoint of where the pack is, once the epoch under way is over."""
        if self.under_way is not None:
            self._train(math.inf)
        if not self.done and self.epochs and not self._overtaken():
            self.checkpoints.save(self.epochs, self._state())

    def _overtaken(self) -> bool:
        """Whether another driver's worker has finished the pack: this one's was suspended, and is to change nothing."""
        return "step" not in self.manifest and self.directory.is_finished(
            self.manifest["pack"], self.manifest["method"]
        )

    def _train(self, deadline: float) -> None:
        """To the end of the epoch, unless it is late before; what follows an epoch."""
        self._attempt(lambda: self._train_steps(deadline))
        if self.under_way is not None:
            return
        self._write_networks()
        if not self.done and self.checkpoints.due(self.epochs):
            self.save()

    def _train_steps(self, deadline: float) -> None:
        if self.pack is None:
            self.pack = self._new_pack()
        if self.under_way is None and not self.pack.done:  # networks that cannot be built are done at once
            self.under_way = self.pack.steps_of_epoch()
        for _ in self.under_way or ():
            if time.monotonic() >= deadline:
                return
        self.under_way = None
        self.epochs += 1
        if self.pack.done:
            self._keep(self.pack)
            del self.parts[0]
            self.pack = None

    def _new_pack(self) -> Pack:
        job = job_of(self.config, self.manifest, self.parts[0])
        try:  # the same for all trials, and the driver could make it: what fails here is not theirs
            seeds = [trial.data_seed for trial in job.trials]
            if any(architecture(trial.parameters) for trial in job.trials):
                check_materials(job.data, job.model, job.seed, seeds)
            else:
                problem(job.data, job.model, job.seed, seeds)
            if job.recipe.distil and job.recipe.distil.teacher:
                read_teacher(job.recipe.distil.teacher)
            if job.latency is not None:
                timing_device(job.latency["device"])
        except Exception as error:
            raise Fault("place", explained(error)) from error
        start, until = self.manifest.get("start", 0), self.manifest.get("until")
        try:
            lanes = self._lanes(self.parts[0]) if start else {}
        except (FileNotFoundError, Damaged) as error:
            start, lanes = 0, {}
            self.checkpoints.damaged.append(
                f"{self.manifest['pack']} trains from the first epoch, what it was to go on from is not there: {error}"
            )
        return Pack(
            dataclasses.replace(job, start=start, until=until),
            keep=lambda *found: self.networks.append(found),
            lanes=lanes,
            leave=lambda *found: self.leaving.append(found),
        )

    def _lanes(self, trials: Sequence[Trial]) -> dict[str, LaneState]:
        """What the trials go on from."""
        specs = {spec["trial"]: spec for spec in self.manifest["trials"]}
        segments, device, found = self.directory.segments, _device(), dict[str, LaneState]()
        read = {name: segments.state(name) for name in {specs[one.trial]["state"] for one in trials}}
        for one in trials:
            spec = specs[one.trial]
            lane = LaneState.decode(read[spec["state"]], device)
            shared = 0 if is_segment(self.manifest["pack"]) else min(self._shared(spec), lane.epoch)
            found[one.trial] = lane.since(shared) if shared else lane
        return found

    def _shared(self, spec: TrialSpec) -> int:
        """Of the epochs that a lane goes on from, those that another trial counts; of a path, its first point."""
        path = self.config.path_of(self.manifest["method"])
        if path is not None and spec["number"] < path.points:
            return 0
        return spec.get("shared", 0)

    def _write_networks(self) -> None:
        """Not while they train: what the study directory refuses is no fault of the trials."""
        for rows, outcomes in self.networks:
            self.writer.write(rows, outcomes)
        self.networks.clear()
        for rows, states in self.leaving:
            written = dict[int, str]()
            for row, state in zip(rows, states, strict=True):
                if row["status"] != "STOPPED":
                    continue
                if id(state) not in written:  # the points of a path have one in common
                    name = self.directory.segments.write_state(row["trial"], state.epoch, state.encode())
                    written[id(state)] = name
                row["state"] = written[id(state)]
        self.leaving.clear()

    def _keep(self, pack: Pack) -> None:
        self.trials += pack.trial_rows()
        self.curves += pack.curve_rows()

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do what the model, the data and the method take part in."""
        try:
            action()
            self.begun = self.begun or self.under_way is None
            return
        except Fault:
            raise
        except Exception as error:
            kind, reason = kind_of(error, self.begun), explained(error)
        # The exception is gone here, and with it the frames that hold on to the pack's tensors.
        if kind == "memory":
            self._halve(reason)
        elif kind == "trial":
            self._fail(reason)
        else:
            raise Fault(kind, reason)

    def _halve(self, reason: str) -> None:
        """Split what is not finished in two, or give up here if it is single trials already."""
        self._drop_pack()
        if all(len(part) == 1 for part in self.parts):
            raise Fault("memory", f"not enough memory for a single trial\n{reason}")
        self.parts = [half for part in self.parts for half in _halves(part)]
        self.halvings += 1
        if reason:
            self.fits = max(map(len, self.parts))

    def _drop_pack(self) -> None:
        """Keep the rows of the trials that are finished, free all else."""
        if self.pack is not None:
            self._keep(self.pack)
            finished = {row["trial"] for row in self.trials}
            self.parts[0] = [trial for trial in self.parts[0] if trial.trial not in finished]
            self.pack = None
        self.under_way = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _fail(self, reason: str) -> None:
        self._drop_pack()
        self.failed = True
        names = {trial.trial for part in self.parts for trial in part}
        self.trials += [row for row in failed_rows(self.manifest, reason) if row["trial"] in names]
        self.parts = []

    def _state(self) -> Row:
        return {
            "epochs": self.epochs,
            "halvings": self.halvings,
            "trials": self.trials,
            "curves": self.curves,
            "parts": [[trial.trial for trial in part] for part in self.parts],
            "pack": self.pack.state_dict() if self.pack else None,
        }

    def _load(self, state: Row) -> None:
        named = {trial.trial: trial for trial in trials_of(self.manifest)}
        self.epochs, self.halvings = state["epochs"], state["halvings"]
        self.trials, self.curves = state["trials"], state["curves"]
        self.parts = [[named[name] for name in part] for part in state["parts"]]
        if state["pack"] is not None:
            self.pack = self._new_pack()
            self.pack.load_state_dict(state["pack"])


def job_of(config: StudyConfig, manifest: Manifest, trials: Sequence[Trial] | None = None) -> Job:
    """What a worker trains, from first to last: the study's recipe, with the manifest's trials or some of them."""
    begins = is_segment(manifest["pack"]) and "start" not in manifest
    path = None if begins else config.path_of(manifest["method"])  # none in what all begin with
    return Job(
        method=config.implementation(manifest["method"]),
        data=config.data_options(),
        model=config.model_options(),
        recipe=config.recipe(manifest["method"]),
        trials=trials_of(manifest) if trials is None else tuple(trials),
        seed=config.seed,
        vectorize=manifest.get("vectorize", config.pack.vectorize),
        shrink=config.pack.shrink,
        path=(path.knob, path.epochs) if path else None,
        latency=config.timing,
    )


def trials_of(manifest: Manifest) -> tuple[Trial, ...]:
    """The manifest's trials, as they are trained."""
    return tuple(
        Trial(spec["trial"], spec["seed"], spec["data_seed"], spec["parameters"], tuple(spec.get("path", ())))
        for spec in manifest["trials"]
    )


def _halves(part: Sequence[Trial]) -> list[Sequence[Trial]]:
    middle = (len(part) + 1) // 2
    return [half for half in (part[:middle], part[middle:]) if half]


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
