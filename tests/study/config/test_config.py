"""A study's YAML: what is wrong with it is said with file, line, key and the nearest name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from study.config.load import (
    ConfigError,
    StudyConfig,
    load,
    loads,
    presets,
    schema,
    starter,
    to_go_on,
    to_yaml,
)
from study.directory.study_directory import StudyDirectory
from trainables.errors import StudyError

GOOD = """\
name: tiny
data: digits
model:
  name: mlp
  widths: [16]
epochs: 10
polish: 2
methods:
  dense:
  group_lasso:
    trials: 4
    space:
      lambda: [1e-3, 1e-2]
      lr: 3e-3
"""


def good(**changes: Any) -> str:
    """The good study with top-level keys changed, in the order and on the lines of GOOD."""
    lines = yaml.safe_load(GOOD) | changes
    return yaml.safe_dump(lines, sort_keys=False)


def test_a_good_study() -> None:
    config = loads(GOOD)
    assert config.methods["group_lasso"].space == {"lambda": [1e-3, 1e-2], "lr": 3e-3}
    assert config.model_options() == {"name": "mlp", "widths": [16]}
    assert config.data_options() == {"name": "digits"}
    assert config.optimizer.model_dump() == {
        "name": "adam",
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
    }
    assert (config.budget("dense"), config.budget("group_lasso")) == (64, 4)
    assert loads(GOOD, overrides=["seeds=3"]).budget("group_lasso") == 12


# What is written, where the error is, and what it says.
BAD: list[tuple[str, str, list[str]]] = [
    (
        GOOD + "trails: 3\n",
        "study.yaml:15: trails:",
        ["expected one of name, notes, seed", "got 'trails'", "'trials'"],
    ),
    (GOOD.replace("name: tiny\n", ""), "study.yaml:1: name:", ["expected a value", "got nothing"]),
    (
        GOOD.replace("epochs: 10", "epochs: ten"),
        "study.yaml:6: epochs:",
        ["expected a whole number", "got 'ten'"],
    ),
    (
        GOOD.replace("epochs: 10", "epochs: 10.5"),
        "study.yaml:6: epochs:",
        ["expected a whole number", "got 10.5"],
    ),
    (
        GOOD.replace("epochs: 10", "epochs: true"),
        "study.yaml:6: epochs:",
        ["expected a whole number", "got True"],
    ),
    (
        GOOD.replace("epochs: 10", "epochs: 0"),
        "study.yaml:6: epochs:",
        ["expected greater than or equal to 1", "got 0"],
    ),
    (
        GOOD.replace("epochs: 10", "epochs: .inf"),
        "study.yaml:6: epochs:",
        ["expected a finite number", "got .inf"],
    ),
    (
        GOOD.replace("polish: 2", "polish: 10"),
        "study.yaml:7: polish:",
        ["expected fewer than epochs (10)", "got 10"],
    ),
    (GOOD.replace("name: tiny", "name: a/b"), "study.yaml:1: name:", ["expected", "got 'a/b'"]),
    (
        GOOD + "evaluate_every: 11\n",
        "study.yaml:15: evaluate_every:",
        ["expected at most epochs (10)", "got 11"],
    ),
    (
        GOOD + "keep_models: fornt\n",
        "study.yaml:15: keep_models:",
        ["'front', 'all' or 'none'", "mean 'front'"],
    ),
    (
        GOOD + "resources: {worker: 2}\n",
        "study.yaml:15: resources.worker:",
        ["one of workers", "mean 'workers'"],
    ),
    (
        GOOD + "resources: {workers: two}\n",
        "study.yaml:15: resources.workers:",
        ["a whole number or 'auto'", "'two'"],
    ),
    (GOOD + "resources: 3\n", "study.yaml:15: resources:", ["expected a mapping", "got 3"]),
    (
        GOOD + "pack:\n  size: 4\n  vectorize: true\n",
        "study.yaml:17: pack.vectorize:",
        ["'auto', 'on' or 'off'", "got True"],
    ),
    (
        GOOD + "optimizer: adm\n",
        "study.yaml:15: optimizer:",
        ["expected one of adam, adamw, sgd", "'adm'", "mean 'adam'"],
    ),
    (
        GOOD + "optimizer: {name: adam, momentum: 0.9}\n",
        "study.yaml:15: optimizer.momentum:",
        ["expected an option of adam (betas, eps, weight_decay)", "got 'momentum'"],
    ),
    (
        GOOD + "optimizer: {name: sgd, lr: 1}\n",
        "study.yaml:15: optimizer.lr:",
        ["expected an option of sgd (momentum, nesterov, weight_decay)", "got 'lr'"],
    ),
    (
        GOOD + "optimizer: {name: sgd, momentum: 0, nesterov: true}\n",
        "study.yaml:15: optimizer.nesterov:",
        ["expected a momentum above 0"],
    ),
    (
        GOOD + "lr_schedule:\n  name: step\n  milestones:\n    - 5\n    - 10\n",
        "study.yaml:19: lr_schedule.milestones.1:",
        ["expected fewer than epochs (10)", "got 10"],
    ),
    (
        GOOD + "lr_schedule: step\n",
        "study.yaml:15: lr_schedule:",
        ["expected milestones or every"],
    ),
    (
        GOOD + "sampler: {name: tpe, population: 4}\n",
        "study.yaml:15: sampler.population:",
        ["an option of tpe (startup)"],
    ),
    (
        GOOD + "objectives:\n  - accuracy\n  - nuerons\n",
        "study.yaml:17: objectives.1:",
        ["expected one of accuracy", "got 'nuerons'", "mean 'neurons'"],
    ),
    (GOOD + "objectives: [macs, macs]\n", "study.yaml:15: objectives.1:", ["expected each objective once"]),
    (GOOD + "objectives: []\n", "study.yaml:15: objectives:", ["expected at least one", "got []"]),
    (
        GOOD + "objectives: [nmse, neurons]\n",
        "study.yaml:15: objectives.0:",
        ["one of accuracy, loss", "got 'nmse'"],
    ),
    (
        GOOD.replace("  group_lasso:", "  grup_lasso:"),
        "study.yaml:10: methods.grup_lasso:",
        ["expected one of dense,", "got 'grup_lasso'", "mean 'group_lasso'"],
    ),
    (
        GOOD.replace("    trials: 4", "    trails: 4"),
        "study.yaml:11: methods.group_lasso.trails:",
        ["mean 'trials'"],
    ),
    (
        GOOD.replace("      lambda:", "      lamda:"),
        "study.yaml:13: methods.group_lasso.space.lamda:",
        ["expected one of lr, weighting", "mean 'lambda'"],
    ),
    (
        GOOD.replace("[1e-3, 1e-2]", "[1e-2, 1e-3]"),
        "study.yaml:13: methods.group_lasso.space.lambda:",
        ["expected low <= high", "got [0.01, 0.001]"],
    ),
    (
        GOOD.replace("[1e-3, 1e-2]", "\n        low: 1e-3\n        hihg: 1"),
        "study.yaml:15: methods.group_lasso.space.lambda.hihg:",
        ["one of low, high", "mean 'high'"],
    ),
    (
        GOOD.replace("lr: 3e-3", "lr: -3e-3"),
        "study.yaml:14: methods.group_lasso.space.lr:",
        ["a number > 0", "got -0.003"],
    ),
    (
        GOOD.replace("lr: 3e-3", "lr: '3e-3'"),
        "study.yaml:14: methods.group_lasso.space.lr:",
        ["a number > 0", "'3e-3'"],
    ),
    (
        GOOD.replace("lr: 3e-3", "lr: 1e999"),
        "study.yaml:14: methods.group_lasso.space.lr:",
        ["a finite number", "1e999"],
    ),
    (
        GOOD.split("methods:")[0] + "methods:\n  - dense\n  - drop_nueron\n",
        "study.yaml:10: methods.drop_nueron:",
        ["mean 'drop_neuron'"],
    ),
    (
        GOOD.split("methods:")[0] + "methods: [dense, dense]\n",
        "study.yaml:8: methods.1:",
        ["expected each method once"],
    ),
    (
        GOOD.split("methods:")[0] + "methods: dense\n",
        "study.yaml:8: methods:",
        ["expected a mapping", "got 'dense'"],
    ),
    (GOOD.split("methods:")[0] + "methods: {}\n", "study.yaml:8: methods:", ["expected at least one"]),
    (
        GOOD.replace("data: digits", "data: digit"),
        "study.yaml:2: data:",
        ["one of digits", "'digit'", "mean 'digits'"],
    ),
    (
        GOOD.replace("name: mlp", "name: mpl"),
        "study.yaml:4: model.name:",
        ["got 'mpl'", "mean 'mlp'", "module:Class"],
    ),
    (GOOD.replace("widths:", "widhts:"), "study.yaml:5: model.widhts:", ["got 'widhts'", "mean 'widths'"]),
    (GOOD + "epochs: 3\n", "study.yaml:15: epochs:", ["expected each name once", "after study.yaml:6"]),
    (GOOD + "3: 4\n", "study.yaml:15: 3:", ["expected a name"]),
    (GOOD + "notes: [a, b\n", "study.yaml:16:", ["expected YAML"]),
    (GOOD + "\tseed: 1\n", "study.yaml:15:", ["expected YAML"]),
    (
        GOOD + "notes: !!python/object/apply:os.getcwd []\n",
        "study.yaml:15:",
        ["expected YAML", "python/object"],
    ),
    (GOOD + "notes: !!int abc\n", "study.yaml", ["expected YAML"]),
    (GOOD + "notes: &a [*a]\n", "study.yaml:15: notes.0:", ["alias of what it stands in"]),
    (
        GOOD + "published:\n  - {label: x, accuracy: 95}\n",
        "study.yaml:16: published.0.accuracy:",
        ["less than or equal to 1"],
    ),
    (GOOD + "published:\n  - {lable: x}\n", "study.yaml:16: published.0.lable:", ["mean 'label'"]),
    ("", "study.yaml", ["expected a mapping", "got None"]),
    ("- a\n- b\n", "study.yaml:1", ["expected a mapping"]),
    ("just words\n", "study.yaml:1", ["expected a mapping"]),
]


@pytest.mark.parametrize(
    ("text", "place", "said"), BAD, ids=[f"{p.removeprefix('study.yaml')}-{s[0]}" for _, p, s in BAD]
)
def test_bad_studies(text: str, place: str, said: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(text)
    lines = [line for line in str(caught.value).splitlines() if line.startswith(place)]
    assert lines, f"expected {place} in {caught.value}"
    assert all(part in lines[0] for part in said), lines[0]


def test_several_mistakes_are_listed_each_on_a_line() -> None:
    text = GOOD.replace("epochs: 10", "epochs: -1").replace("lr: 3e-3", "lr: 0\n      lmbda: 1") + "sede: 1\n"
    with pytest.raises(ConfigError) as caught:
        loads(text, "my.yaml")
    starts = [line.split(": expected")[0] for line in str(caught.value).splitlines()]
    assert sorted(starts) == [
        "my.yaml:14: methods.group_lasso.space.lr",
        "my.yaml:15: methods.group_lasso.space.lmbda",
        "my.yaml:16: sede",
        "my.yaml:6: epochs",
    ]


def test_the_traps_of_yaml_are_closed() -> None:
    text = GOOD + "pack: {vectorize: off}\nseed: 010\ncheckpoint: {seconds: 1e1}\nnotes: 2024-01-01\n"
    config = loads(text)
    assert (config.pack.vectorize, config.seed, config.checkpoint.seconds) == ("off", 10, 10.0)
    assert config.notes == "2024-01-01"
    assert loads(GOOD + "keep_models: none\nresources: {address: ~}\n").keep_models == "none"


def test_anchors_and_merge_keys_work() -> None:
    text = GOOD.replace("  dense:\n", "  dense: &few {trials: 2}\n").replace("    trials: 4\n", "    <<: *few\n")
    assert loads(text).budget("group_lasso") == 2


def test_aliases_of_aliases_take_no_time() -> None:
    bomb = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    with pytest.raises(ConfigError, match="a0: expected one of name"):
        loads("a0: &a0 [x]\n" + bomb + GOOD)


# -- settings on the command line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("epochs=20", lambda c: c.epochs == 20),
        ("pack.size=4", lambda c: c.pack.size == 4),
        ("pack.vectorize=off", lambda c: c.pack.vectorize == "off"),
        ("model.widths=[8, 8]", lambda c: c.model.options == {"widths": [8, 8]}),
        ("data.image=true", lambda c: c.data.options == {"image": True}),
        ("methods.dense.trials=2", lambda c: c.budget("dense") == 2),
        ("methods.dense.space.lr=1e-2", lambda c: c.methods["dense"].space == {"lr": 0.01}),
        ("methods.npn=", lambda c: list(c.methods) == ["dense", "group_lasso", "npn"]),
        ("methods=[npn]", lambda c: list(c.methods) == ["npn"]),
        ("lr_schedule={name: step, every: 3}", lambda c: c.lr_schedule.options["every"] == 3),
        ("notes=a=b", lambda c: c.notes == "a=b"),
    ],
)
def test_settings(setting: str, read: Any) -> None:
    assert read(loads(GOOD, overrides=[setting]))


def test_a_later_setting_wins() -> None:
    assert loads(GOOD, overrides=["epochs=20", "epochs=30", "polish=25"]).polish == 25


def test_a_setting_under_a_list_of_methods() -> None:
    text = GOOD.split("methods:")[0] + "methods: [dense, group_lasso]\n"
    assert loads(text, overrides=["methods.dense.trials=3"]).budget("dense") == 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("epochs", "--set epochs: expected key=value"),
        ("=3", "--set =3: expected key=value"),
        ("epochs=many", "--set epochs=many: epochs: expected a whole number, but got 'many'"),
        ("epoch=3", "--set epoch=3: epoch: expected one of name"),
        ("pack.sise=3", "did you mean 'size'?"),
        ("epochs.a=3", "--set epochs.a=3: epochs: expected a mapping, but got 10"),
        ("model.widths=[1", "--set model.widths=[1: expected YAML"),
        ("methods.dense.space.lr=.nan", "methods.dense.space.lr: expected a finite number, but got .nan"),
        ("methods.dense.space.lr=[2, 1]", "lr=[2, 1]: methods.dense.space.lr: expected low <= high"),
    ],
)
def test_bad_settings(setting: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(GOOD, overrides=[setting])
    assert said in str(caught.value)


# -- files and presets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", presets())
def test_presets_load(name: str) -> None:
    config = load(name)
    assert config.name == name
    assert config.notes


def test_a_file_loads_and_its_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert load(path) == loads(GOOD)
    path.write_text(GOOD + "sede: 1\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml:15: sede: .* did you mean 'seed'"):
        load(path)


def test_no_such_study(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"digist: expected a YAML file or a preset .*'digist'; did you mean 'digits'"
    ):
        load("digist")
    (tmp_path / "mine.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"did you mean '.*mine\.yaml'"):
        load(tmp_path / "mime.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"notes: \xe9\n")
    with pytest.raises(ConfigError, match="expected a YAML file, but reading it failed"):
        load(tmp_path / "latin.yaml")


def test_a_network_of_ones_own_is_left_to_whoever_builds_it() -> None:
    config = loads(GOOD, overrides=["model={name: 'mine:Net', depth: 3}"])
    assert (config.model.name, config.model.options) == ("mine:Net", {"depth": 3})


# -- back to YAML, schema, starter -------------------------------------------------------------------------

FULL = (
    GOOD
    + """\
