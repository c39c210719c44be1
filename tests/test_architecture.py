"""Who may import whom, as design.md has it, and that what a package exports is what it says."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import analysis
import search_spaces
import study
import trainables

PACKAGES = {
    module.__name__: Path(str(module.__file__)).parent for module in (analysis, search_spaces, study, trainables)
}
OURS = {*PACKAGES, "benchmarks", "tests"}


def imports(file: Path, lazily: bool = True) -> Iterator[str]:
    """Dotted names of the modules that ``file`` imports; ``lazily``: inside functions too."""
    tree = ast.parse(file.read_text())
    nodes = ast.walk(tree) if lazily else _at_import_time(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """Without the bodies of functions and of ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not typing and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import_time(child)


def files(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def roots(file: Path, lazily: bool = True) -> set[str]:
    return {name.partition(".")[0] for name in imports(file, lazily)}


@pytest.mark.parametrize(
    "package, allowed",
    [
        ("trainables", {"trainables"}),
        ("search_spaces", {"search_spaces"}),
        ("analysis", {"analysis", "study"}),
        ("study", {"study", "trainables", "search_spaces"}),
    ],
)
def test_who_may_import_whom(package: str, allowed: set[str]) -> None:
    for file in files(package):
        lazy_front_end = package == "study" and file.is_relative_to(PACKAGES["study"] / "cli")
        foreign = roots(file, lazily=not lazy_front_end) & OURS - allowed
        assert not foreign, f"{file} imports {', '.join(foreign)}"


def test_analysis_reads_studies_through_their_results_alone() -> None:
    for file in files("analysis"):
        ours = {name for name in imports(file) if name.partition(".")[0] == "study"}
        assert all(name == "study.results" or name.startswith("study.results.") for name in ours), file


def test_only_one_file_of_trainables_knows_ray() -> None:
    knowing = [file.name for file in files("trainables") if "ray" in roots(file)]
    assert knowing == ["trainable.py"]


def test_search_spaces_need_optuna_and_nothing_else() -> None:
    used = set().union(*(roots(file) for file in files("search_spaces")))
    assert used - set(sys.stdlib_module_names) <= {"search_spaces", "optuna"}


@pytest.mark.parametrize(
    "name, absent",
    [
        ("analysis", "torch ray optuna"),
        ("study.results", "torch ray optuna"),
        ("trainables", "torch ray"),
        ("trainables.pack", "ray optuna pandas"),
        ("search_spaces", "torch ray"),
        ("study.cli", "torch ray optuna pandas matplotlib"),
    ],
)
def test_importing_is_light(name: str, absent: str) -> None:
    command = f"import sys, {name}; print(*({set(absent.split())!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [], f"{name} loads {run.stdout.strip()}"


def packages() -> Iterator[ModuleType]:
    """Whatever has an ``__init__``."""
    for name, path in PACKAGES.items():
        yield importlib.import_module(name)
        for found in pkgutil.walk_packages([str(path)], f"{name}."):
            if found.ispkg:
                yield importlib.import_module(found.name)


every_package = pytest.mark.parametrize("package", list(packages()), ids=lambda package: package.__name__)


@every_package
def test_what_a_package_says_it_exports_is_there(package: ModuleType) -> None:
    said = list(getattr(package, "__all__", []))
    assert len(said) == len(set(said))
    for name in said:
        assert getattr(package, name) is not None


@every_package
def test_what_others_take_from_a_package_is_what_it_exports(package: ModuleType) -> None:
    """Modules of it aside."""
    said = set(getattr(package, "__all__", []))
    within = {found.name for found in pkgutil.iter_modules(package.__path__)}
    for file in (file for name in PACKAGES for file in files(name)):
        if file.parent != Path(str(package.__file__)).parent:
            prefix = f"{package.__name__}."
            taken = {n.removeprefix(prefix).partition(".")[0] for n in imports(file) if n.startswith(prefix)}
            assert taken <= said | within, f"{file}: {', '.join(taken - said - within)}"


@every_package
def test_a_package_that_only_collects_exports_all_it_collects(package: ModuleType) -> None:
    tree = ast.parse(Path(str(package.__file__)).read_text())
    collected = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(package.__name__)
        for alias in node.names
    }
    collects_only = all(
        isinstance(node, ast.ImportFrom | ast.Expr) or "__all__" in ast.unparse(node) for node in tree.body
    )
    if collects_only:
        assert collected == set(getattr(package, "__all__", []))
