"""A study directory and a network's file from a stranger: no command runs anything of theirs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from study.cli import app
from study.config import to_go_on
from study.directory import Models, front_of
from study.directory.store import Store
from trainables import own_code
from trainables.deploy import Saved, card, export
from trainables.errors import StudyError
from trainables.groups import everything
from trainables.problem import problem

Grow = Callable[..., Any]

EVIL = """
import os, pathlib
pathlib.Path({mark!r}).touch()
import torch
class Net(torch.nn.Linear):
    def __init__(self):
        pathlib.Path({mark!r}).touch()
        super().__init__(64, 10)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with nothing of the user's own in it; `evil_elsewhere` is on Python's path."""
    folder, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "evil_elsewhere.py").write_text(EVIL.format(mark=str(tmp_path / "ran")))
    monkeypatch.setattr(own_code, "_named", set())
    monkeypatch.setattr(own_code, "_read", set())
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere)])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.chdir(folder)
    yield folder
    for name in [name for name in sys.modules if name.startswith(("evil", "unpacked"))]:
        del sys.modules[name]


@pytest.fixture
def network() -> Saved:
    found = problem({"name": "digits", "limit": 180}, {"name": "mlp", "widths": [4]}, 0)
    about = {"trial": {"trial": "t", "dense_neurons": 4, "dense_macs": 9, "neurons": 4, "macs": 9}}
    about |= {"data": {"name": "digits"}, "data_seed": 0, "study": "digits", "method": "dense", "pack": "p"}
    return Saved(found.module(0).eval(), card(found, found.dataset, everything(found.graph)) | about)


MODULES = {
    "os:system": {"command": "touch {mark}"},
    "subprocess:getoutput": {"cmd": "touch {mark}"},
    "evil_elsewhere:Net": {},
    "unpacked.evil:Net": {},
    "unpacked.study.evil:Net": {},
    "evil:Net": {},
}
"""Named as a network: functions that run commands; modules on the path, beside the study, in it."""


def named(network: Saved, model: str, mark: Path) -> Saved:
    options = {key: value.format(mark=mark) for key, value in MODULES[model].items()}
    return replace(network, card=network.card | {"model": {"name": model, **options}})


@pytest.fixture(params=MODULES)
def hostile(request: pytest.FixtureRequest, grow: Grow, network: Saved, home: Path, tmp_path: Path) -> Path:
    """A study whose YAML and whose networks name such a model."""
    mark, model = tmp_path / "ran", str(request.param)
    options = {key: value.format(mark=mark) for key, value in MODULES[model].items()}
    study = grow(str(home / "unpacked/study"), model={"name": model, **options})
    for trial in front_of(study.directory):
        Models(study.directory).write(trial, named(network, model, mark))
    for place in ("unpacked/evil.py", "unpacked/study/evil.py"):
        (home / place).write_text(EVIL.format(mark=str(mark)))
    return Path(study.path)


def invoke(*arguments: object) -> Result:
    """A command that ends as a command does: with an exit code, or an error that `study.cli.main` shows as one."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit | ValueError | OSError)
    return result


COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", "{study}"),
    "pareto": ("pareto", "{study}"),
    "table": ("table", "{study}"),
    "compare": ("compare", "{study}", "{study}"),
    "report": ("report", "{study}", "--output", "report.html"),
    "doctor": ("doctor", "{study}"),
    "doctor --fix": ("doctor", "{study}", "--fix"),
    "merge": ("merge", "{study}", "{study}", "--output", "merged"),
    "latency": ("latency", "{study}", "--batch", "1"),
    "export": ("export", "{study}", "--front"),
    "resume": ("resume", "{study}"),
    "extend": ("extend", "{study}", "--trials", "20"),
    "plot": ("plot", "front", "{study}"),
    "figures": ("figures", "{study}"),
    "show": ("show", "{study}", "dense-00000"),
    "best": ("best", "{study}"),
    "importance": ("importance", "{study}"),
    "simulate": ("simulate", "{study}"),
    "logs": ("logs", "{study}"),
    "stop": ("stop", "{study}"),
    "enqueue": ("enqueue", "{study}", "dense", "lr=0.01"),
    "retrain": ("retrain", "{study}", "dense-00000"),
    "retry": ("retry", "{study}"),
    "dashboard": ("dashboard", "{study}/nothing"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("inside", [False, True], ids=["", "inside"])
def test_no_command_runs_what_a_study_names(
    command: str, inside: bool, hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if inside:
        monkeypatch.chdir(hostile)
    result = invoke(*(word.format(study=hostile) for word in COMMANDS[command]))
    assert not (tmp_path / "ran").exists()
    if command in ("latency", "export", "resume", "extend"):
        assert "was not imported" in str(result.exception) + result.output
    if command == "report":
        assert result.exit_code == 0, result.output


def test_every_command_is_looked_at() -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    tried = {words[0] for words in COMMANDS.values()} | {"evaluate", "predict"}
    own = {"run", "submit", "suite", "up", "init", "schema", "list", "reproduce"}
    assert known - tried == own, "which read only what the user gives them"


@pytest.mark.parametrize("form", ["safetensors", "pytorch"])
@pytest.mark.parametrize("model", MODULES)
def test_no_network_runs_what_its_card_names(form: str, model: str, network: Saved, home: Path, tmp_path: Path) -> None:
    (home / "unpacked/study").mkdir(parents=True)
    for place in ("unpacked/evil.py", "unpacked/study/evil.py"):
        (home / place).write_text(EVIL.format(mark=str(tmp_path / "ran")))
    suffix = {"safetensors": "safetensors", "pytorch": "pt"}[form]
    file = home / f"unpacked/study/network.{suffix}"
    file.write_bytes(export(named(network, model, tmp_path / "ran"), form))
    (home / "rows.csv").write_text("a,b\n1,2\n")
    for arguments in (("evaluate", file, "--data", "digits"), ("predict", file, home / "rows.csv")):
        result = invoke(*arguments)
        assert not (tmp_path / "ran").exists()
        assert "was not imported" in str(result.exception) and "\n" not in str(result.exception)


def test_a_module_that_the_user_names_is_used(network: Saved, home: Path, tmp_path: Path) -> None:
    file = home / "network.safetensors"
    file.write_bytes(export(named(network, "evil_elsewhere:Net", tmp_path / "ran"), "safetensors"))
    result = invoke("evaluate", file, "--data", "digits", "--module", "evil_elsewhere")
    assert "do not fit the model" in str(result.exception), "it was built: the tensors are those of another one"
    assert (tmp_path / "ran").exists()


def test_a_pickled_network_is_refused(home: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"card": "{}", "state_dict": Bomb()}, home / "network.pt")
    result = invoke("evaluate", home / "network.pt", "--data", "digits")
    assert "was not written by `study export`" in str(result.exception) and not (tmp_path / "ran").exists()


CARDS: dict[str, dict[str, Any]] = {
    "huge inputs": {"input_shape": [2**40]},
    "no inputs": {"input_shape": []},
    "negative": {"input_shape": [-1]},
    "many outputs": {"outputs": 2**40},
    "huge widths": {"model": {"name": "mlp", "widths": [10**9, 10**9]}},
    "other options": {"model": {"name": "mlp", "colour": 3}},
    "other types": {"model": {"name": "mlp", "widths": "x"}},
    "no name": {"model": "mlp"},
    "other unit": {"alive": {"inputs": None, "units": {"nothing": [1]}}},
    "a unit that is not there": {"alive": {"inputs": [10**6], "units": {}}},
    "unknown task": {"task": "../../etc"},
    "raw": {"preprocessing": {"raw": "load", "mean": [0.0], "std": [1.0], "target_mean": 0.0, "target_std": 1.0}},
    "no preprocessing": {"preprocessing": {}},
    "version": {"schema": "9"},
    "newer": {"schema": 99},
}


@pytest.mark.parametrize("form", ["safetensors", "pytorch"])
@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_makes_no_sense_is_one_message(form: str, name: str, network: Saved, home: Path) -> None:
    file = home / f"network.{'pt' if form == 'pytorch' else form}"
    file.write_bytes(export(replace(network, card=network.card | CARDS[name]), form))
    result = invoke("evaluate", file, "--data", "digits")
    assert isinstance(result.exception, ValueError) and "\n" not in str(result.exception)


@pytest.mark.parametrize("header", [2**63, 2**40, 150_000_000])
def test_a_huge_header_is_refused(header: int, home: Path) -> None:
    (home / "network.safetensors").write_bytes(header.to_bytes(8, "little") + b" " * 1000)
    result = invoke("evaluate", home / "network.safetensors", "--data", "digits")
    assert "to be safetensors" in str(result.exception)


def test_an_archive_that_unpacks_to_more_is_refused(home: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"card": "{}", "state_dict": {"weight": torch.zeros(20_000_000)}}, buffer)
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(home / "n.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry))
    assert (home / "n.pt").stat().st_size < 1_000_000
    result = invoke("evaluate", home / "n.pt", "--data", "digits")
    assert "was not written by `study export`" in str(result.exception)


def test_a_name_does_not_lead_out_of_the_working_directory(grow: Grow, network: Saved, home: Path) -> None:
    """`study export --front` makes a folder of the study's name."""
    study = grow(str(home / "unpacked/study"))
    text = (study.path / "study.yaml").read_text().replace("name: digits\n", "name: ../../outside\n", 1)
    (study.path / "study.yaml").write_text(text)
    result = invoke("export", study.path, "--front")
    assert isinstance(result.exception, ValueError) and not list(home.parent.rglob("*outside*"))


SCRIPT = "<script>document.title='mine'</script><img src=x onerror=alert(1)>"


def test_names_are_no_part_of_the_page(grow: Grow, home: Path) -> None:
    """What a stranger may write into a study: notes, reasons, published results, parameters, devices."""
    published = [{"label": SCRIPT, "source": SCRIPT, "accuracy": 0.9, "neurons": 10}]
    study = grow(str(home / "unpacked/study"), notes=SCRIPT, published=published)
    pack = study.manifests[-1]
    rows = [row | {"status": "FAILED", "reason": SCRIPT, "device": SCRIPT} for row in _rows(study, pack)]
    rows = [row | {f"param_{SCRIPT}": SCRIPT} for row in rows]
    study.directory.write_results(pack["pack"], pack["method"], rows, [])
    driver = {"host": SCRIPT, "pid": 1, "since": 0.0, "beat": 0.0, "token": SCRIPT}
    study.directory.store.put("driver.json", json.dumps(driver).encode())
    result = invoke("report", study.path, "--output", home / "page.html")
    assert result.exit_code == 0, result.output
    page = (home / "page.html").read_text()
    assert "<script>document.title" not in page and "<img src=x" not in page


def _rows(study: Any, manifest: Any) -> list[dict[str, Any]]:
    return [
        {"study": "digits", "method": manifest["method"], "pack": manifest["pack"]}
        | {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")}
        for spec in manifest["trials"]
    ]


@pytest.mark.parametrize("content", [b"&a [*a]", b"a: &a [x]\nb: [*a, *a]\n" * 1, b"\xff\xfe", b"[]", b"a" * 100])
def test_a_study_that_is_no_yaml_of_ours(content: bytes, grow: Grow, home: Path) -> None:
    study = grow(str(home / "unpacked/study"))
    Store(study.path).put("study.yaml", content, replace=True)
    for command in ("status", "report", "pareto", "latency", "export", "resume"):
        words = [word.format(study=study.path) for word in COMMANDS[command]]
        assert invoke(*words).exit_code != 0


@pytest.fixture
def listening() -> Iterator[tuple[str, list[object]]]:
    """An address of a stranger's, and who has connected to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    came.append(server.accept()[1])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_connects_to_where_a_study_says(
    command: str, grow: Grow, home: Path, listening: tuple[str, list[object]]
) -> None:
    """A head and its workers run what they send each other."""
    address, came = listening
    study = grow(str(home / "unpacked/study"), resources={"address": address})
    result = invoke(*(word.format(study=study.path) for word in COMMANDS[command]))
    assert not came
    if command in ("resume", "extend", "retry"):
        said = "study.yaml: resources.address: expected a cluster that you name, too, but only this directory names"
        assert f"{said} {address}" in str(result.exception) and result.exit_code


@pytest.mark.parametrize("command", ["status", "enqueue", "retrain", "resume"])
def test_no_command_reads_another_study_that_a_study_names(
    command: str, grow: Grow, home: Path, listening: tuple[str, list[object]]
) -> None:
    """What `like:` names is in numbers before a directory keeps it; a bucket may be asked for with the user's keys."""
    address, came = listening
    study = grow(str(home / "unpacked/study"))
    elsewhere = f"s3://studies/x?scheme=http&endpoint_override={address}&region=us-east-1"
    settings = yaml.safe_load((study.path / "study.yaml").read_text())
    settings["methods"]["random_pruning"] = {"like": {"study": elsewhere, "trial": "x"}}
    study.directory.create(yaml.safe_dump(settings), replace=True)
    result = invoke(*(word.format(study=study.path) for word in COMMANDS[command]))
    assert not came
    assert "methods.random_pruning.like: expected its numbers" in str(result.exception)
    del settings["methods"]["random_pruning"]
    study.directory.create(yaml.safe_dump(settings | {"start_from": elsewhere}), replace=True)
    result = invoke(*(word.format(study=study.path) for word in COMMANDS[command]))
    assert not came
    assert "start_from: expected its configurations" in str(result.exception)


def test_a_cluster_that_the_user_names_as_well_is_connected_to(
    grow: Grow, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = grow(str(home / "study"), resources={"address": "127.0.0.1:9"})
    for given in (["resources.address=127.0.0.1:9"], ["resources={address: '127.0.0.1:9'}"]):
        assert to_go_on(study.directory, given).resources.address == "127.0.0.1:9"
    assert to_go_on(study.directory, ["resources.address=local"]).resources.address == "local"
    with pytest.raises(StudyError, match="only this directory names"):
        to_go_on(study.directory, ["trials=100"])
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    assert to_go_on(study.directory).resources.address == "127.0.0.1:9"
