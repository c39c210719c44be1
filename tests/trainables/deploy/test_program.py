"""A .pt2 file from a stranger is loaded without running anything of it, or not at all."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.deploy.export import export, load
from trainables.deploy.saved import Saved, card
from trainables.errors import StudyError
from trainables.groups import everything
from trainables.problem import problem

Entries = dict[str, bytes]
Attack = Callable[[Entries, str], None]


class Bomb:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@cache
def whole() -> bytes:
    found = problem({"name": "digits", "limit": 180}, {"name": "mlp", "widths": [4]}, 0)
    return export(Saved(found.module(0).eval(), card(found, found.dataset, everything(found.graph))), "pt2")


def entries() -> Entries:
    with zipfile.ZipFile(io.BytesIO(whole())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def edit(entries: Entries, path: str, change: Callable[[Any], None]) -> None:
    content = json.loads(entries[f"archive/{path}"])
    change(content)
    entries[f"archive/{path}"] = json.dumps(content).encode()


def model(change: Callable[[Any, str], None]) -> Attack:
    return lambda found, command: edit(found, "models/model.json", lambda content: change(content, command))


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def pickled_weight(found: Entries, command: str) -> None:
    found["archive/data/weights/weight_0"] = saved(Bomb(command))

    def change(content: Any) -> None:
        next(iter(content["config"].values()))["use_pickle"] = True

    edit(found, "data/weights/model_weights_config.json", change)


def pickled_constant(found: Entries, command: str) -> None:
    found["archive/data/constants/opaque_obj_0"] = pickle.dumps(Bomb(command))
    entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
    edit(found, "data/constants/model_constants_config.json", lambda content: content["config"].update(x=entry))


def pickled_example(found: Entries, command: str) -> None:
    found["archive/data/sample_inputs/model.pt"] = saved(Bomb(command))


def pickled_weights_of_old(found: Entries, command: str) -> None:
    found["archive/data/weights/model.pt"] = saved(Bomb(command))


def library(found: Entries, command: str) -> None:
    found["archive/data/aotinductor/model/model.so"] = b"\x7fELF"


def _size(content: Any, command: str) -> None:
    sizes = content["graph_module"]["graph"]["tensor_values"]["raw"]["sizes"]
    sizes[0]["as_expr"]["expr_str"] = f"__import__('os').system({command!r})"


def _argument(content: Any, command: str) -> None:
    signature = content["graph_module"]["module_call_graph"][0]["signature"]
    signature["forward_arg_names"] = [f"raw=__import__('os').system({command!r})"]


def _guard(content: Any, command: str) -> None:
    content["guards_code"] = [f"__import__('os').system({command!r}) == 0"]


def _operator(content: Any, command: str) -> None:
    content["graph_module"]["graph"]["nodes"][0]["target"] = "os.system"


def _file(content: Any, command: str) -> None:
    content["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"


def _structure(content: Any, command: str) -> None:
    signature = content["graph_module"]["module_call_graph"][0]["signature"]
    signature["in_spec"] = '[1, {"type": "collections.defaultdict", "context": "{}", "children_spec": []}]'


ATTACKS: dict[str, Attack] = {
    "pickled weight": pickled_weight,
    "pickled constant": pickled_constant,
    "pickled example": pickled_example,
    "pickled weights of old": pickled_weights_of_old,
    "compiled library": library,
    "size": model(_size),
    "argument": model(_argument),
    "operator": model(_operator),
    "file": model(_file),
    "structure": model(_structure),
}


def written(found: Entries, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_of_it_is_run(name: str, tmp_path: Path) -> None:
    found, mark = entries(), tmp_path / "ran"
    ATTACKS[name](found, f"touch {mark}")
    with pytest.raises(StudyError, match="was not written by `study export`, and is not loaded") as refused:
        load(written(found, tmp_path / "network.pt2"))
    assert not mark.exists() and "\n" not in str(refused.value)


def test_guards_are_left_out(tmp_path: Path) -> None:
    found, mark = entries(), tmp_path / "ran"
    model(_guard)(found, f"touch {mark}")
    load(written(found, tmp_path / "network.pt2")).predict(torch.zeros(3, 64))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["pickled weight", "pickled constant", "size"])
def test_torch_alone_would_run_it(name: str, tmp_path: Path) -> None:
    """Which is why we look first; should this fail, torch has become safe."""
    found, mark = entries(), tmp_path / "ran"
    ATTACKS[name](found, f"touch {mark}")
    path = written(found, tmp_path / "network.pt2")
    with contextlib.suppress(Exception):  # whatever it stumbles over, once it has run the command
        torch.export.load(path).module()(torch.zeros(3, 64))
    assert mark.exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    found = entries() | {"archive/data/weights/weight_0": bytes(100_000_000)}
    path = written(found, tmp_path / "network.pt2", zipfile.ZIP_DEFLATED)
    with pytest.raises(StudyError, match="it holds more than it does"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", b"[" * 10_000])
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "network.pt2").write_bytes(content)
    with pytest.raises(StudyError, match="was not written by `study export`"):
        load(tmp_path / "network.pt2")


def test_deep_json(tmp_path: Path) -> None:
    found = entries() | {"archive/models/model.json": b"[" * 100_000 + b"]" * 100_000}
    with pytest.raises(StudyError, match="was not written by `study export`"):
        load(written(found, tmp_path / "network.pt2"))
