"""What to train next: one Optuna study per method and search, asked and told in whole packs.

The numbers of a method's trials in a search run from 0 without gaps, and with S seeds trial n is replicate n % S of its
configuration. Parameters come from the sampler, seeds from the trial's name: nothing depends on what else was
asked.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search_spaces import Scale, configuration, distributions, suggest_parameters
from study.directory import (
    JOURNAL,
    OBJECTIVES,
    PARAMETER,
    VERSION,
    Manifest,
    StudyDirectory,
    TrialSpec,
    pack_index,
    pack_name,
    queued,
    trial_name,
)
from study.search.journal import Journal
from study.search.pack_size import pack_size
from study.search.samplers import Ask, sampler
from trainables.errors import Mistakes, StudyError
from trainables.seeds import seed_of

if TYPE_CHECKING:
    from study.config import StudyConfig

_SHOWN = ("status", "reason", "train_seconds", "neurons", "inputs", "parameters", "macs", "test_accuracy")
_LOST = "its manifest was lost before it was trained"


_Key = tuple[str, int]
"""A method, and which of the study's searches."""

Rows = Mapping[str, Mapping[str, Any]]
"""A pack's rows by trial."""


@dataclass
class _Branch:
    """The Optuna study of one method in one of the searches, and what was handed out."""

    method: str
    search: int
    study: optuna.Study
    budget: int
    seeds: int
    asked: int = 0
    packs: int = 0
    lost: int = 0
    seen: int = 0
    """Packs 0 .. seen - 1 are told to Optuna."""
    told: int = 0
    """Complete trials that are told to Optuna."""
    answers: dict[int, tuple[Manifest, Rows]] = field(default_factory=dict)
    """Results that Optuna may not see yet, by the number of their pack."""
    running: dict[str, optuna.Trial] = field(default_factory=dict)
    latest: dict[str, Any] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        return max(0, self.budget + self.lost - self.asked)


