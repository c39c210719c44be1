"""Code of the user's own is imported where it is the user's own, and nowhere else; nothing is called unchecked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainables import own_code
from trainables.errors import StudyError
from trainables.own_code import load_function, load_object, names_in, reading, trust, trusted

Write = Callable[[str, str], str]

SOURCE = """
from collections import OrderedDict
from os import system
import pathlib

pathlib.Path({mark!r}).touch()

class Base: ...
class Mine(OrderedDict): ...
def score(rows): return 1.0
made = Mine()
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is named yet; the working directory is the user's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(own_code, "_named", set())
    monkeypatch.setattr(own_code, "_read", set())
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.chdir(home)
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A module at a path below the test's folder, which leaves a mark when it is run; its mark's path."""

    def make(path: str, more: str = "") -> str:
        mark = tmp_path / f"{path.replace('/', '-')}.ran"
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SOURCE.format(mark=str(mark)) + more)
        return str(mark)

    return make


def test_a_module_of_the_working_directory_is_the_users_own(write: Write) -> None:
    mark = write("home/own_a.py", "")
    assert load_object("own_a:Mine", dict, "model").__name__ == "Mine"
    assert Path(mark).exists() and trusted() == ["own_a"]
    assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(Path.cwd()), "for processes that are started now"


def test_a_package_and_what_is_in_it(write: Write) -> None:
    write("home/own_b/__init__.py", "")
    write("home/own_b/nets.py", "")
    assert load_object("own_b.nets:Mine", dict, "model").__module__ == "own_b.nets"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("os:system", "not in the working directory"),
        ("collections:OrderedDict", "not in the working directory"),
        ("builtins:dict", "not in the working directory"),
        ("sys:exit", "not in the working directory"),
        ("no_such_module:Net", "not in the working directory"),
        ("own_a:system", "to be a class derived from dict, but got <built-in function"),
        ("own_a:Base", "to be a class derived from dict"),
        ("own_a:made", "to be a class derived from dict"),
        ("own_a:score", "to be a class derived from dict"),
        ("own_a:Min", "did you mean 'Mine'"),
        ("own_a:Mine.__init__", "is named 'module:Name'"),
        ("own_a", "is named 'module:Name'"),
        ("../own_a:Mine", "is named 'module:Name'"),
        (".own_a:Mine", "is named 'module:Name'"),
        ("own_a:Mine\n", "is named 'module:Name'"),
    ],
)
def test_all_else_is_refused_in_one_line(write: Write, target: str, said: str) -> None:
    write("home/own_a.py", "")
    with pytest.raises(StudyError, match=said) as refused:
        load_object(target, dict, "model")
    assert "\n" not in str(refused.value)


def test_a_module_elsewhere_on_the_path_is_not_run_before_it_is_named(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = write("elsewhere/own_c.py", "")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match=r"--module own_c$"):
        load_object("own_c:Mine", dict, "model")
    assert not Path(mark).exists()
    trust("own_c")
    assert load_object("own_c:Mine", dict, "model").__name__ == "Mine"
    with pytest.raises(StudyError, match="derived from dict"):
        load_object("own_c:system", dict, "model")


def test_a_link_out_of_the_working_directory_is_elsewhere(write: Write, tmp_path: Path) -> None:
    mark = write("elsewhere/own_d.py", "")
    (tmp_path / "home/own_d.py").symlink_to(tmp_path / "elsewhere/own_d.py")
    with pytest.raises(StudyError, match="not in the working directory"):
        load_object("own_d:Mine", dict, "model")
    assert not Path(mark).exists()


@pytest.mark.parametrize("module", ["unpacked.evil", "unpacked.study.evil", "unpacked.other.evil"])
@pytest.mark.parametrize("init", [True, False])
def test_what_lies_with_what_is_read_is_not_the_users_own(
    write: Write, tmp_path: Path, module: str, init: bool
) -> None:
    """A study that was unpacked in the working directory brings modules along."""
    marks = [write(f"home/{module.replace('.', '/')}.py", "")]
    marks += [write("home/unpacked/__init__.py", "")] if init else []
    reading(tmp_path / "home/unpacked/study")
    with pytest.raises(StudyError, match="lies with what is being read"):
        load_object(f"{module}:Mine", dict, "model")
    assert not any(Path(mark).exists() for mark in marks)


def test_nor_if_the_working_directory_is_what_is_read(write: Write, tmp_path: Path) -> None:
    mark = write("home/own_e.py", "")
    reading(tmp_path / "home")
    with pytest.raises(StudyError, match="lies with what is being read"):
        load_object("own_e:Mine", dict, "model")
    assert not Path(mark).exists() and str(Path.cwd()) not in sys.path
    trust("own_e")
    load_object("own_e:Mine", dict, "model")


def test_a_file_beside_the_users_module_is_no_reason_to_refuse_it(write: Write, tmp_path: Path) -> None:
    write("home/own_f.py", "")
    reading(tmp_path / "home/network.pt2")
    load_object("own_f:Mine", dict, "model")


def test_a_name_that_python_has_taken_is_said(write: Write) -> None:
    write("home/string.py", "")
    with pytest.raises(StudyError, match="give it another name"):
        load_object("string:Template", object, "model")


def test_functions_are_those_written_in_the_module(write: Write) -> None:
    write("home/own_g.py", "")
    assert load_function("own_g:score", "score")([]) == 1.0
    for name in ("system", "Mine", "made"):
        with pytest.raises(StudyError, match="to be a function of that module"):
            load_function(f"own_g:{name}", "score")


def test_names_in_settings() -> None:
    settings = {
        "model": {"name": "my.nets:Net", "width": 3},
        "methods": {"own:Method": {}, "dense": {}},
        "data": "hub:owner/set",
        "objectives": ["scores:smooth", "accuracy"],
    }
    assert sorted(names_in(settings)) == ["my.nets", "own", "scores"]


def test_it_loads_no_torch() -> None:
    command = "import sys, trainables.own_code; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True).stdout == "False\n"
