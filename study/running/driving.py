"""A study on Ray, from what is in its directory to its end: the part of a run that needs Ray and torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from ray import tune

from search_spaces import Scale
from study.config import ResourceSettings, StudyConfig, to_yaml
from study.directory import Lock, StudyDirectory, current_versions
from study.rehearsal import problems
from study.running.ending import Signals
from study.running.found import Found, own_versions, search_of, with_pack_size
from study.running.gathering import Gathering
from study.running.loggers import Loggers
from study.running.monitor import Monitor
from study.running.networks import Keeper
from study.running.nodes import Nodes, able, needs
from study.running.recovery import Recovery
from study.running.reuse import workers_kept
from study.running.scratch import scratch
from study.running.sending import SentData, send_data
from study.running.session import Session
from study.running.sight import look
from study.running.stacking import ways
from study.running.tune import Listen, PackSearcher, StopWhen, placed
from study.running.widths import ask_widths
from study.running.worker import StudyTrainable
from study.search import MOST, pack_size


def drive(
    connected: Session,
    monitor: Monitor,
    directory: StudyDirectory,
    found: Found,
    layers: dict[str, Scale],
    listener: Callable[[Monitor], None],
    lock: Lock,
    loggers: Loggers,
    gathering: Gathering,
    signals: Signals,
) -> None:
    """Train what is left of the study, until its budget is spent or the monitor's ending says so.

    Raises:
        RayLost: Ray's head is gone.
        StudyError: no node of the cluster sees the directory and the data.
    """
    config = monitor.config
    signals.install()
    nodes = able(config.resources)
    monitor.lacking = "" if nodes else f"a node with {_asked(config.resources)}"
    if not nodes:
        monitor.warn(f"no node of the cluster has {_asked(config.resources)}; packs wait for one")
    sent = send_data(config, connected)
    for blind in look(config, directory, nodes, sent is not None):
        monitor.warn(blind)
    _choose_size(monitor, directory, connected, nodes, sent)
    searcher = _searcher(monitor, directory, found, layers, connected, loggers, gathering)
    searcher.look()
    if not searcher.spent:
        _tune(searcher, listener, lock, sent)
    searcher.close()
    if searcher.spent:
        searcher.keeper.close()
    loggers.close(wait=not monitor.ending)  # some need Ray
    gathering.close(wait=not monitor.ending)


def _searcher(
    monitor: Monitor,
    directory: StudyDirectory,
    found: Found,
    layers: dict[str, Scale],
    connected: Session,
    loggers: Loggers,
    gathering: Gathering,
) -> PackSearcher:
    """The searcher of a Tune run, which knows what was found."""
    config = monitor.config
    workers = connected.workers(config.resources)
    search = search_of(config)(config, directory, layers, workers, optimiser_steps(config), monitor.warn)
    unfinished = search.rebuild(found.manifests, found.rows)
    keeper = Keeper(config, directory)
    keeper.update(found.rows)
    loggers.update(found.rows)
    versions = {**current_versions(), **own_versions(config)}
    nodes = Nodes(lambda: able(config.resources))
    recovery = Recovery(unfinished, config.retries, 60 * config.limits.outage_minutes, nodes, monitor.warn)
    manifests = [*found.manifests, *(directory.segments.manifests() if config.staged else ())]
    vectorize = ways(config, manifests, pack_size(config, workers), monitor.record)
    searcher = PackSearcher(
        search, directory, monitor, connected, keeper, recovery, loggers, gathering, vectorize, versions
    )
    searcher.conclude()
    return searcher


def _choose_size(
    monitor: Monitor, directory: StudyDirectory, connected: Session, nodes: Mapping[str, str], sent: SentData | None
) -> None:
    """What `pack.size: auto` comes to, once. Where packs train on GPUs the widest kind of node decides; on others a
    pack that does not fit trains in parts."""
    config = monitor.config
    if not config.pack.open:
        return
    widths = ask_widths(config, nodes, sent) if config.resources.gpus_per_worker else {}
    for node, lanes in widths.items():
        monitor.record("measured", f"{nodes[node]} ({node[:8]}) trains {lanes} trials at once at its best")
    size = pack_size(config, connected.workers(config.resources), max(widths.values(), default=MOST))
    monitor.config = with_pack_size(config, size)
    directory.create(to_yaml(monitor.config), replace=True)


def _asked(resources: ResourceSettings) -> str:
    """What a worker asks for, in a line."""
    amounts = [f"{need:g} {name}" for name, need in needs(resources).items() if need and ":" not in name]
    kind = [f"an accelerator {resources.accelerator}"] if resources.accelerator else []
    return ", ".join([*amounts, *kind, *(f"the label {name}={value}" for name, value in resources.labels.items())])


def _tune(searcher: PackSearcher, listener: Callable[[Monitor], None], lock: Lock, sent: SentData | None) -> None:
    """One Tune run, to the end of the budget or to the ending."""
    config, ending = searcher.monitor.config, searcher.monitor.ending
    trainable = tune.with_parameters(StudyTrainable, study=config, location=searcher.directory.location, sent=sent)
    with scratch() as folder, workers_kept(lambda: not searcher.spent, searcher.session.ours):
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
