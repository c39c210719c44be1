"""A study directory from a stranger: opening it runs nothing and leads nowhere else. And what every writer leaves."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.directory.encoding import encode_manifest
from study.directory.store import Store
from study.directory.study_directory import DamagedWarning, StudyDirectory
from study.doctor.merge import merge
from study.doctor.repair import examine, fix

Grow = Callable[..., Any]
ROOT = Path(__file__).parents[2]

OF_TUNE = {"study/running/workers.py"}
"""Reads back what Tune has pickled a moment before, in a temporary folder of this process."""

UNPICKLERS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
"""Modules whose reading runs what it reads."""


RUNNERS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"}


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


def bombs(target: Path) -> dict[str, bytes]:
    """Files that run a command when they are unpickled, as torch.save writes them and as pickle does."""
    import io
    import pickle

    import torch

    saved = io.BytesIO()
    torch.save({"weights": Bomb(target)}, saved)
    legacy = io.BytesIO()
    torch.save({"weights": Bomb(target)}, legacy, _use_new_zipfile_serialization=False)
    return {"zip": saved.getvalue(), "legacy": legacy.getvalue(), "plain": pickle.dumps(Bomb(target))}


@pytest.mark.parametrize("form", ["zip", "legacy", "plain"])
def test_a_checkpoint_that_is_a_program_is_not_run(grow: Grow, tmp_path: Path, form: str) -> None:
    from study.directory.checkpoints import Checkpoints

    study, hacked = grow(), tmp_path / "hacked"
    path = "checkpoints/group_lasso-p0001-00000009.pt"
    (study.path / path).write_bytes(bombs(hacked)[form])
    assert path in {finding.path for finding in examine(study.directory) if finding.kind == "torn"}
    state = Checkpoints(study.directory.store, "group_lasso-p0001").newest()
    assert (study.path / f"{path}.corrupt").exists()
    assert state is not None and list(state) == ["weights"], "the one before is whole"
    fix(study.directory)
    assert not hacked.exists()


@pytest.mark.parametrize("name", ["models/dense-00002.safetensors", "optuna.journal", "driver.json"])
def test_no_other_file_is_a_program_either(grow: Grow, tmp_path: Path, name: str) -> None:
    study, hacked = grow(), tmp_path / "hacked"
    (study.path / name).write_bytes(bombs(hacked)["plain"])
    assert name in {finding.path for finding in examine(study.directory)}
    fix(study.directory)
    assert not hacked.exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!!python/object/new:os.system"]
)
def test_yaml_makes_no_objects(grow: Grow, tmp_path: Path, tag: str) -> None:
    study, hacked = grow(), tmp_path / "hacked"
    text = (study.path / "study.yaml").read_text()
    (study.path / "study.yaml").write_text(f"{text}more: !!python/{tag} ['touch {hacked}']\n")
    with pytest.raises(ValueError, match=r"study\.yaml is damaged"):
        study.directory.config()
    assert ("torn", "study.yaml") in {(finding.kind, finding.path) for finding in examine(study.directory)}
    assert fix(study.directory) == []
    with pytest.raises(ValueError, match=r"study\.yaml"):
        merge([study.directory, grow("other").directory], StudyDirectory(tmp_path / "both"))
    assert not hacked.exists()


EVIL = "../../../evil"


@pytest.mark.parametrize("key", ["pack", "method", "trial"])
def test_names_in_manifests_lead_nowhere_else(grow: Grow, tmp_path: Path, key: str) -> None:
    study = grow()
    manifest = study.directory.manifest("dense-p0000")
    evil = (
        manifest | {key: EVIL} if key != "trial" else manifest | {"trials": [manifest["trials"][0] | {"trial": EVIL}]}
    )
    (study.path / "packs/dense-p0000.json").write_bytes(encode_manifest(evil))
    with pytest.warns(DamagedWarning, match=r"dense-p0000\.json is damaged"):
        assert len(study.directory.manifests()) == 3
    with pytest.raises(ValueError, match="damaged"):
        study.directory.manifest("dense-p0000")
    with pytest.raises(ValueError, match="cannot be read"):
        merge([study.directory, grow("other").directory], StudyDirectory(tmp_path / "both"))
    assert ("torn", "packs/dense-p0000.json") in {(f.kind, f.path) for f in examine(study.directory)}
    fix(study.directory)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_store_does_not_leave_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file.pt").write_text("mine")
    root = tmp_path / "study"
    root.mkdir()
    (root / "link").symlink_to(outside)
    found = Store(root)
    acts: list[Callable[[str], Any]] = [
        found.get,
        found.exists,
        found.remove,
        found.quarantine,
        found.place,
        lambda path: found.put(path, b"yours", replace=True),
    ]
    for act in acts:
        for path in ("../outside/file.pt", "a/../../outside/file.pt", "/etc/hostname"):
            with pytest.raises(ValueError, match="expected a path inside"):
                act(path)
    for act in (found.remove, found.quarantine, acts[-1]):
        with pytest.raises(ValueError, match="leads elsewhere"):
            act("link/file.pt")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file.pt": "mine"}


def calls(tree: ast.AST) -> dict[str, list[ast.Call]]:
    found: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.setdefault(ast.unparse(node.func), []).append(node)
    return found


@pytest.mark.parametrize("package", ["study", "analysis", "trainables", "search_spaces"])
def test_the_sources_unpickle_nothing(package: str) -> None:
    """No module that unpickles; torch.load with weights_only; YAML by safe_load; NumPy and pandas without pickles."""
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        where = str(path.relative_to(ROOT))
        for node in ast.walk(tree):
            names = [name.name for name in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            assert where in OF_TUNE or not {name.partition(".")[0] for name in names} & UNPICKLERS, where
            if isinstance(node, ast.Name | ast.Attribute):
                assert "unpickle" not in ast.unparse(node).lower(), where
        for name, nodes in calls(tree).items():
            for call in nodes:
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                if name.endswith("torch.load"):
                    assert given.get("weights_only") == "True", f"{where}: {name}"
                assert given.get("allow_pickle", "False") == "False", f"{where}: {name}"
                assert given.get("weights_only", "True") == "True", f"{where}: {name}"
                assert name not in {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"}, (
                    f"{where}: {name}"
                )
                assert not name.endswith("read_pickle"), f"{where}: {name}"


WRITERS: dict[str, str] = {
    "config": "study.yaml",
    "manifest": "packs/group_lasso-p0000.json",
    "curves": "results/curves/method=group_lasso/group_lasso-p0000.parquet",
    "trials": "results/trials/method=group_lasso/group_lasso-p0000.parquet",
    "network": "models/group_lasso-00000.safetensors",
    "card": "models/group_lasso-00000.json",
    "checkpoint": "checkpoints/group_lasso-p0001-00000003.pt",
    "driver": "driver.json",
}
"""The files of a study, by who writes them."""

STEPS = ("write", "fsync", "rename", "fsync folder", "done")

PROGRAM = """
import importlib.util, os, sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("grown", sys.argv[1])
grown = importlib.util.module_from_spec(spec)
spec.loader.exec_module(grown)
from study.directory import store
from study.directory.lock import Lock

