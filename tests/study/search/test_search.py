"""Asking and telling packs, on real Optuna studies with the real search spaces."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import search_spaces
from study.config.load import StudyConfig
from study.config.named import SamplerSettings
from study.directory.layout import JOURNAL
from study.directory.study_directory import Manifest, StudyDirectory
from study.search.outcome import violations
from study.search.samplers import AFFORDABLE, SAMPLERS, Ask, affordable, sampler
from study.search.samplers.cma import ReplayedCMA
from study.search.samplers.genetic import SteadyNSGAII
from study.search.samplers.points import Grid
from study.search.samplers.tpe import PackTPE
from study.search.search import Search
from trainables.errors import StudyError
from trainables.seeds import seed_of

Row = dict[str, Any]
NAMES = tuple(SamplerSettings.declared)

LAYERS = dict.fromkeys(search_spaces.methods(), search_spaces.Scale())


def configuration(
    trials: int = 8,
    methods: Mapping[str, Any] | None = None,
    sampler: str | Mapping[str, Any] = "tpe",
    seeds: int = 1,
    searches: int = 1,
) -> StudyConfig:
    return StudyConfig.model_validate(
        {
            "name": "digits",
            "seed": 5,
            "data": "digits",
            "model": "mlp",
            "epochs": 2,
            "trials": trials,
            "seeds": seeds,
            "searches": searches,
            "methods": methods or ["group_lasso"],
            "sampler": sampler,
            "pack": {"size": 4},
            "objectives": ["accuracy"] if sampler == "cmaes" else ["accuracy", "neurons"],
        }
    )


def study_at(path: Path) -> StudyDirectory:
    directory = StudyDirectory(path)
    directory.create("name: digits\n")
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> StudyDirectory:
    return study_at(tmp_path / "digits")


def trained(manifest: Manifest, change: Callable[[Row], Row] = lambda row: row) -> list[Row]:
    """Rows as a pack would write them; the scores are functions of the parameters."""
    rows = []
    for spec in manifest["trials"]:
        strength = float(spec["parameters"].get("lambda", 1e-3))
        row = {
            "study": "digits",
            "method": manifest["method"],
            "pack": manifest["pack"],
            **{name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")},
            "status": "COMPLETE",
            "train_seconds": 2.0,
            "val_accuracy": 1 / (1 + abs(math.log10(strength) + 2)),
            "neurons": int(-10 * math.log10(strength)),
            **{f"param_{name}": value for name, value in spec["parameters"].items()},
        }
        rows.append(change(row))
    return rows


def run(search: Search, directory: StudyDirectory | None = None, packs: int = 1000) -> list[Manifest]:
    """Ask and tell pack after pack, as the driver does."""
    done: list[Manifest] = []
    while len(done) < packs and (manifest := search.ask()) is not None:
        if directory:
            directory.write_manifest(manifest)
            directory.write_results(manifest["pack"], manifest["method"], trained(manifest), [])
        search.tell(manifest, trained(manifest))
        done.append(manifest)
    return done


def states(directory: StudyDirectory) -> dict[str, int]:
    """How many trials Optuna has in each state."""
    return dict(Counter(trial.state.name for trial in journal(directory).trials))


def journal(directory: StudyDirectory, method: str = "group_lasso") -> optuna.Study:
    """What optuna-dashboard sees."""
    storage = JournalStorage(JournalFileBackend(directory.path(JOURNAL)))
    return optuna.load_study(study_name=f"digits/{method}", storage=storage)


def seen(study: optuna.Study) -> list[tuple[Any, ...]]:
    return [(t.number, t.state, t.values, t.params, t.distributions, t.user_attrs) for t in study.trials]


def test_a_pack_is_named_numbered_and_seeded(directory: StudyDirectory) -> None:
    search = Search(configuration(), directory, layers=LAYERS)
    first, second = run(search)
    assert search.ask() is None
    assert first["pack"] == "group_lasso-p0000" and second["pack"] == "group_lasso-p0001"
    specs = first["trials"] + second["trials"]
    assert [spec["number"] for spec in specs] == list(range(8))
    assert [spec["lane"] for spec in specs] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert [spec["trial"] for spec in specs] == [f"group_lasso-{n:05d}" for n in range(8)]
    assert [spec["seed"] for spec in specs] == [seed_of(5, "group_lasso", n) for n in range(8)]
    assert {spec["data_seed"] for spec in specs} == {seed_of(5, 0)}
    assert len({spec["parameters"]["lambda"] for spec in specs}) == 8


def test_seeds_agree_with_the_streams_of_the_training() -> None:
    from trainables.math import streams

    for parts in ((), (5, "group_lasso", 3), ("a", None)):
        assert seed_of(*parts) == streams.seed_of(*parts)


def test_the_dashboard_sees_every_trial_live(directory: StudyDirectory) -> None:
    search = Search(configuration(), directory, layers=LAYERS)
    manifest = search.ask()
    assert manifest is not None
    assert [trial.state for trial in journal(directory).trials] == [TrialState.RUNNING] * 4
    search.tell(manifest, trained(manifest))
    study = journal(directory)
    assert study.metric_names == ["accuracy", "neurons"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial, row in zip(study.trials, trained(manifest), strict=True):
        assert trial.state == TrialState.COMPLETE
        assert trial.values == [row["val_accuracy"], row["neurons"]]
        assert trial.user_attrs["trial"] == row["trial"] and trial.user_attrs["seed"] == row["seed"]
        assert trial.user_attrs["neurons"] == row["neurons"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_what_is_asked_does_not_depend_on_which_worker_is_first(
    directory: StudyDirectory, tmp_path: Path, seeds: int
) -> None:
    def asked(which: int, where: StudyDirectory) -> list[Manifest]:
        """Three workers; the next to finish is always the oldest (0) or the newest (-1) pack."""
        config = configuration(60 // seeds, seeds=seeds)
        search, running, done = (
            Search(config, where, layers=LAYERS, workers=3),
            list[Manifest](),
            list[Manifest](),
        )
        while sum(search.remaining().values()) or running:
            while len(running) < 3 and (manifest := search.ask()) is not None:
                running.append(manifest)
                done.append(manifest)
            manifest = running.pop(which)
            search.tell(manifest, trained(manifest))
        assert states(directory) == {"COMPLETE": 60}
        return done

    assert asked(0, directory) == asked(-1, study_at(tmp_path / "other"))
    assert all(trial.state == TrialState.COMPLETE for trial in journal(directory).trials)


def test_what_others_append_to_the_journal_does_no_harm(directory: StudyDirectory) -> None:
    search = Search(configuration(), directory, layers=LAYERS)
    manifest = search.ask()
    assert manifest is not None
    study = journal(directory)
    study.set_user_attr("note", "typed into the dashboard")
    search.tell(manifest, trained(manifest))
    run(search)
    study = journal(directory)
    assert study.user_attrs == {"note": "typed into the dashboard"}
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 8


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "FAILED", "reason": "loss is inf in epoch 3"}, "loss is inf in epoch 3"),
        ({"status": "FAILED", "val_accuracy": None}, "no reason was given"),
        ({"status": "NOT_EQUIVALENT", "reason": "outputs differ by 0.3"}, "outputs differ by 0.3"),
        ({"val_accuracy": math.nan}, "expected finite objectives: accuracy is nan"),
        ({"val_accuracy": math.inf, "neurons": None}, "accuracy is inf, neurons is nan"),
        ({"trial": "someone else"}, "without a row"),
    ],
)
def test_what_does_not_count_fails_with_a_reason(directory: StudyDirectory, change: Row, reason: str) -> None:
    search = Search(configuration(), directory, layers=LAYERS)
    manifest = search.ask()
    assert manifest is not None
    search.tell(manifest, trained(manifest, lambda row: {**row, **change} if row["lane"] == 1 else row))
    trials = journal(directory).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert reason in trials[1].user_attrs["reason"]
    assert search.remaining() == {"group_lasso": 4}


@pytest.mark.parametrize("workers", [1, 4])
def test_telling_twice_changes_nothing(directory: StudyDirectory, workers: int) -> None:
    search = Search(configuration(12), directory, layers=LAYERS, workers=workers)
    first = search.ask()
    assert first is not None
    search.tell(first, trained(first))
    once = states(directory)
    search.tell(first, trained(first))
    assert states(directory) == once
    run(search)
    search.tell(first, trained(first))
    assert states(directory) == {"COMPLETE": 12}


def test_methods_take_turns_by_what_is_left_of_their_budget(directory: StudyDirectory) -> None:
    config = configuration(8, {"dense": {"trials": 4}, "group_lasso": {}, "npn": {"trials": 4, "seeds": 2}})
    order = [manifest["method"] for manifest in run(Search(config, directory, layers=LAYERS))]
    assert order == ["dense", "group_lasso", "npn", "group_lasso", "npn"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_study_asks_the_same(name: str, tmp_path: Path) -> None:
    config = configuration(24, sampler=name)
    one, other = (run(Search(config, study_at(tmp_path / part), layers=LAYERS)) for part in "ab")
    assert one == other


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_rebuilt_study_asks_what_the_first_would_have(
    name: str, seeds: int, directory: StudyDirectory, tmp_path: Path
) -> None:
    config = configuration(32 // seeds, sampler=name, seeds=seeds)
    search = Search(config, directory, layers=LAYERS)
    run(search, directory, packs=5)
    waiting = search.ask()
    assert waiting is not None
    directory.write_manifest(waiting)
    before = seen(journal(directory))
    again = Search(config, StudyDirectory(directory.location), layers=LAYERS)
    assert again.rebuild(directory.manifests(), directory.trials().to_pylist()) == [waiting]
    assert seen(journal(directory)) == before
    assert again.remaining() == search.remaining()
    assert again.ask() == search.ask()
    for one in (search, again):
        one.tell(waiting, trained(waiting))
    assert run(again) == run(search)
    assert all(trial.state != TrialState.RUNNING for trial in journal(directory).trials[: len(before)])


def test_rebuilding_leaves_no_zombies_and_needs_no_journal(directory: StudyDirectory) -> None:
    config = configuration(12)
    search = Search(config, directory, layers=LAYERS)
    run(search, directory, packs=1)
    search.ask()  # the driver dies before it has written the manifest
    Path(directory.path(JOURNAL)).write_bytes(b'{"op_code": 4, "torn')
    again = Search(config, directory, layers=LAYERS)
    assert again.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    assert [trial.state for trial in journal(directory).trials] == [TrialState.COMPLETE] * 4
    assert [manifest["pack"] for manifest in run(again)] == ["group_lasso-p0001", "group_lasso-p0002"]


def test_a_lost_manifest_is_made_up_for(directory: StudyDirectory) -> None:
    config = configuration(12)
    run(Search(config, directory, layers=LAYERS), directory)
    rows = directory.trials().to_pylist()
    first, _, third = directory.manifests()
    complete = Search(config, directory, layers=LAYERS)
    assert complete.rebuild([first, third], rows) == []  # its rows say what it was
    assert complete.remaining() == {"group_lasso": 0}
    assert not complete.remaining()["group_lasso"]
    search = Search(config, directory, layers=LAYERS)
    assert search.rebuild([first, third], [row for row in rows if row["pack"] != "group_lasso-p0001"]) == []
    assert search.remaining() == {"group_lasso": 4}
    assert [trial.state.name for trial in journal(directory).trials[4:8]] == ["FAIL"] * 4
    (extra,) = run(search)
    assert extra["pack"] == "group_lasso-p0003"
    assert [spec["number"] for spec in extra["trials"]] == [12, 13, 14, 15]


def test_a_larger_budget_goes_on(directory: StudyDirectory) -> None:
    whole = run(Search(configuration(12), study_at(Path(directory.path("whole"))), layers=LAYERS))
    run(Search(configuration(8), directory, layers=LAYERS), directory)
    search = Search(configuration(12), directory, layers=LAYERS)
    search.rebuild(directory.manifests(), directory.trials().to_pylist())
    assert run(search) == whole[2:]


def test_methods_that_are_not_configured_are_refused(directory: StudyDirectory) -> None:
    run(Search(configuration(4), directory, layers=LAYERS), directory)
    search = Search(configuration(4, {"npn": {}}), directory, layers=LAYERS)
    with pytest.raises(ValueError, match="trials of group_lasso, expected npn"):
        search.rebuild(directory.manifests(), [])


def test_a_trial_in_two_packs_is_refused(directory: StudyDirectory) -> None:
    search = Search(configuration(4), directory, layers=LAYERS)
    manifest = search.ask()
    assert manifest is not None
    with pytest.raises(ValueError, match="group_lasso-00000 of group_lasso-p0001 is in another"):
        search.rebuild([manifest, {**manifest, "pack": "group_lasso-p0001"}], [])


def test_a_study_without_a_local_disk_keeps_no_journal(
    directory: StudyDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory.store, "local", None)
    assert len(run(Search(configuration(8), directory, layers=LAYERS))) == 2
    assert not Path(directory.path(JOURNAL)).exists()


@pytest.mark.parametrize(
    ("size", "packs"),
    [(4, [3, 3, 3]), (7, [6, 3]), (2, [2, 1, 2, 1, 2, 1]), (1, [1] * 9), (9, [9]), (50, [9])],
)
def test_all_seeds_of_a_configuration_share_a_pack_if_they_fit(
    directory: StudyDirectory, size: int, packs: list[int]
) -> None:
    search = Search(configuration(3, seeds=3), directory, layers=LAYERS, workers=9)
    manifests = []
    while (manifest := search.ask(size)) is not None:
        manifests.append(manifest)
    assert [len(manifest["trials"]) for manifest in manifests] == packs
    specs = [spec for manifest in manifests for spec in manifest["trials"]]
    for start in range(0, 9, 3):
        assert len({spec["parameters"]["lambda"] for spec in specs[start : start + 3]}) == 1
        assert [spec["data_seed"] for spec in specs[start : start + 3]] == [seed_of(5, r) for r in range(3)]
    assert len({spec["parameters"]["lambda"] for spec in specs}) == 3
    assert len({spec["seed"] for spec in specs}) == 9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["dense", "group_lasso"])
def test_a_pinned_space_is_repeated(directory: StudyDirectory, name: str, method: str) -> None:
    space = {"lr": 1e-3} | ({"lambda": 0.01, "beta": 1.0} if method == "group_lasso" else {})
    search = Search(configuration(8, {method: {"space": space}}, name), directory, layers=LAYERS)
    specs = [spec for manifest in run(search) for spec in manifest["trials"]]
    assert len(specs) == 8 and len({spec["seed"] for spec in specs}) == 8
    assert all(spec["parameters"].items() >= space.items() for spec in specs)


def test_sobol_points_fill_the_space_evenly(directory: StudyDirectory) -> None:
    space = {"lambda": [1e-4, 1.0], "lr": 1e-3, "beta": 1.0}
    search = Search(configuration(16, {"group_lasso": {"space": space}}, "qmc"), directory, layers=LAYERS)
    specs = [spec for manifest in run(search) for spec in manifest["trials"]]
    bins = sorted(int(4 * (math.log10(cast(float, spec["parameters"]["lambda"])) + 4)) for spec in specs)
    assert bins == list(range(16))


def test_a_grid_is_gone_over_once_before_it_is_gone_over_again(directory: StudyDirectory) -> None:
    space = {"lambda": [1e-4, 1.0], "lr": {"choices": [1e-3, 1e-2, 1e-1]}, "beta": 1.0}
    config = configuration(24, {"group_lasso": {"space": space}}, {"name": "grid", "points": 5}, seeds=2)
    specs = [spec for manifest in run(Search(config, directory, layers=LAYERS)) for spec in manifest["trials"]]
    tried = [(round(math.log10(cast(float, s["parameters"]["lambda"]))), s["parameters"]["lr"]) for s in specs]
    assert Counter(tried[:30]) == dict.fromkeys(itertools.product(range(-4, 1), [1e-3, 1e-2, 1e-1]), 2)
    assert tried[30:] == tried[: len(tried) - 30] and tried[:30] != sorted(tried[:30])
    with pytest.raises(StudyError, match=r"at most 1000000 points, but 1001 of each of 3 parameters are 1003003001"):
        Grid(dict.fromkeys("abc", optuna.distributions.FloatDistribution(0, 1)), seed=0, points=1001)


@pytest.mark.parametrize("name", ["tpe", "random", "nsga3", "gp"])
def test_a_pack_has_no_configuration_twice_while_there_are_others(name: str, directory: StudyDirectory) -> None:
    space = {"lr": {"choices": [1e-3, 3e-3, 1e-2, 3e-2]}, "lambda": 0.01, "beta": 1.0}
    config = configuration(20, {"group_lasso": {"space": space}}, name)
    packs = run(Search(config, directory, layers=LAYERS))
    assert [len({spec["parameters"]["lr"] for spec in pack["trials"]}) for pack in packs] == [4] * 5
    assert [trial.params["lr"] for trial in journal(directory).trials[:4]] == [
        spec["parameters"]["lr"] for spec in packs[0]["trials"]
    ]


def test_cma_es_follows_from_the_trials_that_are_finished() -> None:
    """Given back to the library generation by generation, it finds the minimum of a bowl, rebuilt or not."""
    uniform = optuna.distributions.FloatDistribution(-1, 1)
    study = optuna.create_study()
    for number in range(96):
        study.sampler = ReplayedCMA(seed=number, population=8, startup=8)
        trial = study.ask()
        x, y = (trial.suggest_float(name, -1, 1) for name in "xy")
        study.tell(trial, (x - 0.3) ** 2 + 4 * (y + 0.4) ** 2)
    late = [trial.value for trial in study.trials[-16:]]
    assert max(late) < 0.05 < sorted(trial.value for trial in study.trials[:8])[2]
    again = optuna.create_study(sampler=ReplayedCMA(seed=1, population=8, startup=8))
    for trial in study.trials:
        again.add_trial(
            optuna.create_trial(params=trial.params, distributions=dict.fromkeys("xy", uniform), value=trial.value)
        )
    study.sampler = ReplayedCMA(seed=1, population=8, startup=8)
    asked = [[one.suggest_float(name, -1, 1) for name in "xy"] for one in (study.ask(), again.ask())]
    assert asked[0] == asked[1]


def test_cma_es_takes_one_objective(directory: StudyDirectory) -> None:
    with pytest.raises(ValueError, match="one objective, as cmaes takes no more, but got 2: accuracy, neurons"):
        configuration(sampler={"name": "cmaes"})


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_sampler_that_learns_beats_chance(name: str, tmp_path: Path) -> None:
    space = {"lr": 1e-3, "lambda": [1e-5, 1.0]}

    def near(which: str) -> float:
        config = configuration(80, {"group_lasso": {"space": space}}, which)
        specs = [s for m in run(Search(config, study_at(tmp_path / which), LAYERS)) for s in m["trials"][-2:]]
        late = specs[len(specs) // 2 :]
        on_front = [math.log10(cast(float, spec["parameters"]["lambda"])) > -2.3 for spec in late]
        return sum(on_front) / len(late)

    assert near(name) > near("random") + 0.1


def test_breeding_starts_from_the_elite_of_all_finished_trials() -> None:
    breeding = SteadyNSGAII(seed=0, population_size=4)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=breeding)
    uniform = optuna.distributions.FloatDistribution(0, 1)
    for x in (0.1, 0.2, 0.3, 0.4, 0.5):
        study.add_trial(optuna.create_trial(params={"x": x}, distributions={"x": uniform}, values=[x, 1 - x]))
    elite = breeding.get_parent_population(study, 1)
    assert len(elite) == 4 and elite[0].params == {"x": 0.5}
    assert breeding.get_parent_population(study, 0) == []


def test_a_pack_is_asked_with_one_fit_of_which_the_first_trial_is_optunas_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(sampler: optuna.samplers.BaseSampler, lanes: int) -> list[dict[str, Any]]:
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        uniform = optuna.distributions.FloatDistribution(0, 1)
        for n in range(40):
            x, y = (n * 0.618) % 1, (n * 0.414) % 1
            params, spaces = {"x": x, "y": y}, {"x": uniform, "y": uniform}
            study.add_trial(optuna.create_trial(params=params, distributions=spaces, values=[x, y]))
        trials = [study.ask() for _ in range(lanes)]
        return [{name: trial.suggest_float(name, 0, 1) for name in "xy"} for trial in trials]

    fits: list[object] = []
    build = PackTPE._build_parzen_estimator
    monkeypatch.setattr(PackTPE, "_build_parzen_estimator", lambda *a, **k: fits.append(a) or build(*a, **k))
    together = asked(PackTPE(seed=7, n_startup_trials=10), 8)
    assert together[0] == asked(optuna.samplers.TPESampler(seed=7, n_startup_trials=10), 1)[0]
    assert len(fits) == 4, "one of good and one of bad trials for each parameter"
    assert len({pack["x"] for pack in together}) == 8


@pytest.mark.parametrize("require", [{}, {"accuracy": 0.5}])
def test_what_is_forgotten_would_not_have_been_a_parent(require: dict[str, float], tmp_path: Path) -> None:
    """NSGA-II on the trials that are kept asks what it asks on all of them."""

    def asked(where: str) -> list[Manifest]:
        config = configuration(160, sampler={"name": "nsga2", "population": 8})
        search = Search(config.model_copy(update={"require": require}), study_at(tmp_path / where), layers=LAYERS)
        found = run(search)
        study = search._branches["group_lasso", 0].study
        kept.append(len(study.get_trials(deepcopy=False)))
        return found

    kept: list[int] = []
    little = asked("forgets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("study.search.search.reads", lambda settings, ask: "all")
        assert little == asked("keeps")
    assert kept[0] < kept[1] == 160


def test_random_search_keeps_no_trials(directory: StudyDirectory) -> None:
    search = Search(configuration(16, sampler="random"), directory, layers=LAYERS)
    run(search)
    assert search._branches["group_lasso", 0].study.trials == []
    assert states(directory) == {"COMPLETE": 16}


def test_the_share_of_asks_is_bounded_by_counts() -> None:
    assert affordable(None, 1, 9, 100) == AFFORDABLE, "nothing is known of the training"
    assert affordable(steps=2160, size=16, parameters=2, workers=2) > 900, "digits as ever"
    few = affordable(steps=3, size=16, parameters=2, workers=2)
    assert 100 <= few < affordable(steps=600, size=16, parameters=2, workers=2)
    assert affordable(steps=10**9, size=16, parameters=2, workers=2) == AFFORDABLE


def test_every_sampler_of_the_settings_is_there() -> None:
    assert set(NAMES) <= set(SAMPLERS)


def test_auto_leaves_tpe_when_it_gets_slow() -> None:
    def chosen(finished: int) -> str:
        ask = Ask(seed=1, number=0, finished=finished, seeds=1, space={})
        return type(sampler(SamplerSettings(name="auto"), ask)).__name__

    assert (chosen(AFFORDABLE), chosen(AFFORDABLE + 1)) == ("PackTPE", "SteadyNSGAII")


def test_a_pack_has_a_trial(directory: StudyDirectory) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Search(configuration(), directory, layers=LAYERS).ask(0)


def test_optuna_stays_as_talkative_as_it_was(directory: StudyDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    run(Search(configuration(), directory, layers=LAYERS))
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr() == ("", "")


def test_trials_that_fall_short_of_what_is_required_are_not_searched_near(directory: StudyDirectory) -> None:
    """All accuracies below the bound come with few neurons: without it the sampler would seek them out."""

    def mean_strength(require: dict[str, float], where: str) -> float:
        space = {"lambda": [1e-4, 1.0], "lr": 0.01}
        config = configuration(96, {"group_lasso": {"space": space}}, {"name": "tpe", "startup": 16})
        config = config.model_copy(update={"require": require})
        search = Search(config, study_at(Path(directory.path(where))), layers=LAYERS)
        last = run(search)[-8:]
        strengths = [math.log10(cast(float, s["parameters"]["lambda"])) for m in last for s in m["trials"]]
        return sum(strengths) / len(strengths)

    assert mean_strength({"accuracy": 0.7}, "bound") < mean_strength({}, "free") - 0.2


def test_requirements_count_from_the_bound_in_the_direction_of_the_objective() -> None:
    row = {"val_accuracy": 0.75, "neurons": 30}
    assert violations(row, {"accuracy": 0.8, "neurons": 20}) == pytest.approx({"accuracy": 0.05, "neurons": 10})
    assert violations(None, {"accuracy": 0.8}) == {}


def test_searches_are_independent_and_the_first_is_that_of_a_study_with_one(tmp_path: Path) -> None:
    alone = run(Search(configuration(12), study_at(tmp_path / "alone"), layers=LAYERS))
    manifests = run(Search(configuration(12, searches=3), study_at(tmp_path / "three"), layers=LAYERS))
    by_search = {k: [m for m in manifests if m.get("search", 0) == k] for k in range(3)}
    assert by_search[0] == alone
    assert [m["pack"] for m in by_search[1]] == [f"group_lasso-s1-p{index:04d}" for index in range(3)]
    trials = {k: [trial for m in own for trial in m["trials"]] for k, own in by_search.items()}
    assert [trial["trial"] for trial in trials[2]] == [f"group_lasso-s2-{number:05d}" for number in range(12)]
    for name in ("seed", "data_seed"):
        assert not {trial[name] for trial in trials[0]} & {trial[name] for trial in trials[1]}  # type: ignore[literal-required]
    assert all(one["parameters"] != other["parameters"] for one, other in zip(trials[0], trials[1], strict=True))


def test_a_study_of_searches_is_rebuilt_and_may_get_more_of_them(directory: StudyDirectory) -> None:
    search = Search(configuration(8, searches=2), directory, layers=LAYERS)
    run(search, directory, packs=3)
    again = Search(configuration(8, searches=3), StudyDirectory(directory.location), layers=LAYERS)
    assert again.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    assert again.remaining() == {"group_lasso": 12}
    assert {manifest.get("search", 0) for manifest in run(again)} == {1, 2}
    fewer = Search(configuration(8), directory, layers=LAYERS)
    with pytest.raises(ValueError, match="searches: the directory has trials of 2"):
        fewer.rebuild(directory.manifests(), directory.trials().to_pylist())