optimizer: {name: sgd, nesterov: true}
lr_schedule: {name: step, milestones: [3, 6], gamma: 0.5, warmup: 1}
checkpoint: {seconds: null, epochs: 5}
resources: {workers: 3, gpus_per_worker: 0.5, address: auto}
pack: {vectorize: on}
notes: "two\\nlines: ä"
published: [{label: A, source: "Table 1", accuracy: 0.99, neurons: 30}]
"""
)


@pytest.mark.parametrize("text", [GOOD, FULL, *(path.read_text() for path in presets().values()), starter()])
def test_the_round_trip(text: str) -> None:
    config = loads(text)
    again = to_yaml(config)
    assert loads(again) == config
    assert to_yaml(loads(again)) == again
    assert yaml.safe_load(again) == json.loads(config.model_dump_json())


def test_a_study_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        loads(GOOD).epochs = 3


def test_schema_accepts_studies_and_refuses_mistakes() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for text in (FULL, starter(), *(path.read_text() for path in presets().values())):
        validator.validate(json.loads(loads(text).model_dump_json()))
    validator.validate(loads_plain(GOOD) | {"methods": ["dense", "npn"], "optimizer": "sgd"})
    validator.validate(loads_plain(GOOD) | {"stopping": "auto", "warm_start": 3, "start_from": "papers"})
    validator.validate(loads_plain(GOOD) | {"path": {"lambda": 8, "epochs": 2}})
    for change in (
        {"epochs": 0},
        {"trails": 3},
        {"methods": {"grup_lasso": None}},
        {"methods": {"group_lasso": {"space": {"lamda": 1}}}},
        {"methods": {"group_lasso": {"space": {"cadence": "day"}}}},
        {"optimizer": "adm"},
        {"objectives": ["nuerons"]},
    ):
        assert not validator.is_valid(loads_plain(GOOD) | change), change


def loads_plain(text: str) -> dict[str, Any]:
    return loads(text).model_dump(mode="json")


def test_schema_knows_the_names_of_deeper_layers() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    deep = {"methods": {"group_lasso": {"space": {"beta_17": [0.1, 1]}}}}
    assert validator.is_valid(loads_plain(GOOD) | deep)


def undescribed(node: Any, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return []
    found = [
        f"{path}.{name}"
        for name, field in node.get("properties", {}).items()
        if isinstance(field, dict) and "description" not in field
    ]
    return found + [
        hit
        for key, inner in node.items()
        if key in ("$defs", "properties")
        for name, sub in inner.items()
        for hit in undescribed(sub, f"{path}.{name}")
    ]


def test_every_field_has_a_description() -> None:
    whole = schema()
    assert undescribed(whole) == []
    assert all(field.description for field in StudyConfig.model_fields.values())


def test_starter_is_a_study_in_which_every_key_is_shown() -> None:
    text = starter()
    assert loads(text).name == "my-study"
    assert all(f"{name}:" in text for name in StudyConfig.model_fields)
    live = "\n".join(line.replace("# ", "", 1) if is_default(line) else line for line in text.splitlines())
    assert loads(live) == loads(text), "what is commented out is not the default"


def is_default(line: str) -> bool:
    key = line.removeprefix("# ").partition(":")[0]
    return line.startswith("# ") and key in StudyConfig.model_fields


def test_reading_a_study_loads_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from study.config import load, schema, starter;"
        "load('digits', names=False); schema(); starter();"
        "print(sorted({'torch', 'ray', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


def test_keys_for_anchors_are_no_part_of_the_study() -> None:
    text = "x-lr: &lr [0.01, 0.1]\nname: a\ndata: digits\nmodel: mlp\nepochs: 2\nmethods: {dense: {space: {lr: *lr}}}\n"
    config = loads(text)
    assert config.methods["dense"].space == {"lr": [0.01, 0.1]} and "x-lr" not in to_yaml(config)


def test_mistakes_come_in_the_order_of_the_lines_and_in_words() -> None:
    text = "zzz: 1\nname: größe\ndata: digits\nmodel: mlp\nepochs: 2e1\nmethods: [dense]\n"
    with pytest.raises(ConfigError) as caught:
        loads(text, "a.yaml")
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("a.yaml:1: zzz: expected one of")
    letters = "letters (a to z), digits, '.', '_' and '-', after a letter or digit first"
    assert second == f"a.yaml:2: name: expected {letters}, but got 'größe'"
    assert third == "a.yaml:5: epochs: expected a whole number without point and exponent, 20, but got 20.0"


def test_what_a_setting_made_is_blamed_on_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"^--set methods.grp.trials=3: methods.grp: .*did you mean 'group_lasso'\?$"):
        load("digits", ["methods.grp.trials=3"])


def test_a_database_that_only_a_directory_names_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUDY_STORAGE", raising=False)
    database = "postgresql://elsewhere/team"
    directory = StudyDirectory(tmp_path / "study")
    directory.create(to_yaml(load("digits", [f"storage={database}"])))
    with pytest.raises(StudyError, match=f"storage: expected a database that you name, too.*{database}"):
        to_go_on(directory)
    assert to_go_on(directory, ["storage=null"]).storage is None
    assert to_go_on(directory, [f"storage={database}"]).storage == database
    monkeypatch.setenv("STUDY_STORAGE", database)
    assert to_go_on(directory).storage == database


def test_what_is_no_option_of_the_network_may_stand_beside_its_name() -> None:
    from trainables.groups import KINDS

    own = {"groups": list(KINDS), "weights": "start.pt", "freeze": ["hidden1.*"]}
    config = loads(good(model={"name": "mlp", "widths": [16], **own}, distil={"weight": 0.3}))
    assert config.model_options() == {"name": "mlp", "widths": [16], **own}
    assert config.recipe().distil is not None
    jsonschema.validate(yaml.safe_load(to_yaml(config)), schema())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": {"name": "mlp", "groups": ["head"]}}, "did you mean 'heads'?"),
        ({"model": {"name": "mlp", "groups": []}}, "model.groups"),
        ({"distil": {}}, "distil.teacher: expected a network file, as the model has no weights"),
        ({"distil": {"teacher": "a"}, "polish": 0}, "distil: expected polish epochs, in which it acts"),
        ({"distil": {"teacher": "a", "temprature": 3}}, "did you mean 'temperature'?"),
    ],
)
def test_mistakes_in_how_training_starts_and_polishes(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loads(good(**changes))
    assert expected in str(raised.value)


def test_kinds_of_groups_that_methods_add_to_those_of_their_papers() -> None:
    config = loads(good(methods={"npn": {"groups": ["channels", "heads"]}, "drop_neuron": {}, "group_lasso": {}}))
    assert config.recipe("npn").groups == ("channels", "heads")
    assert config.recipe("drop_neuron").groups == config.recipe("group_lasso").groups == config.recipe().groups == ()
    jsonschema.validate(yaml.safe_load(to_yaml(config)), schema())


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ({"npn": {"groups": ["head"]}}, "did you mean 'heads'?"),
        ({"npn": {"groups": []}}, "methods.npn.groups"),
        (
            {"drop_neuron": {"groups": ["units", "stream"]}},
            "methods.drop_neuron.groups.1: expected one of units, heads, channels, but got 'stream'",
        ),
        (
            {"group_lasso": {"groups": ["heads"]}},
            "methods.group_lasso.groups: expected none, as group_lasso goes by the model's groups, but got heads",
        ),
    ],
)
def test_mistakes_in_kinds_of_groups_of_methods(methods: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        loads(good(methods=methods))
    assert expected in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_what_may_go_by_default_is_said_once_more_without_torch() -> None:
    from trainables.groups import Graph

    assert loads(good()).model.kinds == Graph.kinds
