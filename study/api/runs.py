"""Running a study from Python: run, resume, extend, retry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from study.api.results import Location, Result, opened
from study.config import StudyConfig, load, loads, of_mapping, stored, to_go_on, to_yaml
from study.directory import StudyDirectory, broke_off
from trainables.errors import StudyError, not_one_of
from trainables.own_code import names_in, trust

if TYPE_CHECKING:
    from study.running import Monitor

ConfigLike: TypeAlias = StudyConfig | Mapping[str, Any] | str | Path
"""A configuration, the mapping that a YAML file would hold, a file, or the name of a preset."""


def load_config(config: ConfigLike, overrides: Sequence[str] = (), *, names: bool = True) -> StudyConfig:
    """The study in a file, of a preset's name, or in a mapping, checked. Its ``module:Name`` are the user's own.

    Args:
        overrides: "key=value" each, the key dotted (`methods.dense.trials=8`), the value YAML.
        names: check the names and options of data and model as well, which loads torch.

    Raises:
        ConfigError: something is wrong; a line for each mistake says what and where.
    """
    if isinstance(config, StudyConfig):
        found = loads(to_yaml(config), "configuration", overrides, names=names) if overrides else config
    elif isinstance(config, Mapping):
        found = of_mapping(config, overrides, names=names)
    else:
        found = load(config, overrides, names=names)
    trust(*names_in(found.model_dump()))
    return found


def run(
    config: ConfigLike,
    directory: Location | None = None,
    *,
    overrides: Sequence[str] = (),
    progress: bool = True,
    timeout: float | None = None,
) -> Result:
    """Run a study to its end: search every method, keep every result.

    Args:
        directory: where everything lands, a path or an object-store URI; `runs/NAME` if not given.
        overrides: as in `load_config`.
        progress: show how far it is, in a terminal, a notebook or a log.
        timeout: seconds after which it stops; `resume` goes on.

    Returns:
        How it ended: Ctrl-C and a broken disk or cluster end it early, with ``stopped`` set and nothing lost.

    Raises:
        StudyError: something is wrong with the configuration, the data or the network, or the directory holds a study.
        ConnectionError: nothing answers at the address of the Ray cluster.
        OSError: the directory cannot be written.
        KeyboardInterrupt: a second Ctrl-C, or workers that did not stop within seconds of the first; nothing is lost.
    """
    found = load_config(config, overrides)
    return _rehearsed(found, fresh_directory(found, directory), progress, timeout)


def resume(
    directory: Location,
    config: ConfigLike | None = None,
    *,
    overrides: Sequence[str] = (),
    progress: bool = True,
    timeout: float | None = None,
) -> Result:
    """Go on with a study that was stopped, wherever and however; as `run`.

    Args:
        config: where it has changed: its budget, its resources, its notes; the directory's own if not given.

    Raises:
        NotAStudy: the directory holds none.
        CannotChange: its trials were made with values that are others now.
    """
    place = opened(directory)
    found = to_go_on(place, overrides) if config is None else load_config(config, overrides)
    if config is not None:
        stored(place)
    return _rehearsed(found, place, progress, timeout)


def extend(
    directory: Location,
    trials: int,
    *,
    overrides: Sequence[str] = (),
    progress: bool = True,
    timeout: float | None = None,
) -> Result:
    """Go on with ``trials`` trials of each method, those there are included; as `resume`.

    Raises:
        StudyError: the methods have so many already.
    """
    place = opened(directory)
    return _rehearsed(extended(place, trials, overrides), place, progress, timeout)


def retry(
    directory: Location,
    *,
    method: str | None = None,
    overrides: Sequence[str] = (),
    progress: bool = True,
    timeout: float | None = None,
) -> Result:
    """Train failed trials again, once what they failed of is put right; complete ones stay. Otherwise as `resume`.

    Args:
        method: only its trials.

    Raises:
        StudyError: none has failed, or what they failed of is still wrong; then nothing has changed.
        CannotChange: trials that are complete were made with values that are others now.
    """
    place = opened(directory)
    config = retriable(place, method, overrides)
    return _rehearsed(config, place, progress, timeout, lambda: take_back(config, place, method))


def fresh_directory(config: StudyConfig, directory: Location | None = None) -> StudyDirectory:
    """Where a new study goes; `runs/NAME` if not given. Raises StudyError: it holds a study already."""
    place = opened(f"runs/{config.name}" if directory is None else directory)
    if place.exists():
        raise StudyError(
            f"{place.path()} holds a study already: go on with `study resume {place.path()}`, "
            "or choose another directory (--output, from Python directory=)"
        )
    return place


def extended(place: StudyDirectory, trials: int, overrides: Sequence[str] = ()) -> StudyConfig:
    """The directory's configuration with a larger budget. Raises StudyError: it is no larger."""
    was = stored(place)
    now = to_go_on(place, [f"trials={trials}", *overrides])
    if all(now.budget(name) <= was.budget(name) for name in now.methods if name in was.methods):
        own = [f"{name} ({method.trials})" for name, method in was.methods.items() if method.trials]
        where = "of their own, to be changed with --set methods.NAME.trials (from Python overrides=)"
        hint = f"; these have a number {where}: {', '.join(own)}" if own else ""
        raise StudyError(f"expected more than the {was.trials} trials of a method that it has, but got {trials}{hint}")
    return now


