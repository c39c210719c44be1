"""A torch.export program out of a file that may be a stranger's.

`torch.export.load` unpickles, evaluates expressions, loads compiled libraries, and puts names from the file into Python
code that it runs. So the archive is taken apart and put together anew of what a network of ours consists of: plain
tensors, and a graph of ATen operators whose every string is a name.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import torch

from trainables.errors import StudyError

_ENTRIES = re.compile(
    r"archive_format|archive_version|byteorder|\.data/(?:version|serialization_id)|extra/study_card\.json|"
    r"models/model\.json|data/sample_inputs/model\.pt|data/(weights|constants)/(?:\1_\d+|tensor_\d+|weight_\d+|"
    r"model_\1_config\.json)"
)
_NAME = re.compile(r"[\w.]*", re.ASCII)
_OPERATOR = re.compile(r"torch\.ops\.aten\.(?!from_file)\w+\.\w+|_operator\.(?:add|sub|mul|floordiv|getitem)", re.ASCII)
_SIZE = re.compile(
    r"(?:Symbol\('[a-z]\w{0,20}'(?:, [a-z]+=True)*\)|Integer\(-?\d{1,12}\)|(?:Mul|Add|Min|Max|Mod|FloorDiv)\(|\)|, )+",
    re.ASCII,
)
_SPEC = re.compile(r'[\s\d,\[\]{}:]|null|"(?:builtins\.(?:tuple|list|dict)|type|context|children_spec|null|\[\])"')
_EMPTY = re.compile("")
_KINDS = {"expr_str": ("size", _SIZE), "target": ("operator", _OPERATOR)}
_PLAIN = {"metadata": {}, "guards_code": [], "torch_version": torch.__version__}
"""What the network is computed without, and what it is for them instead."""


def vetted(data: bytes, name: str) -> bytes:
    """The file, fit for `torch.export.load`; nothing of it is run.

    Raises:
        StudyError: something in it is not what `trainables.deploy.export` writes.
    """
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(made, "w") as clean:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > len(data):
                raise _Strange("it says that it holds more than it does")
            for entry in entries:
                path = entry.filename.partition("/")[2]
                if not _ENTRIES.fullmatch(path) or entries.count(entry) > 1:
                    raise _Strange(f"there is {entry.filename!r} in it")
                clean.writestr(f"archive/{path}", _checked(path, archive.read(entry)))
    except (_Strange, zipfile.BadZipFile, ValueError, KeyError, RecursionError, NotImplementedError) as error:
        raise StudyError(f"{name} was not written by `study export`, and is not loaded: {error}") from error
    return made.getvalue()


class _Strange(Exception):
    pass


def _checked(path: str, content: bytes) -> bytes:
    if path == "models/model.json":
        return json.dumps(_walked(json.loads(content))).encode()
    if path.endswith("_config.json"):
        _plain_tensors(json.loads(content)["config"])
    elif path.endswith(".pt"):
        _loadable(content)
    return content


def _plain_tensors(config: dict[str, Any]) -> None:
    for tensor in config.values():
        if tensor["use_pickle"] is not False or not re.fullmatch(r"(?:weight|tensor)_\d+", tensor["path_name"]):
            raise _Strange(f"a tensor is pickled: {tensor['path_name']!r}")


def _loadable(content: bytes) -> None:
    """Where torch cannot load it as plain tensors, it would unpickle it."""
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:
        raise _Strange(f"its example is no tensor: {type(error).__name__}") from error


def _walked(value: Any, key: str = "") -> Any:
    """The same, without what `_PLAIN` replaces; all strings looked at."""
    if key in _PLAIN:
        return _PLAIN[key]
    if isinstance(value, dict):
        for name in value:
            _expect("name", _NAME, name)
        return {name: _walked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_walked(inner, key) for inner in value]
    if isinstance(value, str):
        if key in ("in_spec", "out_spec"):
            _expect("structure", _EMPTY, _SPEC.sub("", value))
        else:
            _expect(*_KINDS.get(key, ("name", _NAME)), value)
    return value


def _expect(what: str, pattern: re.Pattern[str], value: str) -> None:
    if not pattern.fullmatch(value):
        raise _Strange(f"the {what} {value[:60]!r} is none that a network has")
