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
        ("search_spaces", {"search_spaces", "trainables"}),
        ("analysis", {"analysis", "study"}),
        ("study", {"study", "trainables", "search_spaces"}),
    ],
)
def test_who_may_import_whom(package: str, allowed: set[str]) -> None:
    for file in files(package):
        lazy_front_end = package == "study" and file.is_relative_to(PACKAGES["study"] / "cli")
        foreign = roots(file, lazily=not lazy_front_end) & OURS - allowed
        assert not foreign, f"{file} imports {', '.join(foreign)}"


@pytest.mark.parametrize(
    "package, of, only",
    [
        ("analysis", "study", {"study.directory"}),
        ("search_spaces", "trainables", {"trainables.declarations", "trainables.errors"}),
    ],
)
def test_what_a_package_may_import_of_another(package: str, of: str, only: set[str]) -> None:
    for file in files(package):
        ours = {module_of(name) for name in imports(file) if name.partition(".")[0] == of}
        assert ours <= only, f"{file} imports {', '.join(ours - only)}"


# -- rooms and floors ------------------------------------------------------------------------------------------

MODULES = {
    ".".join(file.relative_to(path.parent).with_suffix("").parts).removesuffix(".__init__"): file
    for name, path in PACKAGES.items()
    for file in files(name)
}
ROOMS = [name for name, file in MODULES.items() if file.name == "__init__.py"]


def module_of(name: str) -> str:
    """The module that a dotted name lies in or is."""
    return name if name in MODULES or "." not in name else module_of(name.rpartition(".")[0])


def room_of(module: str) -> str:
    """Its folder; a file beside the folders of a package is a room of its own."""
    package, _, rest = module.partition(".")
    return f"{package}.{rest.partition('.')[0]}" if rest else package


def arrows(package: str) -> dict[str, set[str]]:
    """Which rooms of a package each of its rooms imports."""
    found: dict[str, set[str]] = {}
    for module, file in MODULES.items():
        if module.startswith(f"{package}."):
            used = {room_of(module_of(name)) for name in imports(file)}
            found.setdefault(room_of(module), set()).update(
                room for room in used if room.startswith(f"{package}.") and room != room_of(module)
            )
    return found


def floors(package: str) -> list[set[str]]:
    """The rooms of a package, those that need none of the others first; each floor needs the one below.

    Raises:
        AssertionError: rooms need each other in a circle.
    """
    left, built = arrows(package), list[set[str]]()
    while left:
        floor = {room for room, needs in left.items() if not needs & set(left)}
        assert floor, f"a circle in {', '.join(left)}"
        built.append(floor)
        left = {room: needs for room, needs in left.items() if room not in floor}
    return built


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_among_rooms(package: str) -> None:
    assert sum(map(len, floors(package))) == len(arrows(package))


def test_the_harness_shows_its_plan() -> None:
    assert len(arrows("study").keys() - {"study.__main__"}) <= 10  # which only starts the command line
    assert len(floors("study")) <= 8


@pytest.mark.parametrize("package", ["study", "trainables", "search_spaces", "analysis"])
def test_a_room_is_entered_through_its_door(package: str) -> None:
    """What is in a folder is imported from the folder, by all who are not in it."""
    rooms = [room for room in ROOMS if room.startswith(f"{package}.")]
    for module, file in MODULES.items():
        for room in (room for room in rooms if not f"{module}.".startswith(f"{room}.")):
            said = getattr(importlib.import_module(room), "__all__", [])
            taken = {name.removeprefix(f"{room}.") for name in imports(file) if name.startswith(f"{room}.")}
            assert taken <= set(said), f"{file} takes {', '.join(taken - set(said))} from {room}"


def test_only_what_tune_is_given_knows_ray_in_trainables() -> None:
    knowing = [file.name for file in files("trainables") if "ray" in roots(file)]
    assert knowing == ["stopper.py", "trainable.py"]


def test_search_spaces_need_optuna_and_nothing_else() -> None:
    used = set().union(*(roots(file) for file in files("search_spaces")))
    assert used - set(sys.stdlib_module_names) <= {"search_spaces", "optuna", "trainables"}


@pytest.mark.parametrize(
    "name, absent",
    [
        ("analysis", "torch ray optuna pandas matplotlib"),
        ("analysis.text", "torch ray optuna matplotlib"),
        ("analysis.report", "torch ray optuna matplotlib"),
        ("study.directory", "torch ray optuna"),
        ("trainables", "torch ray"),
        ("trainables.declarations", "torch ray optuna"),
        ("trainables.stopping", "torch ray optuna pandas"),
        ("trainables.stopper", "torch optuna"),
        ("trainables.training", "ray optuna pandas"),
        ("trainables.models", "torch ray numpy"),
        ("trainables.data", "torch ray optuna pandas"),
        ("trainables.sealed", "torch numpy"),
        ("study.config", "torch ray optuna pandas"),
        ("study.api", "torch ray optuna pandas"),
        ("search_spaces", "torch ray"),
        ("study.cli", "torch ray optuna pandas matplotlib numpy pyarrow yaml"),
    ],
)
def test_importing_is_light(name: str, absent: str) -> None:
    command = f"import sys, {name}; print(*({set(absent.split())!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [], f"{name} loads {run.stdout.strip()}"


@pytest.mark.parametrize(
    "command, absent",
    [
        ("--help", "torch ray optuna pandas matplotlib numpy pyarrow yaml"),
        ("list methods", "torch ray optuna pandas numpy pyarrow yaml"),
        ("list models", "torch ray optuna pandas numpy pyarrow yaml"),
        ("list data", "torch ray optuna pandas sklearn"),
        ("list presets", "torch ray optuna pandas"),
        ("schema", "torch ray optuna pandas"),
    ],
)
def test_a_command_loads_what_it_needs(command: str, absent: str) -> None:
    """Modules of `study.cli` import what they need within their commands: all of them are read for each."""
    loaded = modules_of(command.split())
    assert not loaded & set(absent.split()), f"study {command} loads {', '.join(loaded & set(absent.split()))}"


def modules_of(arguments: list[str]) -> set[str]:
    """What a command has loaded when it has ended."""
    code = (
        "import atexit, sys; from study.__main__ import main; "
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert "Traceback" not in run.stderr and run.returncode in (0, 1), run.stdout  # 1: the doctor found something
    return set(run.stderr.split())


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
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    collects_only = all(
        isinstance(node, ast.ImportFrom | ast.Expr) or "__all__" in ast.unparse(node) for node in tree.body
    )
    if collects_only:
        assert collected == set(getattr(package, "__all__", []))


if __name__ == "__main__":
    for package in PACKAGES:
        plan = floors(package)
        sys.stdout.write(f"{package}: {len(arrows(package))} rooms on {len(plan)} floors\n")
        for number, floor in enumerate(plan, 1):
            sys.stdout.write(f"  {number}  {', '.join(sorted(room.partition('.')[2] for room in floor))}\n")