def retriable(place: StudyDirectory, method: str | None = None, overrides: Sequence[str] = ()) -> StudyConfig:
    """The configuration for trials that failed to be trained with again; to be rehearsed before `take_back`.

    Raises:
        StudyError: none has failed, or there is no such method.
    """
    config = to_go_on(place, overrides)
    if method is not None and method not in config.methods:
        raise not_one_of("--method", method, config.methods)
    rows = place.trials().select(["method", "status", "epochs"]).to_pylist()
    if not any(broke_off(row) and method in (None, row["method"]) for row in rows):
        raise StudyError(f"{place.path()}: no trial{f' of {method}' if method else ''} has failed")
    return config


def take_back(config: StudyConfig, place: StudyDirectory, method: str | None = None) -> int:
    """Make failed trials unfinished ones, which the next run trains; how many they are.

    Raises:
        CannotChange: trials that are complete were made with values that are others now.
    """
    from study.running import take_back

    return take_back(config, place, method)


def spent(config: StudyConfig, directory: StudyDirectory) -> bool:
    """Whether a study is there whose budget is spent: nothing is left to train, so that nothing has to be tried out."""
    if not directory.exists():
        return False
    rows = directory.trials().select(["method", "pack"]).to_pydict()
    counts = Counter(rows["method"])
    trained = all(counts[name] >= config.budget(name) for name in config.methods)
    return trained and not directory.manifests(without=set(rows["pack"]))


@contextmanager
def rehearsed(config: StudyConfig, rehearse: Callable[[], object]) -> Iterator[None]:
    """A study that was tried out, to be conducted inside: the Ray that it needs starts while it is tried out.

    For a process that does nothing else, as the command line's: Ray's clients take hold of one for good.

    Args:
        rehearse: raises what is wrong with the study; then nothing is left of that Ray.
    """
    from study.running import ray_ahead

    with ray_ahead(config.resources, meanwhile=rehearse):
        yield


def conduct(
    config: StudyConfig,
    directory: StudyDirectory,
    listener: Callable[[Monitor], None] = lambda monitor: None,
    timeout: float | None = None,
    own_process: bool = False,
) -> Result:
    """Launch a study that was rehearsed, and tell how it ended."""
    from study.running import launch

    monitor = launch(config, directory, listener, timeout, own_process)
    return Result(
        directory,
        config,
        finished=monitor.trials_finished,
        failed=monitor.trials_failed,
        budget=monitor.trials_total,
        seconds=monitor.elapsed,
        stopped=monitor.ending.reason,
        then=monitor.ending.then,
        exit_code=monitor.ending.exit_code,
        warnings=tuple(monitor.warnings),
    )


def _rehearsed(
    config: StudyConfig,
    directory: StudyDirectory,
    progress: bool,
    timeout: float | None,
    before: Callable[[], object] | None = None,
) -> Result:
    """Everything tried out in seconds before anything is written; ``before`` is called between, and makes room."""
    from rich.console import Console

    from study.rehearsal import rehearse
    from study.running import display

    if before is not None or not spent(config, directory):
        rehearse(config)
    if before is not None:
        before()
    with display(Console()) if progress else nullcontext(lambda monitor: None) as listener:
        return conduct(config, directory, listener, timeout)
