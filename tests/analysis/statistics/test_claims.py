"""Claims about the smallest networks: coverage, errors at the null, and what a clear case looks like."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import norm

import analysis
from analysis.axes import axes_of
from analysis.statistics.claims import paired, size_bounds
from analysis.text.headline import claim_table, headline

SIZES = np.round(np.geomspace(5, 190, 40))


def curve(sizes):
    """True accuracies of networks of these sizes, of which the dense one has 97.5 %."""
    return 0.975 - 0.25 * np.exp(-sizes / 8)


def answered(random, accuracy, examples):
    """Right or wrong, with examples that are hard for all: a normal copula of correlation .7."""
    shared, own = random.normal(size=examples), random.normal(size=(len(accuracy), examples))
    latent = np.sqrt(0.7) * shared + np.sqrt(0.3) * own
    return (latent < norm.ppf(accuracy)[:, None]).astype(np.float32)


def drawn_study(trials, random, methods, examples=359, truth=curve, dense=0.975):
    """Methods that all found the same networks, eight dense ones, and their answers."""
    accuracy = np.concatenate([np.full(8, dense), *[truth(SIZES) for _ in methods]])
    sizes = np.concatenate([np.full(8, 192.0), *[SIZES for _ in methods]])
    validation, test = answered(random, accuracy, examples), answered(random, accuracy, examples)
    names = [f"t{index}" for index in range(len(sizes))]
    frame = trials(
        validation.mean(axis=1),
        sizes,
        method=["dense"] * 8 + [name for name in methods for _ in SIZES],
        trial=names,
        test_accuracy=test.mean(axis=1),
        dense_neurons=192,
    )
    return frame, analysis.Answers(tuple(names), validation, test, True)


def test_intervals_cover_and_equal_methods_are_not_told_apart(trials):
    """Optimism on pure noise: six methods with the same networks, of which one looks best."""
    truth = SIZES[curve(SIZES) >= 0.98 * 0.975].min() / 192
    methods = ["group_lasso", "npn", "drop_neuron", "exclusive_group", "magnitude", "random"]
    covered, apart, looks = [], [], []
    for repeat in range(40):
        frame, answers = drawn_study(trials, np.random.default_rng(repeat), methods)
        found = analysis.claims(frame, answers, resamples=200)
        covered += ((found["low"] <= truth) & (truth <= found["high"])).tolist()
        apart.append(not found["group"].all())
        looks.append(found["share"].iloc[0])
    assert np.mean(covered) >= 0.9 - 0.03
    assert np.mean(apart) <= 0.1
    assert np.mean(looks) < truth  # what was selected promises too much


@pytest.mark.parametrize(("examples", "dense"), [(10, 0.9), (36, 0.97), (36, 0.99), (125, 0.995)])
def test_intervals_cover_where_few_examples_show_next_to_no_error(trials, examples, dense):
    """Of 36 rightly answered examples resamples know no error at all, and the true network may make many."""

    def few(sizes):
        return curve(sizes) + dense - 0.975

    truth = SIZES[few(SIZES) >= 0.98 * dense].min() / 192
    covered = []
    for repeat in range(30):
        frame, answers = drawn_study(trials, np.random.default_rng(repeat), ["npn", "random"], examples, few, dense)
        found = analysis.claims(frame, answers, resamples=200)
        covered += ((found["low"] <= truth) & (truth <= found["high"])).tolist()
    assert np.mean(covered) >= 0.9 - 0.03


@pytest.mark.parametrize(("examples", "dense"), [(36, 0.97), (36, 0.99), (125, 0.995)])
def test_equal_methods_are_not_told_apart_by_few_examples(trials, examples, dense):
    """Each found a dozen networks of sizes of its own; untreated resamples told them apart in 15 to 33 %."""
    methods = ["group_lasso", "npn", "drop_neuron", "exclusive_group", "magnitude", "random"]
    apart = []
    for repeat in range(30):
        random = np.random.default_rng(repeat)
        sizes = np.round(np.exp(random.uniform(np.log(5), np.log(190), 12 * len(methods))))
        truth = np.concatenate([np.full(8, dense), curve(sizes) + dense - 0.975])
        validation, test = answered(random, truth, examples), answered(random, truth, examples)
        names = tuple(f"t{index}" for index in range(len(truth)))
        frame = trials(
            validation.mean(axis=1),
            np.concatenate([np.full(8, 192.0), sizes]),
            method=["dense"] * 8 + [name for name in methods for _ in range(12)],
            trial=names,
            test_accuracy=test.mean(axis=1),
            dense_neurons=192,
        )
        found = analysis.claims(frame, analysis.Answers(names, validation, test, True), resamples=200)
        apart.append(not found["group"].all())
    assert np.mean(apart) <= 0.1


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_bounds_cover_among_few_networks(n):
    """n networks whose excess is measured with known errors."""
    covered = []
    for repeat in range(200):
        random = np.random.default_rng([n, repeat])
        sizes, true = np.arange(1.0, n + 1), np.linspace(-2, 2, n)
        noise = random.normal(size=(400, n))
        estimate = true + random.normal(size=n)
        low, high = size_bounds(sizes, estimate, estimate + noise)
        covered.append(low <= sizes[true >= 0].min() <= high)
    assert np.mean(covered) >= 0.9 - 0.03


@pytest.mark.parametrize("accuracy", [(0.955, 0.975), (0.9, 0.9)])
@pytest.mark.parametrize("examples", [114, 359])
def test_the_interval_of_a_paired_difference_covers(accuracy, examples):
    random = np.random.default_rng(examples)
    found = []
    for _ in range(1500):
        one, other = answered(random, np.array(accuracy), examples)
        found.append(paired(one, 0.98 * other))
    truth = accuracy[0] - 0.98 * accuracy[1]
    assert np.mean([low <= truth <= high for _, low, high in found]) >= 0.9 - 0.03


def test_a_clear_difference_is_told(trials):
    frame, answers = drawn_study(trials, np.random.default_rng(0), ["npn", "random"], examples=5000)
    small = frame["method"].ne("random") | frame["neurons"].gt(150)
    found = analysis.claims(frame[small], answers)
    npn, chance = found.to_dict("records")
    assert (npn["method"], chance["method"]) == ("npn", "random")
    assert npn["leads"] == 1.0 and chance["p"] < 0.01 and not chance["group"] and npn["group"]
    assert npn["low"] <= npn["share"] <= npn["high"] < chance["low"]
    assert npn["difference_low"] < npn["difference"] < npn["difference_high"]
    text = headline(frame[small], *axes_of(("accuracy", "neurons")), analysis.baseline(frame), answers)
    assert "leads in 100 % of 1,000 resamples" in text[0] and "behind it are random pruning" in text[0]
    assert text[1].startswith("On test data its network reaches")
    table = claim_table(frame[small], answers, score=axes_of(("accuracy",))[0], count=axes_of(("neurons",))[0])
    assert [row[-1] for row in table.rows] == ["the first", "apart"]


def test_who_never_gets_there_has_no_network(trials):
    frame, answers = drawn_study(trials, np.random.default_rng(0), ["npn", "random"])
    bad = frame["method"].ne("random") | frame["neurons"].lt(8)
    line = analysis.claims(frame[bad], answers).set_index("method").loc["random"]
    assert np.isinf(line["share"]) and pd.isna(line["trial"]) and line["leads"] < 0.05
    assert analysis.claims(frame[frame["method"] != "dense"], answers).empty
    alone = claim_table(
        frame[frame["method"] != "dense"], answers, score=axes_of(("accuracy",))[0], count=axes_of(("neurons",))[0]
    )
    assert alone.rows == []


def test_seeds_of_a_configuration_are_averaged(trials):
    frame, answers = drawn_study(trials, np.random.default_rng(1), ["npn"])
    seeded = frame.assign(configuration=np.arange(len(frame)) // 2)
    rows = analysis.configurations(seeded)
    validation, _, known = answers.of(rows, seeded)
    assert known.all() and len(validation) == len(frame) // 2
    assert validation.mean(axis=1) == pytest.approx(rows["val_accuracy"].to_numpy())


def test_answers_are_unpacked_as_they_were_packed():
    bits = np.array([[1, 0, 1, 1, 0, 0, 0, 0, 1], [0] * 9])
    table = pa.table(
        {
            "trial": ["a", "b", "c"],
            "task": ["classification"] * 3,
            "val_examples": [9] * 3,
            "test_examples": [9] * 3,
            "val_answers": [*(np.packbits(row).tobytes() for row in bits), None],
            "test_answers": [*(np.packbits(row).tobytes() for row in bits[::-1]), None],
        }
    )
    found = analysis.statistics.unpacked(table)
    assert found.trials == ("a", "b") and found.right
    assert found.validation.tolist() == bits.tolist() and found.test.tolist() == bits[::-1].tolist()
    assert analysis.statistics.unpacked(table.slice(2)) is None


def test_mcnemar_is_the_binomial_test():
    one, other = [1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 1]
    assert analysis.mcnemar(one, other) == pytest.approx(2 * 0.5**5)
    assert analysis.mcnemar(one, one) == 1.0


def test_mcnemar_errs_no_more_often_than_said():
    random = np.random.default_rng(0)
    found = [analysis.mcnemar(*answered(random, np.array([0.9, 0.9]), 300)) for _ in range(400)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 0.02


def test_holm():
    assert analysis.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert analysis.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    found = analysis.holm([0.001, 0.2, 0.02, 0.0005])
    assert all(a <= b for a, b in pairwise(np.sort(found)))


def test_optimism_is_what_selection_adds(trials):
    """Equal networks, whose splits are equally hard: what the front shows beyond test is selection."""
    random = np.random.default_rng(0)
    frame = trials(0.9 + 0.01 * random.normal(size=600), random.integers(1, 100, 600), test_accuracy=0.9)
    found = analysis.optimism(frame)
    assert found.others == pytest.approx(0, abs=0.002)
    assert found.by_selection > 0.005
    assert analysis.optimism(frame.assign(test_accuracy=np.nan)) is None
    searched = frame.assign(search=np.arange(600) // 200)
    fronts = sum(len(analysis.pareto(searched[searched["search"] == search])) for search in range(3))
    assert analysis.optimism(searched).of == fronts


def test_compression_is_a_curve_over_tolerances(trials):
    frame, answers = drawn_study(trials, np.random.default_rng(2), ["npn"])
    found = analysis.tolerances(frame, answers, within=[0.0, 0.02, 0.05])
    assert found["share"].is_monotonic_decreasing
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()
    bare = analysis.tolerances(frame, within=[0.02])
    assert bare["share"].tolist() == found["share"].tolist()[1:2] and bare["low"].isna().all()
    searched = pd.concat([frame.assign(search=0), frame.assign(search=1, neurons=frame["neurons"] + 2)])
    (line,) = analysis.tolerances(searched, within=[0.02]).to_dict("records")
    assert line["low"] < line["share"] < line["high"]


def test_bands_know_the_networks_that_only_a_wide_tolerance_allows(trials):
    """With many examples nothing near the bound of the headline reaches down to five points."""
    frame, answers = drawn_study(trials, np.random.default_rng(0), ["npn"], examples=20_000)
    widest = analysis.tolerances(frame, answers, within=[0.05], resamples=100).iloc[0]
    truth = SIZES[curve(SIZES) >= 0.975 - 0.05].min() / 192
    assert widest["low"] <= truth <= widest["high"] < 2 * truth
    lenient = analysis.claims(frame, answers, kept=0.9, resamples=100).iloc[0]
    assert lenient["low"] <= lenient["share"] <= lenient["high"] < 2 * lenient["share"]


@pytest.fixture
def regressed(trials):
    """A regression of 120 validation and 110 test examples whose nmse is 1.7 and 1.3 times its mse."""
    random = np.random.default_rng(4)
    sizes = np.concatenate([np.full(8, 192.0), *[SIZES] * 2])
    noise = np.concatenate([np.full(8, 0.5), 0.5 + 0.5 * np.exp(-SIZES / 8), 0.9 + 0.5 * np.exp(-SIZES / 8)])
    noise = noise[:, None] * random.uniform(0.97, 1.03, (len(noise), 230))
    errors = np.split((noise * random.chisquare(2, 230)).astype(np.float32), [120], axis=1)
    names = tuple(f"t{index}" for index in range(len(sizes)))
    scores = {
        f"{split}_{name}": scale * part.mean(axis=1)
        for split, part, ratio in (("val", errors[0], 1.7), ("test", errors[1], 1.3))
        for name, scale in (("mse", 1.0), ("loss", 1.0), ("nmse", ratio))
    }
    method = ["dense"] * 8 + ["npn"] * len(SIZES) + ["random"] * len(SIZES)
    frame = trials(np.full(len(sizes), np.nan), sizes, method=method, trial=names, dense_neurons=192, **scores)
    return frame, analysis.Answers(names, *errors, False)


def test_claims_of_an_nmse_are_those_of_its_mse_in_other_units(regressed):
    frame, answers = regressed
    mse, nmse = (analysis.claims(frame, answers, score=name, resamples=200) for name in ("mse", "nmse"))
    for same in ("method", "trial", "share", "leads", "p", "group", "holds"):
        assert mse[same].equals(nmse[same])
    first = frame.set_index("trial").loc[nmse["trial"].iloc[0]]
    assert nmse["validation"].iloc[0] == pytest.approx(first["val_nmse"], rel=1e-5)
    assert nmse["test"].iloc[0] == pytest.approx(first["test_nmse"], rel=1e-5)
    assert nmse["difference"].iloc[0] == pytest.approx(1.3 * mse["difference"].iloc[0], rel=1e-5)
    assert analysis.claims(frame, answers, score="loss", resamples=50)["trial"].tolist() == mse["trial"].tolist()
    text = analysis.sentences(frame, ("nmse", "neurons"), answers)
    assert "resamples of the 120 validation examples" in text[0] and "not recorded" not in " ".join(text)


@pytest.mark.parametrize("examples", [88, 353])
def test_intervals_cover_where_errors_are_squared(trials, examples):
    """Heavy tails, as many examples as a small regression has, and two methods that found the same networks."""
    size = len(SIZES)
    level = np.concatenate([np.full(8, 0.5), *[0.5 + 0.25 * np.exp(-SIZES / 8)] * 2])
    truth = SIZES[level[8 : 8 + size] <= 1.02 * 0.5].min() / 192
    names = tuple(f"t{index}" for index in range(len(level)))
    counts = np.concatenate([np.full(8, 192.0), SIZES, SIZES])
    method = ["dense"] * 8 + ["npn"] * size + ["random"] * size
    covered, apart = [], []
    for repeat in range(40):
        random = np.random.default_rng(repeat)
        shared, own = random.normal(size=2 * examples), random.normal(size=(len(level), 2 * examples))
        errors = (level[:, None] * (np.sqrt(0.9) * shared + np.sqrt(0.1) * own) ** 2).astype(np.float32)
        parts = np.split(errors, 2, axis=1)
        scores = {f"{split}_mse": part.mean(axis=1) for split, part in zip(("val", "test"), parts, strict=True)}
        frame = trials(np.full(len(level), np.nan), counts, method=method, trial=names, dense_neurons=192, **scores)
        found = analysis.claims(frame, analysis.Answers(names, *parts, False), score="mse", resamples=200)
        covered += ((found["low"] <= truth) & (truth <= found["high"])).tolist()
        apart.append(not found["group"].all())
    assert np.mean(covered) >= 0.9 - 0.03 and np.mean(apart) <= 0.1


def test_what_was_not_recorded_of_single_examples_is_said_and_claims_nothing(regressed, trials):
    frame, answers = regressed
    text = " ".join(analysis.sentences(frame, ("nmse", "neurons")))
    assert "the nmse of single examples is not recorded, so none of this is tested" in text
    # An nmse over several outputs that is no multiple of the squared errors, or a score that is no mean of them.
    other = frame.assign(val_nmse=frame["val_nmse"] * np.linspace(1, 2, len(frame)), val_score=0.5, test_score=0.5)
    assert answers.of_score(other, "nmse") is None and answers.of_score(other, "score") is None
    assert analysis.claims(other, answers, score="nmse").empty
    classified, right = drawn_study(trials, np.random.default_rng(0), ["npn"])
    lossy = classified.assign(val_loss=1 - classified["val_accuracy"], test_loss=1 - classified["test_accuracy"])
    text = " ".join(analysis.sentences(lossy, ("loss", "neurons"), right))
    assert "the loss of single examples is not recorded" in text and "resamples" not in text
