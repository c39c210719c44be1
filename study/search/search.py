"""What to train next: one Optuna study per method and search, asked and told in whole packs.

The numbers of a method's trials in a search run from 0 without gaps, and with S seeds trial n is replicate n % S of its
configuration. Parameters come from the sampler, seeds from the trial's name: nothing depends on what else was
asked.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FixedTrial, TrialState

from search_spaces import Scale, configuration, distributions, suggest_parameters
from study.directory import (
    JOURNAL,
    OBJECTIVES,
    Manifest,
    Queued,
    StudyDirectory,
    TrialSpec,
    pack_index,
    pack_name,
    queued,
    trial_name,
)
from study.search.baseline import dense_scores
from study.search.branch import Branch, Rows, Running, empty_study
from study.search.elite import Elite
from study.search.journal import Journal
from study.search.memory import Memory
from study.search.outcome import displayed, exceeded, manifest_of, manifest_with, outcome
from study.search.pack_size import pack_size
from study.search.samplers import Ask, affordable, reads, sampler
from study.search.told import Told
from trainables.errors import Mistakes, StudyError
from trainables.seeds import seed_of

if TYPE_CHECKING:
    from study.config import StrengthPath, StudyConfig

_DENSE = "dense"
_LOST = "its manifest was lost before it was trained"
_DRAWS = 20
"""Times that a configuration is drawn anew which its pack has already."""

_AT_ONCE = 256
"""Trials that are compared with the elite in one step."""


_Key = tuple[str, int]
"""A method, and which of the study's searches."""


