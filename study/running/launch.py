"""Runs a study: one Ray Tune run whose trials are packs, on a local Ray or an existing cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module

from search_spaces import Scale
from study.config import StudyConfig, check_changes, check_recipes, stored, to_yaml
from study.directory import CONFIG, PROGRESS, Lock, Log, StudyDirectory, WrongChecksum, driver_of
from study.doctor import State, look
from study.rehearsal import scales
from study.running.ending import Signals
from study.running.found import Found, read_found, search_of, with_pack_size
from study.running.gathering import Gathering
from study.running.loggers import Loggers
from study.running.monitor import Monitor
from study.running.networks import Keeper
from study.running.orders import Orders
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
                found, read = read_found(monitor, directory, read), None
                gathering.found_on_disk(found.finished)
                if found.complete and not (config.loggers or config.storage):
                    _conclude(directory, found, layers)
                    gathering.close()
                    break
                from study.running.session import RayLost, session  # Ray and torch are for studies that need them

                try:
                    with session(monitor.config.resources, meanwhile=_get_ready) as connected:
                        from study.running.driving import drive

                        known = layers()
                        drive(connected, monitor, directory, found, known, listener, lock, loggers, gathering, signals)
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


def _get_ready() -> None:
    """Imports Tune, among others, which takes about as long as Ray takes to start."""
    import_module("study.running.driving")


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
        config = with_pack_size(config, before.pack.chosen if same else None)
    changed = check_changes(before, config, directory.path(CONFIG))
    check_recipes(config, manifests, directory.path(CONFIG))
    if changed or damaged:
        directory.create(to_yaml(config), replace=True)
    return config


def _conclude(directory: StudyDirectory, found: Found, layers: Callable[[], dict[str, Scale]]) -> None:
    """What a driver that was killed at the end has left to do: the networks, and the journal."""
    Keeper(found.config, directory).update(found.outcomes)
    if directory.store.exists(PROGRESS):
        search_of(found.config)(found.config, directory, layers()).rebuild(found.manifests, found.rows)
        directory.store.remove(PROGRESS)
