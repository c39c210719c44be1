"""Runs a study: one Ray Tune run whose trials are packs, on a local Ray or an existing cluster."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from ray import tune

from search_spaces import Scale
from study.config import ResourceSettings, StudyConfig, check_changes, check_recipes, stored, to_yaml
from study.directory import (
    CONFIG,
    OBJECTIVES,
    PROGRESS,
    Lock,
    Log,
    Manifest,
    StudyDirectory,
    WrongChecksum,
    current_versions,
    driver_of,
    version_differences,
)
from study.doctor import State, look, recover
from study.rehearsal import problems, scales
from study.running.ending import Signals
from study.running.gathering import Gathering
from study.running.loggers import Loggers
from study.running.monitor import Monitor
from study.running.networks import Keeper
from study.running.nodes import Nodes, able, needs, placed
from study.running.orders import Orders
from study.running.recovery import Recovery
from study.running.reuse import workers_kept
from study.running.scratch import scratch
from study.running.session import RayLost, Session, session
from study.running.sight import look as look_from_nodes
from study.running.tune import Listen, PackSearcher, StopWhen
from study.running.worker import StudyTrainable
from study.search import Search, StagedSearch, needed, pack_size
from trainables.errors import StudyError
from trainables.own_code import load_function

Listener = Callable[[Monitor], None]


def launch(
    config: StudyConfig,
    directory: StudyDirectory,
    listener: Listener = lambda monitor: None,
    timeout: float | None = None,
    own_process: bool = False,
) -> Monitor:
    """Run or go on with a study until its budget is spent or it is told to stop.

    Everything is decided by what is in the directory: finished packs stay, packs in flight go on from their newest
    checkpoints, Optuna's and Tune's states are made anew. A Ray of our own that dies is started again.

    Args:
        config: the study. Where the directory holds one already, what its trials depend on has to be the same.
        directory: where everything lands; made if it is not there.
        listener: called whenever something may have changed, for the display.
        timeout: seconds after which the run stops as it does for a signal; None for any number.
        own_process: a run that is to end at once, as after a second signal, may end the process.

    Returns:
        Where the study stands; ``ending`` is set if it was stopped before its budget was spent.

    Raises:
        Locked: another driver is at work there.
        CannotChange: the trials that are there were made with another configuration.
        StudyError: no node of the cluster sees the directory and the data.
        OSError: the directory cannot be read or written.
        KeyboardInterrupt: ended at once, in a process that is not its own.
    """
    monitor = Monitor(config)
    if config.score is not None:
        load_function(config.score, "score")
    layers, losses = cache(partial(scales, config)), 0  # of a study that is complete even the data may be gone
    if not directory.exists():
        layers()
    farewell = f"Stopped at once; go on with:\n  study resume {directory.path()}"
    with (
        Loggers(config, directory, monitor.warn, layers() if config.storage else {}) as loggers,
        Lock(directory.store) as lock,
        Gathering(directory, monitor.warn) as gathering,
        Signals(monitor.ending, farewell, own_process=own_process) as signals,
        Orders(directory.store, signals.end, timeout),
    ):
        read = look(directory, live=False) if directory.exists() else None
        monitor.config = adopt(config, directory, read)
        with _logged(monitor, directory):
            listener(monitor)
            while True:
                finished = monitor.trials_finished
                found, read = _read(monitor, directory, read), None
                gathering.found_on_disk(found.finished)
                if found.complete and not (config.loggers or config.storage):  # no Ray is needed for nothing
                    _conclude(directory, found, layers)
                    gathering.close()
                    break
                try:
                    with session(config.resources) as connected:
                        signals.install()
                        nodes = able(config.resources)
                        monitor.lacking = "" if nodes else f"a node with {_asked(config.resources)}"
                        if not nodes:
                            monitor.warn(f"no node of the cluster has {_asked(config.resources)}; packs wait for one")
                        for blind in look_from_nodes(monitor.config, directory, nodes):
                            monitor.warn(blind)
                        searcher = _searcher(monitor, directory, found, layers(), connected, loggers, gathering)
                        searcher.look()
                        if not searcher.spent:
                            _tune(searcher, listener, lock)
                        searcher.close()
                        loggers.close(wait=not monitor.ending)  # some need Ray
                        gathering.close(wait=not monitor.ending)
                    break
                except RayLost as lost:
                    losses = losses + 1 if monitor.trials_finished == finished else 1
                    if losses > config.retries:
                        monitor.ending.give(f"{lost}, {losses} times without a pack finishing in between")
                    if monitor.ending:
                        break
                    monitor.warn(f"{lost}; it is started again")
    listener(monitor)
    return monitor


@contextmanager
def _logged(monitor: Monitor, directory: StudyDirectory) -> Iterator[None]:
    """What the monitor is told is written down in the study directory."""
    driver = driver_of(directory.store)
    log = Log(directory.store, driver.token if driver else "")
    monitor.record = log.write
    log.write("started", f"{monitor.config.name}, by {driver}")
    try:
        yield
        reason = monitor.ending.reason or "its budget is spent"
        log.write("ended", f"{monitor.trials_finished} of {monitor.trials_total} trials are finished; {reason}")
    except BaseException as error:
        log.write("ended", f"{type(error).__name__}: {error}")
        raise
    finally:
        log.close()


def adopt(config: StudyConfig, directory: StudyDirectory, read: State | None = None) -> StudyConfig:
    """Make the directory this study's: create it, or write down what may change and has changed.

    Args:
        read: what was found there, if it was read.

    Returns:
        The configuration to go on with: while the budget is the same, packs keep the size that was chosen for it.

    Raises:
        CannotChange: something else has changed.
    """
    if not directory.exists():
        directory.create(to_yaml(config))
        return config
    damaged: WrongChecksum | None = None
    try:
        before = stored(directory)
    except WrongChecksum as error:
        damaged, before = error, config  # the packs know what they were made with
    if read is not None:
        read.refuse_newer()
    manifests = directory.manifests() if read is None else list(read.manifests.values())
    if damaged and not any("recipe" in manifest for manifest in manifests):
        raise damaged
    if config.pack.size == "auto":
        same = {name: config.budget(name) for name in config.methods} == {
            name: before.budget(name) for name in before.methods
        }
        config = _with_pack_size(config, before.pack.chosen if same else None)
    changed = check_changes(before, config, directory.path(CONFIG))
    check_recipes(config, manifests, directory.path(CONFIG))
    if changed or damaged:
        directory.create(to_yaml(config), replace=True)
    return config


def _with_pack_size(config: StudyConfig, chosen: int | None) -> StudyConfig:
    return config.model_copy(update={"pack": config.pack.model_copy(update={"chosen": chosen})})


@dataclass(frozen=True)
class _Found:
    """What is in a study directory: rows of trials, and all manifests."""

    config: StudyConfig
    rows: list[dict[str, Any]]
    manifests: list[Manifest]

    @cached_property
    def finished(self) -> dict[str, str]:
        """The method of each finished pack."""
        return {row["pack"]: row["method"] for row in self.rows}

    @property
    def complete(self) -> bool:
        """Whether the budget is spent and nothing is left to be trained."""
        counts = Counter(row["method"] for row in self.rows)
        spent = all(counts[name] >= self.config.budget(name) for name in self.config.methods)
        return spent and all(manifest["pack"] in self.finished for manifest in self.manifests)


def _read(monitor: Monitor, directory: StudyDirectory, read: State | None = None) -> _Found:
    """All that is known about the study, once what is damaged in its directory has been set aside.

    Args:
        read: what was found there by this driver, if it was read.
    """
    config, read = monitor.config, read or look(directory, live=False)
    if repaired := recover(directory, read):
        read = look(directory, live=False)
    for finding in repaired:
        monitor.warn(str(finding))
    table, manifests = read.rows(), list(read.manifests.values())
    known = pa.array([manifest["pack"] for manifest in manifests], pa.string())
    if not (config.loggers or config.storage) and pc.all(pc.is_in(table["pack"], known)).as_py() is not False:
        # Rows as Python has them are large, and so is a study.
        dense = {f"dense_{OBJECTIVES[name].column}" for name in config.objectives}
        wanted = {*needed(config), *dense, "epochs", "status", "reason"}
        table = table.select([name for name in table.column_names if name in wanted])
    found = _Found(config, table.to_pylist(), manifests)
    try:
        own = own_versions(config)
    except StudyError:
        if not found.complete:
            raise
        own = {"data": "not there"}
    for difference in version_differences(manifests, own):
        monitor.warn(difference)
    monitor.found_on_disk(found.rows)
    return found


def _conclude(directory: StudyDirectory, found: _Found, layers: Callable[[], dict[str, Scale]]) -> None:
    """What a driver that was killed at the end has left to do: the networks, and the journal."""
    Keeper(found.config, directory).update(found.rows)
    if directory.store.exists(PROGRESS):
        _search(found.config)(found.config, directory, layers()).rebuild(found.manifests, found.rows)
        directory.store.remove(PROGRESS)


def _search(config: StudyConfig) -> type[Search]:
    return StagedSearch if config.staged else Search


def _searcher(
    monitor: Monitor,
    directory: StudyDirectory,
    found: _Found,
    layers: dict[str, Scale],
    connected: Session,
    loggers: Loggers,
    gathering: Gathering,
) -> PackSearcher:
    """The searcher of a Tune run, which knows what was found."""
    workers = connected.workers(monitor.config.resources)
    if monitor.config.pack.size == "auto" and monitor.config.pack.chosen is None:
        monitor.config = _with_pack_size(monitor.config, pack_size(monitor.config, workers))
        directory.create(to_yaml(monitor.config), replace=True)
    config = monitor.config
    search = _search(config)(config, directory, layers, workers, optimiser_steps(config), monitor.warn)
    unfinished = search.rebuild(found.manifests, found.rows)
    keeper = Keeper(config, directory)
    keeper.update(found.rows)
    loggers.update(found.rows)
    versions = {**current_versions(), **own_versions(config)}
    nodes = Nodes(lambda: able(config.resources))
    recovery = Recovery(unfinished, config.retries, 60 * config.limits.outage_minutes, nodes, monitor.warn)
    in_turn = _in_turn(config, found.manifests)
    searcher = PackSearcher(
        search, directory, monitor, connected, keeper, recovery, loggers, gathering, in_turn, versions
    )
    searcher.conclude()
    return searcher


def own_versions(config: StudyConfig) -> dict[str, str]:
    """Hashes of what trials depend on beside libraries: the user's own modules, and the files of the data."""
    from trainables.data import content_hash
    from trainables.own_code import names_in, source_hash

    settings = config.model_dump()
    found = {name: source_hash(name) for name in sorted(set(names_in(settings)))}
    found["data"] = content_hash(config.data.name)
    return {name: version for name, version in found.items() if version}