os.fsync = lambda descriptor: None  # a killed process loses nothing that it wrote

def write(place):
    made = grown.Grown(place, packs=2, finished=1, methods=["group_lasso"])
    Lock(made.directory.store).__enter__()

write(sys.argv[2] + "/whole")  # first: it imports what the others need, too
for fault in sys.argv[3:]:
    step, _, file = fault.partition("|")
    child = os.fork()
    if not child:
        store.HOOKS.append(lambda s, path: os._exit(9) if s == step and path.endswith(file) else None)
        write(f"{sys.argv[2]}/{step}|{file.replace('/', '+')}")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, fault
os._exit(0)
"""
"""Writes a study for each fault, in a process of its own that ends there without a word."""
FAULTS = [(step, name) for step in STEPS for name in WRITERS]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with what writers left that were killed at each fault, and one of a writer that was not."""
    folder = tmp_path_factory.mktemp("killed")
    faults = [f"{step}|{WRITERS[name]}" for step, name in FAULTS]
    source = str(Path(__file__).with_name("conftest.py"))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, source, str(folder), *faults]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=120)
    return folder


def visible(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not path.name.startswith(".")}


@pytest.mark.parametrize(("step", "name"), FAULTS, ids=map("-".join, FAULTS))
def test_a_writer_that_dies_leaves_whole_files_only(killed: Path, step: str, name: str, grow: Grow) -> None:
    folder = killed / f"{step}|{WRITERS[name].replace('/', '+')}"
    whole, left = visible(killed / "whole"), visible(folder)
    renamed = STEPS.index(step) > STEPS.index("rename")
    assert (WRITERS[name] in left) is renamed
    same = {
        path for path in left if path not in ("driver.json", "optuna.journal") and not path.startswith("checkpoints")
    }
    assert {path: left[path] for path in same} == {path: whole[path] for path in same}
    directory = StudyDirectory(folder)
    if name != "config" or renamed:
        assert not [finding for finding in examine(directory) if finding.kind in ("torn", "checksum")]
        assert directory.trials().num_rows == (4 if f"{WRITERS['trials']}" in left else 0)
        fix(directory)
        assert not directory.store.leftovers()
    grow(str(folder), packs=2, finished=1, methods=["group_lasso"])
    assert set(visible(folder)) >= set(whole) - {"driver.json"}, "doing it again completes it"
    assert directory.trials().num_rows == 4
