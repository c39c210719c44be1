"""Each point of the audit, passed and not, and the command that passes it."""

import pytest
import yaml
from optuna.distributions import FloatDistribution

import analysis
from analysis.text.audit import CHECKS
from study import load_config
from study.directory import StudyDirectory
from trainables.recipe import Recipe
from trainables.training.pack import Job, Pack
from trainables.training.stack import Trial

NUMBER = {check.__name__.removeprefix("_"): index for index, check in enumerate(CHECKS)}


OPEN = ("seeds", "searches", "data_sets", "paired_tests")
"""What the small made-up study does not have."""


def audited(study, point, frame=None, **config):
    (settings,) = study.configs.values()
    return analysis.audit(study.trials if frame is None else frame, {**settings, **config}, "runs/digits")[
        NUMBER[point]
    ]


@pytest.mark.parametrize("point", [name for name in NUMBER if name not in OPEN])
def test_a_complete_study_passes(study, point):
    check = audited(study, point)
    assert check.passed and not check.remedy


def test_seeds_pass_with_three(study):
    check = audited(study, "seeds", study.trials.assign(configuration=study.trials["number"] // 3))
    assert check.passed and check.found.startswith("3 seeds")


def test_one_seed_is_not_enough(study):
    check = audited(study, "seeds")
    assert check.passed is False
    assert check.remedy == "study run runs/digits/study.yaml --set seeds=3 --output runs/digits-seeds3"


@pytest.mark.parametrize("point", ["raw_and_delta", "dense_control"])
def test_without_a_dense_control(study, point):
    check = audited(study, point, study.trials[study.trials["method"] != "dense"])
    assert check.passed is False and check.found.startswith("no dense trial")
    assert check.remedy == "study resume runs/digits --set methods.dense.trials=12"  # as many as the methods have


def test_without_multiply_adds(study):
    check = audited(study, "compression_and_speed", study.trials.assign(macs=None))
    assert check.passed is False
    assert check.found.endswith("lack one of parameters, dense_parameters, macs, dense_macs")


def test_without_test_scores(study):
    check = audited(study, "raw_and_delta", study.trials.assign(test_accuracy=None))
    assert check.passed is False and check.found.endswith("complete trials lack a test score")


def test_too_few_operating_points(study):
    few = study.trials[(study.trials["method"] != "npn") | (study.trials["number"] < 3)]
    check = audited(study, "operating_points", few)
    assert check.passed is False and "NPN" in check.found and "group lasso" not in check.found
    assert check.remedy == "study resume runs/digits --set methods.npn.trials=64"


def test_what_a_method_lacks_is_counted_with_its_own_seeds(study):
    few = study.trials[(study.trials["method"] != "npn") | (study.trials["number"] < 3)]
    (settings,) = study.configs.values()
    methods = {**settings["methods"], "npn": {"seeds": 4}, "random": {"seeds": {"front": 5}}}
    check = audited(study, "operating_points", few, methods=methods, seeds=2, searches=2)
    assert check.remedy == "study resume runs/digits --set methods.npn.trials=8"
    check = audited(study, "pruning_baselines", study.trials[study.trials["method"] != "random"], methods=methods)
    assert check.remedy.endswith("methods.random.trials=12")


def test_without_pruning_baselines(study):
    check = audited(study, "pruning_baselines", study.trials[study.trials["method"] != "random"], trials=20, seeds=2)
    assert check.passed is False and check.found == "missing: random pruning"
    assert check.remedy == "study resume runs/digits --set methods.random.trials=20"


def test_unequal_budgets(study):
    unequal = study.trials[(study.trials["method"] != "npn") | (study.trials["number"] < 7)]
    check = audited(study, "same_budget", unequal)
    assert check.found == "NPN 7 trials instead of 12"
    assert check.remedy == "study resume runs/digits --set methods.npn.trials=12"


def test_the_control_may_have_a_smaller_budget(study):
    fewer = study.trials[(study.trials["method"] != "dense") | (study.trials["number"] < 2)]
    assert audited(study, "same_budget", fewer).passed


def test_unequal_data(study):
    trials = study.trials.assign(data_seed=(study.trials["method"] == "npn").astype(int))
    assert "same splits" in audited(study, "same_budget", trials).found


def test_fine_tuning(study):
    assert audited(study, "fine_tuning", polish=0).passed is None
    assert audited(study, "fine_tuning", study.trials.assign(val_accuracy_before_polish=None)).passed is False


@pytest.fixture(scope="module")
def reconstruction(tmp_path_factory):
    """Two autoencoders of digits as training describes them, the last of three epochs polishing."""
    trials = tuple(Trial(f"dense-{number:05d}", number, number, {}) for number in range(2))
    data = {"name": "digits", "limit": 100, "task": "reconstruction"}
    pack = Pack(Job("dense", data, {"name": "mlp", "widths": [4]}, Recipe(epochs=3, polish=1), trials))
    while not pack.done:
        pack.train_epoch()
    directory = StudyDirectory(tmp_path_factory.mktemp("studies") / "autoencoder")
    directory.create(yaml.safe_dump({"name": "autoencoder", "polish": 1, "objectives": ["mse", "neurons"]}))
    names = {"study": "autoencoder", "method": "dense", "pack": "dense-p0000"}
    rows = [names | row | {"number": row["lane"]} for row in pack.trial_rows()]
    directory.write_results("dense-p0000", "dense", rows, [names | row for row in pack.curve_rows()])
    return analysis.load(str(directory.path()))


@pytest.mark.parametrize("score", ["nmse", "mse", "loss"])
def test_fine_tuning_of_a_reconstruction(reconstruction, score):
    assert audited(reconstruction, "fine_tuning", objectives=[score, "neurons"]).passed is True
    older = reconstruction.trials.assign(**{f"val_{score}_before_polish": None})
    assert audited(reconstruction, "fine_tuning", older, objectives=[score, "neurons"]).passed is False


def test_nothing_to_audit(study):
    with pytest.raises(ValueError, match="a score and a count"):
        analysis.audit(study.trials.iloc[:0], {"objectives": ["neurons"]})


@pytest.mark.parametrize("point", [name for name in NUMBER if name != "fine_tuning"])
def test_every_open_point_says_what_to_run(study, point):
    poor = study.trials[study.trials["method"] == "npn"].assign(macs=None, test_accuracy=float("nan"), epochs=range(12))
    check = audited(study, point, poor)
    assert check.passed or check.passed is None or check.remedy.startswith("study ")


def test_searches_pass_with_five_and_can_be_added(study):
    check = audited(study, "searches")
    assert (check.passed, check.remedy) == (False, "study resume runs/digits --set searches=5")
    assert audited(study, "searches", study.trials.assign(search=study.trials["number"] % 5)).passed


def test_answers_make_tests_possible(study):
    assert not audited(study, "paired_tests").passed
    recorded = study.trials.assign(task="classification", val_examples=359)
    assert "resampling 359 validation examples" in audited(study, "paired_tests", recorded).found
    searched = recorded.assign(search=recorded["number"] % 3)
    assert audited(study, "paired_tests", searched).found.endswith("claims are tested over 3 searches")


def test_what_is_not_recorded_of_single_examples_is_not_claimed(study):
    regression = study.trials.assign(task="regression", val_examples=88, val_nmse=0.5, test_nmse=0.5, val_score=0.5)
    assert audited(study, "paired_tests", regression, objectives=["nmse", "neurons"]).passed
    own = audited(study, "paired_tests", regression, objectives=["score", "neurons"])
    assert (own.passed, own.found) == (
        False,
        "of single examples squared errors are recorded, not the score that is compared",
    )
    classified = regression.assign(task="classification", val_loss=0.5)
    assert "right and wrong answers" in audited(study, "paired_tests", classified, objectives=["loss", "neurons"]).found
    split = audited(study, "paired_tests", classified, data={"name": "digits", "resample": True})
    assert split.passed is None and "splits of its own" in split.found


def test_ranges_that_a_front_touches_are_widened_for_all_who_had_the_same(study):
    """Where a front lies at an end is asked on the scale that was searched, by what the manifests say."""
    declared = {
        method: {"lambda": FloatDistribution(1e-3, 1.0, log=True), "lr": FloatDistribution(1e-3, 0.1, log=True)}
        for method in ("group_lasso", "npn", "magnitude")
    }
    declared["random"] = {"lambda": FloatDistribution(0.0, 1.0), "lr": FloatDistribution(1e-3, 0.1, log=True)}
    front = study.trials["val_accuracy"] > 0.9
    touched = study.trials.assign(
        param_lr=study.trials["param_lr"].mask(front & (study.trials["method"] == "npn"), 0.1)
    )
    (config,) = study.configs.values()
    check = analysis.audit(touched, config, "runs/digits", declared)[NUMBER["ranges"]]
    assert check.passed is False and "NPN: lr (0.001 to 0.1)" in check.found
    widened = [part.split("=")[0] for part in check.remedy.split("--set ")[1:]]
    assert [f"methods.{name}.space.lr" for name in ("group_lasso", "npn", "magnitude", "random")] == widened
    assert "lr=[0.001,0.2] " in check.remedy and check.remedy.endswith("--output runs/digits-wider")
    given = [part.split()[0] for part in check.remedy.split("--set ")[1:]]
    config = load_config("digits", [one.replace("[0.001,", "[0.01,") for one in given])
    assert config.methods["npn"].space["lr"] == [0.01, 0.2]