def _in_turn(config: StudyConfig, manifests: Sequence[Manifest]) -> bool:
    """Whether `vectorize: auto` means that trials train one after the other: decided once, and kept in the manifests.

    Other versions of torch may stack what these cannot; a study goes on as it began.
    """
    if config.pack.vectorize != "auto":
        return False
    if manifests:
        return any(manifest.get("vectorize") == "off" for manifest in manifests)
    from trainables.training import obstacle

    return any(obstacle(found) is not None for found in problems(config))


def _asked(resources: ResourceSettings) -> str:
    """What a worker asks for, in a line."""
    amounts = [f"{need:g} {name}" for name, need in needs(resources).items() if need and ":" not in name]
    kind = [f"an accelerator {resources.accelerator}"] if resources.accelerator else []
    return ", ".join([*amounts, *kind, *(f"the label {name}={value}" for name, value in resources.labels.items())])


def _tune(searcher: PackSearcher, listener: Listener, lock: Lock) -> None:
    """One Tune run, to the end of the budget or to the ending."""
    config, ending = searcher.monitor.config, searcher.monitor.ending
    trainable = tune.with_parameters(StudyTrainable, study=config, location=searcher.directory.location)
    with scratch() as folder, workers_kept(lambda: not searcher.spent):
        tuner = tune.Tuner(
            tune.with_resources(trainable, partial(placed, config.resources)),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: f"{trial.config['pack']}-{trial.config['try']}",
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=folder,
                stop=StopWhen(ending, lock),
                callbacks=[Listen(searcher, listener)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=0),  # `Recovery` knows which losses count
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except OSError as error:  # of Tune's own files: the disk of the temporary folder may be full, too
            ending.give(f"{type(error).__name__}: {error}")


def optimiser_steps(config: StudyConfig) -> int:
    """Of one trial."""
    return config.epochs * math.ceil(len(next(problems(config)).dataset.train) / config.batch_size)
