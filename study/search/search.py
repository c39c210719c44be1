"""What to train next: one Optuna study per method and search, asked and told in whole packs.

The numbers of a method's trials in a search run from 0 without gaps, and with S seeds trial n is replicate n % S of its
configuration.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from search_spaces import Scale
from study.directory import JOURNAL, Manifest, StudyDirectory, TrialSpec, pack_index, pack_name
from study.search.baseline import dense_scores
from study.search.brackets import Brackets
from study.search.branch import Branch, Rows
from study.search.ledger import Ledger, Told, names_of
from study.search.outcome import exceeded, manifest_of, manifest_with, outcome
from study.search.pack_size import pack_size
from study.search.proposals import Proposals, of_search
from study.search.racing import Race
from study.search.samplers import Ask, Reads, affordable, reads, sampler
from study.search.spaces import Spaces
from trainables.errors import StudyError
from trainables.seeds import seed_of

if TYPE_CHECKING:
    from study.config import StudyConfig

_DENSE = "dense"


_Key = tuple[str, int]
"""A method, and which of the study's searches."""


class Search:
    """Asks for packs and is told their outcome. One driver per study; not thread-safe.

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
        self._spaces = Spaces(config, layers)
        self._relative = any(constraint.needs_score for constraint in config.constrained)
        self._local, self._store = directory.local, directory.store
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
            if branch.open and branch.seen >= branch.packs - self._lag and self._is_compared(branch)
        ]
        if not waiting:
            return None
        branch = max(waiting, key=lambda one: one.remaining / one.budget)
        method = branch.method
        pack = pack_name(method, branch.packs, branch.search)
        trials = self._trials(branch, pack, size)
        branch.packs += 1
        self._reveal(branch)
        self._ledger.flush()
        return manifest_with(method, pack, trials, branch.search)

    def _trials(self, branch: Branch, pack: str, size: int) -> list[TrialSpec]:
        """Of a next pack."""
        size *= branch.path.points if branch.path else 1  # of a path one trial trains at a time
        if again := branch.again(size):
            return self._proposals.repeats(branch, pack, again)
        branch.study.sampler = self._sampler(branch)
        if branch.brackets is not None:
            return self._proposals.bracketed(branch, pack, branch.brackets.next(size, branch.remaining))
        return self._proposals.pack(branch, pack, branch.new(size))

    def tell(self, manifest: Manifest, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take a finished pack's rows (see `outcome` for what fails); a pack told before is left alone."""
        branch, number = self._branches[_key(manifest)], pack_index(manifest["pack"])
        if number < branch.seen or number in branch.answers:
            return
        found = {row["trial"]: row for row in rows}
        branch.answers[number] = (manifest, found)
        self._reveal(branch)
        self._ledger.flush()

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

    def _shows(self, branch: Branch) -> bool:
        """Whether Optuna may see one more pack: up to the lag, in order; all, while nothing more can be asked."""
        return branch.seen in branch.answers and (branch.seen < branch.packs - self._lag or not branch.open)

    def _reveal(self, branch: Branch) -> None:
        """Tell Optuna what it may see by now."""
        while self._shows(branch):
            manifest, found = branch.answers.pop(branch.seen)
            branch.seen += 1
            self._compare_with(branch, manifest, found)
            for spec in manifest["trials"]:
                self._tell(branch, spec, found.get(spec["trial"]))
        self._ledger.forget(branch)

    def _tell(self, branch: Branch, spec: TrialSpec, row: Mapping[str, Any] | None) -> None:
        excess = exceeded(row, self._config, self._dense(branch.search))
        self._ledger.end(branch, spec, row, excess)
        self._ends(branch, spec, row, outcome(row, self._config.objectives)[0], excess)

    def _ends(
        self,
        branch: Branch,
        spec: TrialSpec,
        row: Mapping[str, Any] | None,
        values: list[float] | None,
        excess: dict[str, float],
    ) -> None:
        """What follows from what a trial came to."""
        branch.ends(spec, row, values, excess)
        if branch.race is not None and "repeats" in spec:
            self._ledger.revise(branch, spec["repeats"], *branch.race.mean(spec["repeats"]))

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
        self._ledger.flush()
        return [manifest for pack, manifest in sorted(known.items()) if pack not in results]

    def declared(self, method: str) -> dict[str, str]:
        """What each searched parameter of a method is drawn from, as Optuna writes it."""
        found = self._spaces.distributions(method)
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
        self._scores: dict[int, dict[str, float]] = {}
        journal = self._local / JOURNAL if self._local else None
        population = config.sampler.options.get("population", 0)
        self._ledger = Ledger(journal, config.objectives, population, self._reads)
        self._proposals = Proposals(
            config, self._spaces, self._ledger, self._store, lambda one: self._asking(one).pack_seed, self._warn
        )
        self._branches = {
            (method, search): self._branch(method, search)
            for search in range(config.searches)
            for method in config.methods
        }
        for branch in self._branches.values():
            self._sampler(branch)

    def _branch(self, method: str, search: int) -> Branch:
        config = self._config
        name = "/".join([config.name, *([f"s{search}"] if search else []), method])
        return Branch(
            method,
            search,
            name,
            self._ledger.study(name),
            self._spaces.distributions(method),
            budget=config.budget(method) // config.searches,
            seeds=config.replicates(method),
            path=config.path_of(method),
            race=self._race(method),
            brackets=self._brackets(method),
        )

    def _race(self, method: str) -> Race | None:
        """None, too, where all trials are of one configuration: each is another seed of it."""
        racing = self._config.racing(method)
        if racing is None or not self._spaces.distributions(method):
            return None
        return Race(racing.front, self._config.repeats(method) // self._config.searches, self._config.objectives)

    def _brackets(self, method: str) -> Brackets | None:
        target, knob = self._config.target, self._config.lever(method)
        own = self._spaces.distributions(method).get(knob)
        if target is None or not isinstance(own, FloatDistribution):
            return None
        return Brackets(knob, own, target.compressions, target.of, target.rounds)

    def _asking(self, branch: Branch) -> Ask:
        """What the sampler of a method's next pack may depend on."""
        return Ask(
            seed=seed_of(self._config.seed, branch.method, "sampler", *of_search(branch.search)),
            number=branch.asked,
            finished=branch.told,
            seeds=branch.together,
            space=branch.space,
            affordable=affordable(self._steps, self._size, len(branch.space), self.workers),
            repeats=branch.race.repeats if branch.race else 0,
        )

    def _sampler(self, branch: Branch) -> optuna.samplers.BaseSampler:
        return sampler(self._config.sampler, self._asking(branch))

    def _reads(self, branch: Branch) -> Reads:
        """All in the place of an elite, where values still change."""
        found = reads(self._config.sampler, self._asking(branch))
        return "all" if found == "elite" and branch.race else found

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
        for manifest in packs:
            self._proposals.tried(manifest["trials"])
        branch.packs = 1 + max(pack_index(manifest["pack"]) for manifest in packs)
        lost = {number: pack_name(branch.method, number, branch.search) for number in range(branch.packs)}
        branch.answers = {number: ({**packs[0], "pack": name, "trials": []}, {}) for number, name in lost.items()}
        for manifest in packs:
            branch.answers[pack_index(manifest["pack"])] = (manifest, results.get(manifest["pack"], {}))
            if manifest["pack"] not in results:
                del branch.answers[pack_index(manifest["pack"])]
        ordered = sorted(
            ((spec, manifest["pack"]) for manifest in packs for spec in manifest["trials"]),
            key=lambda entry: entry[0]["number"],
        )
        branch.seen = self._shown(branch, [spec for spec, _ in ordered])
        if branch.seen:
            self._compare_with(branch, *branch.answers[0])
        told = {branch.answers.pop(number)[0]["pack"] for number in range(branch.seen)}
        found = {
            spec["number"]: self._as_told(branch.method, branch.search, pack, spec, results[pack].get(spec["trial"]))
            for spec, pack in ordered
            if pack in told
        }
        first = {
            spec["number"]: found[spec["number"]] for spec, pack in ordered if pack in told and "repeats" not in spec
        }
        branch.told = sum(trial.state == TrialState.COMPLETE for trial in first.values())
        kept = self._ledger.kept(branch, first)
        for spec, pack in ordered:
            if spec["number"] < branch.asked:
                raise StudyError(f"expected every trial in one pack, but {spec['trial']} of {pack} is in another, too")
            for _ in range(branch.asked, spec["number"]):
                self._ledger.lose(branch)
            if (one := found.get(spec["number"])) is None:
                self._proposals.again(branch, pack, spec)
                continue
            branch.latest = one.params
            self._ledger.add(branch, one, keep=spec["number"] in kept)
            branch.begins(spec, one.params)
            self._ends(branch, spec, results[pack].get(spec["trial"]), one.values, one.constraints)

    def _shown(self, branch: Branch, specs: Sequence[TrialSpec]) -> int:
        """Packs that Optuna may see once all of these trials are asked for, found without it."""
        ahead = replace(branch, race=self._race(branch.method), brackets=self._brackets(branch.method))
        for spec in specs:
            ahead.lost += max(0, spec["number"] - ahead.asked)
            ahead.asked = max(spec["number"], ahead.asked)
            ahead.begins(spec, {})
        while self._shows(ahead):
            manifest, found = ahead.answers[ahead.seen]
            ahead.seen += 1
            for spec in manifest["trials"]:
                row = found.get(spec["trial"])
                ahead.ends(spec, row, outcome(row, self._config.objectives)[0], {})
        return ahead.seen

    def _as_told(self, method: str, search: int, pack: str, spec: TrialSpec, row: Mapping[str, Any] | None) -> Told:
        params, space = self._spaces.searched(method, spec["parameters"])
        values, shown = outcome(row, self._config.objectives)
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        excess = exceeded(row, self._config, self._dense(search))
        finished_at = row.get("finished_at") if row else None
        seconds = (row.get("train_seconds") or 0) if row else 0
        return Told(state, values, params, space, {**names_of(pack, spec), **shown}, excess, finished_at, seconds)


def _key(manifest: Manifest) -> _Key:
    return manifest["method"], manifest.get("search", 0)