class Search:
    """Asks for packs and is told their outcome. One driver per study; not thread-safe.

    On a local directory Optuna's journal is written as well, for optuna-dashboard; it is never read.

    Args:
        config: the resolved configuration.
        directory: the study's directory.
        layers: the scale of the problem to each method, which has the number of its layers.
        workers: how many packs are in training at once; may be changed as the cluster does.

    Raises:
        ValueError: a method's space does not fit the model.
    """

    def __init__(
        self, config: StudyConfig, directory: StudyDirectory, layers: Mapping[str, Scale], workers: int = 1
    ) -> None:
        self._config = config
        self._size = pack_size(config, workers)
        self.workers = workers
        self._layers = layers
        self._local, self._store = directory.local, directory.store
        self._dequeued: set[str] = set()
        """Entries of the queue that trials were made of."""
        self._start()

    @property
    def _lag(self) -> int:
        """Packs of a method whose results are not waited for."""
        branches = len(self._config.methods) * self._config.searches
        return math.ceil(self.workers / branches) if self.workers > 1 else 0

    def ask(self, size: int | None = None) -> Manifest | None:
        """The next pack of at most `size` (the configured) trials.

        None when the budget is spent, or while every method that has some left waits for results: pack n is
        asked knowing the results of the packs before n - lag and of no others, however early they came. So a
        study that is run twice asks the same, whichever worker is first; the lag keeps all workers busy.

        It is the turn of the method with the largest share of its budget left. All seeds of a configuration
        are in one pack if they fit. Without an answer yet, TPE takes the running trials for bad ones
        (constant liar), so that the lanes of a pack differ.
        """
        size = self._size if size is None else size
        if size < 1:
            raise ValueError(f"expected a pack size of at least 1, but got {size}")
        waiting = {
            key: branch
            for key, branch in self._branches.items()
            if branch.remaining and branch.seen >= branch.packs - self._lag
        }
        if not waiting:
            return None
        branch = max(waiting.values(), key=lambda one: one.remaining / one.budget)
        method, search = branch.method, branch.search
        end = branch.asked + min(size, branch.remaining)
        whole = end - end % branch.seeds
        if branch.asked < whole and end - branch.asked < branch.remaining:
            end = whole
        pack = pack_name(method, branch.packs, search)
        branch.study.sampler = self._sampler(branch)
        with self._written():
            trials = [self._next(branch, pack, lane) for lane in range(end - branch.asked)]
        branch.packs += 1
        self._reveal(branch)
        return _manifest(method, pack, trials, search)

    def tell(self, manifest: Manifest, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take a finished pack's rows (see `outcome` for what fails); a pack told before is left alone."""
        branch, number = self._branches[_key(manifest)], pack_index(manifest["pack"])
        if number < branch.seen or number in branch.answers:
            return
        found = {row["trial"]: row for row in rows}
        branch.answers[number] = (manifest, found)
        self._reveal(branch)

    def _visible(self, branch: _Branch, more: bool) -> int:
        """Optuna may see the packs before this: up to the lag, in order; all, once nothing more is asked."""
        end = branch.packs - self._lag if more else branch.packs
        missing = (number for number in range(branch.seen, end) if number not in branch.answers)
        return next(missing, max(end, branch.seen))

    def _reveal(self, branch: _Branch) -> None:
        """Tell Optuna what it may see by now."""
        end = self._visible(branch, more=branch.remaining > 0)
        with self._written():
            for number in range(branch.seen, end):
                manifest, found = branch.answers.pop(number)
                for spec in manifest["trials"]:
                    self._tell(branch, spec, found.get(spec["trial"]))
        branch.seen = end

    def _tell(self, branch: _Branch, spec: TrialSpec, row: Mapping[str, Any] | None) -> None:
        trial = branch.running.pop(spec["trial"], None)
        if trial is None:
            return
        values, shown = outcome(row, self._config.objectives)
        for name, value in shown.items():
            trial.set_user_attr(name, value)
        for name, excess in violations(row, self._config.require).items():
            trial.set_constraint(name, excess)
        branch.study.tell(trial, values, TrialState.FAIL if values is None else TrialState.COMPLETE)
        branch.told += values is not None

    def rebuild(self, manifests: Iterable[Manifest], rows: Iterable[Mapping[str, Any]]) -> list[Manifest]:
        """Start over from the study directory: trials with a row are told, the others of its packs run.

        A number between others without manifest or row becomes a failed trial and is made up for at the end.

        Args:
            manifests: StudyDirectory.manifests().
            rows: StudyDirectory.trials().to_pylist().

        Returns:
            The manifests of the packs without results, by name.

        Raises:
            ValueError: a method that is not in the configuration, parameters that are not in its space, a
                trial in two packs.
        """
        self._start()
        results: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for row in rows:
            results[row["pack"]][row["trial"]] = row
        known = {manifest["pack"]: manifest for manifest in manifests}
        for pack in sorted(set(results) - set(known)):
            known[pack] = manifest_of(list(results[pack].values()))
        with self._written():
            for key, packs in self._by_branch(known.values()).items():
                self._replay(self._branches[key], packs, results)
        return [manifest for pack, manifest in sorted(known.items()) if pack not in results]

    def declared(self, method: str) -> dict[str, str]:
        """What each searched parameter of a method is drawn from, as Optuna writes it."""
        found = distributions(*self._space(method))
        return {name: optuna.distributions.distribution_to_json(one) for name, one in found.items()}

    def remaining(self) -> dict[str, int]:
        """Trials that each method has yet to be asked for."""
        left = dict.fromkeys(self._config.methods, 0)
        for branch in self._branches.values():
            left[branch.method] += branch.remaining
        return left

    def _start(self) -> None:
        """Empty Optuna studies. The journal of an earlier run stays until the first write."""
        config = self._config
        self._journal = Journal(self._local / JOURNAL) if self._local else None
        storage = JournalStorage(self._journal) if self._journal else InMemoryStorage()
        self._branches = {
            (method, search): _Branch(
                method,
                search,
                _study(
                    "/".join([config.name, *([f"s{search}"] if search else []), method]), config.objectives, storage
                ),
                budget=config.budget(method) // config.searches,
                seeds=settings.seeds or config.seeds,
            )
            for search in range(config.searches)
            for method, settings in config.methods.items()
        }
        for branch in self._branches.values():
            self._sampler(branch)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """One write of the journal for all that Optuna does inside."""
        yield
        if self._journal:
            self._journal.flush()

    def _sampler(self, branch: _Branch) -> optuna.samplers.BaseSampler:
        config = self._config
        ask = Ask(
            seed=seed_of(config.seed, branch.method, "sampler", *_of_search(branch.search)),
            number=branch.asked,
            finished=branch.told,
            seeds=branch.seeds,
            space=distributions(*self._space(branch.method)),
        )
        return sampler(config.sampler, ask)

    def _space(self, method: str) -> tuple[str, Mapping[str, object], Scale]:
        """A method's search space: what implements it, the user's settings, the scale of the problem."""
        return self._config.implementation(method), self._config.space(method), self._layers[method]

    def _next(self, branch: _Branch, pack: str, lane: int) -> TrialSpec:
        """One more trial: a new configuration, or the next replicate of the one before."""
        method, own = branch.method, _of_search(branch.search)
        number, replicate = branch.asked, branch.asked % branch.seeds
        spec: TrialSpec = {
            "trial": trial_name(method, number, branch.search),
            "number": number,
            "lane": lane,
            "seed": seed_of(self._config.seed, method, number, *own),
            "data_seed": seed_of(self._config.seed, replicate, *own),
            "parameters": {},
        }
        fixed = branch.latest if replicate else self._wanted(branch, spec)
        return self._run(branch, pack, spec, fixed)

    def _wanted(self, branch: _Branch, spec: TrialSpec) -> dict[str, Any]:
        """What the user wants to be tried: first the study's own list, then what waits in the queue; or nothing."""
        method = branch.method
        first = self._config.methods[method].first or ()
        index = spec["number"] // branch.seeds
        implementation, space, layers = self._space(method)
        if index < len(first):
            return dict(configuration(implementation, space, first[index], layers))
        for entry in queued(self._store, self._dequeued):
            if entry["method"] != method:
                continue
            try:
                found = configuration(implementation, space, entry["parameters"], layers)
            except Mistakes:  # put there where the data, and so the ranges, were not known
                continue
            self._dequeued.add(entry["name"])
            spec["queued"] = entry["name"]
            return dict(found)
        return {}

    def _run(self, branch: _Branch, pack: str, spec: TrialSpec, fixed: Mapping[str, Any]) -> TrialSpec:
        """Open an Optuna trial, with the sampler's parameters unless they are fixed."""
        if fixed:
            branch.study.enqueue_trial(dict(fixed))
        trial = branch.study.ask()
        assert trial.number == spec["number"], "only this search may add trials"
        parameters = suggest_parameters(trial, *self._space(branch.method))
        for name, value in _named(pack, spec).items():
            trial.set_user_attr(name, value)
        branch.asked += 1
        branch.latest = trial.params
        branch.running[spec["trial"]] = trial
        return {**spec, "parameters": parameters}

    def _by_branch(self, manifests: Iterable[Manifest]) -> dict[_Key, list[Manifest]]:
        found: dict[_Key, list[Manifest]] = defaultdict(list)
        for manifest in manifests:
            found[_key(manifest)].append(manifest)
        methods = self._config.methods
        unknown = sorted({method for method, _ in found} - set(methods))
        if unknown:
            raise StudyError(f"the directory has trials of {', '.join(unknown)}, expected {', '.join(methods)}")
        searches = 1 + max((search for _, search in found), default=0)
        if searches > self._config.searches:
            raise StudyError(f"searches: the directory has trials of {searches}, expected no fewer than that")
        return found

    def _replay(
        self, branch: _Branch, packs: Sequence[Manifest], results: Mapping[str, Mapping[str, Mapping[str, Any]]]
    ) -> None:
        """Give Optuna a branch's trials in the order of their numbers."""
        self._dequeued |= {spec["queued"] for manifest in packs for spec in manifest["trials"] if "queued" in spec}
        branch.packs = 1 + max(pack_index(manifest["pack"]) for manifest in packs)
        branch.answers = {number: ({**packs[0], "trials": []}, {}) for number in range(branch.packs)}
        for manifest in packs:
            branch.answers[pack_index(manifest["pack"])] = (manifest, results.get(manifest["pack"], {}))
            if manifest["pack"] not in results:
                del branch.answers[pack_index(manifest["pack"])]
        branch.seen = self._visible(branch, more=sum(len(m["trials"]) for m in packs) < branch.budget)
        told = {branch.answers.pop(number)[0]["pack"] for number in range(branch.seen)}
        ordered = sorted(
            ((spec, manifest["pack"]) for manifest in packs for spec in manifest["trials"]),
            key=lambda entry: entry[0]["number"],
        )
        for spec, pack in ordered:
            if spec["number"] < branch.asked:
                raise StudyError(f"expected every trial in one pack, but {spec['trial']} of {pack} is in another, too")
            for _ in range(branch.asked, spec["number"]):
                branch.study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL, user_attrs={"reason": _LOST}))
                branch.lost += 1
                branch.asked += 1
            params, space = self._space_of(branch.method, spec["parameters"])
            row = results[pack].get(spec["trial"]) if pack in results else None
            values, shown = outcome(row, self._config.objectives)
            if pack in told:
                frozen = _finished(params, space, values, {**_named(pack, spec), **shown}, row)
                for name, excess in violations(row, self._config.require).items():
                    frozen.set_constraint(name, excess)
                branch.study.add_trial(frozen)
                branch.latest = params
                branch.asked += 1
                branch.told += values is not None
            else:
                self._run(branch, pack, spec, fixed=params)

    def _space_of(self, method: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Those of the parameters that are searched, and their distributions on the branch they took."""
        fixed = FixedTrial(dict(parameters))
        suggest_parameters(cast(optuna.Trial, fixed), *self._space(method))
        return fixed.params, fixed.distributions


def _key(manifest: Manifest) -> _Key:
    return manifest["method"], manifest.get("search", 0)


def _of_search(search: int) -> tuple[object, ...]:
    """What is added to the parts of a seed: nothing in the first search, which is that of a study with one."""
    return ("search", search) if search else ()


def _manifest(method: str, pack: str, trials: list[TrialSpec], search: int) -> Manifest:
    made: Manifest = {"schema": VERSION, "pack": pack, "method": method, "trials": trials}
    return {**made, "search": search} if search else made


def outcome(row: Mapping[str, Any] | None, objectives: Sequence[str]) -> tuple[list[float] | None, dict[str, Any]]:
    """The objectives' values in the order given, None if the trial failed; and what the dashboard shows.

    A trial fails when it has no row, its status is not COMPLETE, or an objective is missing or not finite.
    """
    if row is None:
        return None, {"reason": "its pack finished without a row for it"}
    shown = {name: row[name] for name in _SHOWN if row.get(name) is not None}
    if row["status"] != "COMPLETE":
        return None, {"reason": "no reason was given", **shown}
    found = {name: row.get(OBJECTIVES[name].column) for name in objectives}
    values = {name: math.nan if value is None else float(value) for name, value in found.items()}
    unfit = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if unfit:
        return None, {**shown, "reason": "expected finite objectives: " + ", ".join(unfit)}
    return list(values.values()), shown


def violations(row: Mapping[str, Any] | None, require: Mapping[str, float]) -> dict[str, float]:
    """How far a trial is from what the study requires, by objective; above 0 where it falls short.

    Without it a search for few neurons spends its trials on networks that have collapsed: none is smaller.
    """
    found = {name: (row or {}).get(OBJECTIVES[name].column) for name in require}
    return {
        name: (require[name] - value) * (1 if OBJECTIVES[name].maximise else -1)
        for name, value in found.items()
        if value is not None
    }


def manifest_of(rows: Sequence[Mapping[str, Any]]) -> Manifest:
    """The manifest that a pack's rows came from, for one that was lost after its pack had finished."""
    trials: list[TrialSpec] = [
        {
            "trial": row["trial"],
            "number": row["number"],
            "lane": row["lane"],
            "seed": row["seed"],
            "data_seed": row["data_seed"],
            "parameters": {
                name.removeprefix(PARAMETER): value
                for name, value in row.items()
                if name.startswith(PARAMETER) and value is not None
            },
        }
        for row in rows
    ]
    return _manifest(rows[0]["method"], rows[0]["pack"], trials, int(rows[0].get("search") or 0))


def _study(name: str, objectives: Sequence[str], storage: BaseStorage) -> optuna.Study:
    """An empty Optuna study, made without the line that Optuna logs."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        directions = [OBJECTIVES[objective].direction for objective in objectives]
        study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    finally:
        optuna.logging.set_verbosity(verbosity)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(objectives))
    return study


def _named(pack: str, spec: TrialSpec) -> dict[str, Any]:
    return {"trial": spec["trial"], "pack": pack, "seed": spec["seed"], "data_seed": spec["data_seed"]}


def _finished(
    params: dict[str, Any],
    space: dict[str, Any],
    values: list[float] | None,
    attributes: dict[str, Any],
    row: Mapping[str, Any] | None,
) -> FrozenTrial:
    state = TrialState.FAIL if values is None else TrialState.COMPLETE
    trial = optuna.trial.create_trial(
        state=state, values=values, params=params, distributions=space, user_attrs=attributes
    )
    if row and row.get("finished_at"):
        trial.datetime_complete = row["finished_at"]
        trial.datetime_start = row["finished_at"] - timedelta(seconds=row.get("train_seconds") or 0)
    return trial