class Search:
    """Asks for packs and is told their outcome. One driver per study; not thread-safe.

    The sampler reads Optuna's trials in memory, and only those that it needs. On a local directory Optuna's journal is
    written as well, for optuna-dashboard; it is never read.

    Args:
        config: the resolved configuration.
        directory: the study's directory.
        layers: the scale of the problem to each method, which has the number of its layers.
        workers: how many packs are in training at once; may be changed as the cluster does.
        steps: of the optimiser in a trial; None where they are not known. See `affordable`.
        warn: told of what waits in the queue and cannot be tried.

    Raises:
        ValueError: a method's space does not fit the model.
    """

    def __init__(
        self,
        config: StudyConfig,
        directory: StudyDirectory,
        layers: Mapping[str, Scale],
        workers: int = 1,
        steps: int | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._config, self._warn = config, warn
        self._size = pack_size(config, workers)
        self.workers, self._steps = workers, steps
        self._layers = layers
        self._relative = any(constraint.needs_score for constraint in config.constrained)
        self._local, self._store = directory.local, directory.store
        self._dequeued: set[str] = set()
        """Entries of the queue that trials were made of, or none can be."""
        self._spaces: dict[tuple[Any, ...], dict[str, BaseDistribution]] = {}
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
        waiting = [
            branch
            for branch in self._branches.values()
            if branch.remaining and branch.seen >= branch.packs - self._lag and self._is_compared(branch)
        ]
        if not waiting:
            return None
        branch = max(waiting, key=lambda one: one.remaining / one.budget)
        method = branch.method
        size *= branch.path.points if branch.path else 1  # of a path one trial trains at a time
        end = branch.asked + min(size, branch.remaining)
        whole = end - end % branch.together
        if branch.asked < whole and end - branch.asked < branch.remaining:
            end = whole
        pack = pack_name(method, branch.packs, branch.search)
        branch.study.sampler = self._sampler(branch)
        waiting_list = [entry for entry in queued(self._store, self._dequeued) if entry["method"] == method]
        branch.drawn.clear()
        trials = [self._next(branch, pack, lane, waiting_list) for lane in range(end - branch.asked)]
        branch.packs += 1
        self._reveal(branch)
        self._journal.flush()
        return manifest_with(method, pack, trials, branch.search)

    def tell(self, manifest: Manifest, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take a finished pack's rows (see `outcome` for what fails); a pack told before is left alone."""
        branch, number = self._branches[_key(manifest)], pack_index(manifest["pack"])
        if number < branch.seen or number in branch.answers:
            return
        found = {row["trial"]: row for row in rows}
        branch.answers[number] = (manifest, found)
        self._reveal(branch)
        self._journal.flush()

    def _compare_with(self, branch: Branch, manifest: Manifest, rows: Rows) -> None:
        """Constraints are relative to the best of the dense network's first pack, which stays what it is."""
        if branch.method == _DENSE and pack_index(manifest["pack"]) == 0:
            self._scores[branch.search] = dense_scores(manifest, rows, self._config)

    def _dense(self, search: int) -> Mapping[str, float]:
        """The dense network's scores in a search, by objective; nothing while they are not known."""
        return self._scores.get(search, {})

    def _is_compared(self, branch: Branch) -> bool:
        """Whether a method's constraints are known: others wait for the dense network where they are relative to it."""
        return not self._relative or branch.method == _DENSE or branch.search in self._scores

    def _visible(self, branch: Branch, more: bool) -> int:
        """Optuna may see the packs before this: up to the lag, in order; all, once nothing more is asked."""
        end = branch.packs - self._lag if more else branch.packs
        missing = (number for number in range(branch.seen, end) if number not in branch.answers)
        return next(missing, max(end, branch.seen))

    def _reveal(self, branch: Branch) -> None:
        """Tell Optuna what it may see by now."""
        end = self._visible(branch, more=branch.remaining > 0)
        for number in range(branch.seen, end):
            manifest, found = branch.answers.pop(number)
            self._compare_with(branch, manifest, found)
            for spec in manifest["trials"]:
                self._tell(branch, spec, found.get(spec["trial"]))
        branch.seen = max(end, branch.seen)
        self._forget(branch)

    def _tell(self, branch: Branch, spec: TrialSpec, row: Mapping[str, Any] | None) -> None:
        running = branch.running.pop(spec["trial"], None)
        if running is None:
            return
        values, shown = outcome(row, self._config.objectives)
        excess = exceeded(row, self._config, self._dense(branch.search))
        if reads(self._config.sampler, self._asking(branch)) == "all":  # a sampler of the user's may look at anything
            for name, value in shown.items():
                running.trial.set_user_attr(name, value)
        for name, much in excess.items():
            running.trial.set_constraint(name, much)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        branch.study.tell(running.trial, values, state)
        self._journal.finish(running.entry, *displayed(row, values), shown, excess)
        branch.told += values is not None

    def _forget(self, branch: Branch) -> None:
        """Let go of finished trials that the sampler will not read again."""
        reading = reads(self._config.sampler, self._asking(branch))
        if reading == "all":
            return
        study_id = branch.study._study_id
        finished = self._memory.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))
        if reading == "nothing":
            self._memory.forget(study_id, [trial.number for trial in finished])
            return
        known = set(branch.shapes.values()).union(branch.elite.numbers if branch.elite else ())
        new = [trial for trial in finished if trial.number not in known]
        out = {trial.number for trial in new if trial.state == TrialState.FAIL}
        found = [
            (trial.number, trial.values, trial.constraints, trial.distributions)
            for trial in new
            if trial.state == TrialState.COMPLETE
        ]
        self._memory.forget(study_id, out | self._weigh(branch, found))

    def _weigh(
        self,
        branch: Branch,
        trials: Sequence[tuple[int, Sequence[float], Mapping[str, float], Mapping[str, BaseDistribution]]],
    ) -> set[int]:
        """Take complete trials (number, values, constraints, distributions) into the elite; returns who is out."""
        objectives = [OBJECTIVES[name] for name in self._config.objectives]
        if branch.elite is None:
            branch.elite = Elite(self._config.sampler.options["population"], len(objectives))
        for number, _, _, space in trials:
            branch.shapes.setdefault(frozenset(space.items()), number)
        signs = [-1.0 if objective.maximise else 1.0 for objective in objectives]
        out = branch.elite.add(
            [number for number, *_ in trials],
            [[sign * value for sign, value in zip(signs, values, strict=True)] for _, values, _, _ in trials],
            [sum(excess for excess in constraints.values() if excess > 0) for _, _, constraints, _ in trials],
        )
        return set(out) - set(branch.shapes.values())

    def rebuild(self, manifests: Iterable[Manifest], rows: Iterable[Mapping[str, Any]]) -> list[Manifest]:
        """Start over from the study directory: trials with a row are told, the others of its packs run.

        A number between others without manifest or row becomes a failed trial and is made up for at the end.

        Args:
            manifests: StudyDirectory.manifests().
            rows: of StudyDirectory.trials(), with at least the columns that `needed` names.

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
        branches = list(self._by_branch(known.values()).items())
        if self._relative:
            branches.sort(key=lambda entry: entry[0][0] != _DENSE)
        for key, packs in branches:
            self._replay(self._branches[key], packs, results)
        self._journal.flush()
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
        self._memory = Memory()
        self._scores: dict[int, dict[str, float]] = {}
        self._journal = Journal(self._local / JOURNAL if self._local else None)
        self._branches = {
            (method, search): self._branch(method, search)
            for search in range(config.searches)
            for method in config.methods
        }
        for branch in self._branches.values():
            directions = [OBJECTIVES[objective].direction for objective in config.objectives]
            self._journal.study(branch.name, directions, config.objectives)
            self._sampler(branch)

    def _branch(self, method: str, search: int) -> Branch:
        config = self._config
        name = "/".join([config.name, *([f"s{search}"] if search else []), method])
        return Branch(
            method,
            search,
            name,
            empty_study(name, config.objectives, self._memory),
            distributions(*self._space(method)),
            budget=config.budget(method) // config.searches,
            seeds=config.replicates(method),
            path=config.path_of(method),
        )

    def _asking(self, branch: Branch) -> Ask:
        """What the sampler of a method's next pack may depend on."""
        return Ask(
            seed=seed_of(self._config.seed, branch.method, "sampler", *_of_search(branch.search)),
            number=branch.asked,
            finished=branch.told,
            seeds=branch.together,
            space=branch.space,
            affordable=affordable(self._steps, self._size, len(branch.space), self.workers),
        )

    def _sampler(self, branch: Branch) -> optuna.samplers.BaseSampler:
        return sampler(self._config.sampler, self._asking(branch))

    def _space(self, method: str) -> tuple[str, Mapping[str, object], Scale]:
        """A method's search space: what implements it, the user's settings, the scale of the problem."""
        return self._config.implementation(method), self._config.space(method), self._layers[method]

    def _next(self, branch: Branch, pack: str, lane: int, waiting: list[Queued]) -> TrialSpec:
        """One more trial: a new configuration, or the next replicate of the one before."""
        method, own = branch.method, _of_search(branch.search)
        number, replicate = branch.asked, branch.asked % branch.seeds
        alike: tuple[object, ...] = ("start", replicate) if self._config.beginning(method) else (number,)
        if branch.path is not None:
            alike = ("path", number // branch.path.points)
        spec: TrialSpec = {
            "trial": trial_name(method, number, branch.search),
            "number": number,
            "lane": lane,
            "seed": seed_of(self._config.seed, method, *alike, *own),
            "data_seed": seed_of(self._config.seed, replicate, *own),
            "parameters": {},
        }
        if branch.path is not None:
            return self._run(branch, pack, spec, self._point(branch, branch.path, spec, waiting))
        fixed = branch.latest if replicate else self._wanted(branch, spec, waiting)
        return self._run(branch, pack, spec, fixed)

    def _point(self, branch: Branch, path: StrengthPath, spec: TrialSpec, waiting: list[Queued]) -> dict[str, Any]:
        """Of a path: the sampler chooses what is not its strength, once. The points count its epochs one after the
        other, each those from the point before it on."""
        strengths, index = branch.strengths(), spec["number"] % path.points
        if not index:
            return {**self._wanted(branch, spec, waiting), path.knob: strengths[0]}
        spec["path"] = strengths[:index]
        spec["shared"] = self._config.epochs - self._config.polish + (index - 1) * path.epochs
        return {**branch.latest, path.knob: strengths[index]}

    def _wanted(self, branch: Branch, spec: TrialSpec, waiting: list[Queued]) -> dict[str, Any]:
        """What the user wants to be tried: first the study's own list, then what waits in the queue; or nothing."""
        method = self._config.methods[branch.method]
        first, start = method.first or (), method.start or ()
        index = spec["number"] // branch.together
        implementation, space, layers = self._space(branch.method)
        if index < len(first):
            return dict(configuration(implementation, space, first[index], layers))
        if index < len(first) + len(start):
            return self._fitting(branch, start[index - len(first)])
        while waiting:
            entry = waiting.pop(0)
            self._dequeued.add(entry["name"])
            try:
                found = configuration(implementation, space, entry["parameters"], layers)
            except Mistakes as error:  # put there where the data, and so the ranges, were not known
                self._warn(f"queue: {branch.method}: {'; '.join(map(str, error.mistakes))}; it is not tried")
                continue
            spec["queued"] = entry["name"]
            return dict(found)
        return {}

    def _run(self, branch: Branch, pack: str, spec: TrialSpec, fixed: Mapping[str, Any]) -> TrialSpec:
        """Open an Optuna trial, with the sampler's parameters unless they are fixed."""
        if fixed:
            branch.study.enqueue_trial(dict(fixed))
        trial = branch.study.ask()
        assert trial.number == spec["number"], "only this search may add trials"
        parameters = suggest_parameters(trial, *self._space(branch.method))
        if not fixed:
            trial, parameters = self._distinct(branch, trial, parameters)
        branch.drawn.add(frozenset(trial.params.items()))
        names, suggested = _names(pack, spec), trial.params
        if reads(self._config.sampler, self._asking(branch)) == "all":
            for name, value in names.items():
                trial.set_user_attr(name, value)
        entry = self._journal.trial(branch.name, TrialState.RUNNING, suggested, trial.distributions, names)
        branch.asked += 1
        branch.latest = suggested
        branch.running[spec["trial"]] = Running(trial, entry)
        return {**spec, "parameters": parameters}

    def _fitting(self, branch: Branch, given: Mapping[str, Any]) -> dict[str, Any]:
        """What of a configuration from elsewhere is within this study's ranges; the sampler chooses the rest."""
        implementation, space, layers = self._space(branch.method)
        found: dict[str, Any] = {}
        for name, value in given.items():
            with contextlib.suppress(Mistakes):
                found |= configuration(implementation, space, {name: value}, layers)
        return found

    def _distinct(
        self, branch: Branch, trial: optuna.Trial, parameters: dict[str, Any]
    ) -> tuple[optuna.Trial, dict[str, Any]]:
        """Draw again, at random in the end, what the pack has already; a small space may have nothing else."""
        usual, chance = branch.study.sampler, optuna.samplers.RandomSampler(self._asking(branch).pack_seed)
        for draw in range(_DRAWS):
            if not trial.params or frozenset(trial.params.items()) not in branch.drawn:
                break
            branch.study.sampler = usual if draw < _DRAWS // 4 else chance
            self._memory.undraw(branch.study._study_id, trial.number)
            trial = optuna.Trial(branch.study, trial._trial_id)
            parameters = suggest_parameters(trial, *self._space(branch.method))
        branch.study.sampler = usual
        return trial, parameters

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
        self,
        branch: Branch,
        packs: Sequence[Manifest],
        results: Mapping[str, Mapping[str, Mapping[str, Any]]],
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
        if branch.seen:
            self._compare_with(branch, *branch.answers[0])
        told = {branch.answers.pop(number)[0]["pack"] for number in range(branch.seen)}
        ordered = sorted(
            ((spec, manifest["pack"]) for manifest in packs for spec in manifest["trials"]),
            key=lambda entry: entry[0]["number"],
        )
        found = {
            spec["number"]: self._as_told(branch.method, branch.search, pack, spec, results[pack].get(spec["trial"]))
            for spec, pack in ordered
            if pack in told
        }
        branch.told = sum(trial.state == TrialState.COMPLETE for trial in found.values())
        kept = self._kept(branch, found)
        for spec, pack in ordered:
            if spec["number"] < branch.asked:
                raise StudyError(f"expected every trial in one pack, but {spec['trial']} of {pack} is in another, too")
            for _ in range(branch.asked, spec["number"]):
                self._add(branch, Told(TrialState.FAIL, None, {}, {}, {"reason": _LOST}, {}), keep=False)
                branch.lost += 1
            if spec["number"] in found:
                branch.latest = found[spec["number"]].params
                self._add(branch, found[spec["number"]], keep=spec["number"] in kept)
            else:
                params, _ = self._space_of(branch.method, spec["parameters"])
                self._run(branch, pack, spec, fixed=params)

    def _as_told(self, method: str, search: int, pack: str, spec: TrialSpec, row: Mapping[str, Any] | None) -> Told:
        params, space = self._space_of(method, spec["parameters"])
        values, shown = outcome(row, self._config.objectives)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        excess = exceeded(row, self._config, self._dense(search))
        finished_at = row.get("finished_at") if row else None
        seconds = (row.get("train_seconds") or 0) if row else 0
        return Told(state, values, params, space, {**_names(pack, spec), **shown}, excess, finished_at, seconds)

    def _kept(self, branch: Branch, found: Mapping[int, Told]) -> set[int]:
        """Those that the sampler will read."""
        reading = reads(self._config.sampler, self._asking(branch))
        if reading == "all":
            return set(found)
        if reading == "nothing":
            return set()
        complete = [
            (number, trial.values, trial.constraints, trial.distributions)
            for number, trial in found.items()
            if trial.values is not None
        ]
        for start in range(0, len(complete), _AT_ONCE):
            self._weigh(branch, complete[start : start + _AT_ONCE])
        return set(branch.shapes.values()).union(branch.elite.numbers if branch.elite else ())

    def _add(self, branch: Branch, trial: Told, keep: bool) -> None:
        """A finished trial, for the sampler if it is to be kept, for the journal in any case."""
        if keep:
            branch.study.add_trial(trial.frozen())
        else:
            self._memory.skip(branch.study._study_id)
        self._journal.trial(
            branch.name,
            trial.state,
            trial.params,
            trial.distributions,
            trial.attributes,
            trial.values,
            trial.constraints,
            trial.started,
            trial.finished_at,
        )
        branch.asked += 1

    def _space_of(
        self, method: str, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """Those of the parameters that are searched, and their distributions on the branch they took.

        Branches are chosen by words, never by a fraction: what has all but these in common shares a space.
        """
        key = (method, *((name, None if isinstance(value, float) else value) for name, value in parameters.items()))
        if key not in self._spaces:
            fixed = FixedTrial(dict(parameters))
            suggest_parameters(cast(optuna.Trial, fixed), *self._space(method))
            self._spaces[key] = fixed.distributions
        space = self._spaces[key]
        return {name: parameters[name] for name in space}, space


def _key(manifest: Manifest) -> _Key:
    return manifest["method"], manifest.get("search", 0)


def _of_search(search: int) -> tuple[object, ...]:
    """What is added to the parts of a seed: nothing in the first search, which is that of a study with one."""
    return ("search", search) if search else ()


def _names(pack: str, spec: TrialSpec) -> dict[str, Any]:
    return {"trial": spec["trial"], "pack": pack, "seed": spec["seed"], "data_seed": spec["data_seed"]}
