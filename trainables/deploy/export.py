"""Networks to use elsewhere: a compact network behind its preprocessing, in one file that says what it is.

Raw examples go in, as the data set has them (uint8 pixels or float32 features); class scores come out, or
targets in their own units. The card travels inside the file.

    pt2           torch.export; runs without this library
    onnx          ONNX; runs without torch
    pytorch       torch.save of the tensors and the card; read back by `load`
    safetensors   the same as safetensors, as in the models/ folder of a study
"""

from __future__ import annotations

import io
import json
import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainables.data import Dataset
from trainables.deploy.program import vetted
from trainables.deploy.saved import Card, Saved, checked, rebuild
from trainables.errors import StudyError
from trainables.own_code import reading
from trainables.tasks import TASKS

SUFFIXES = {"pt2": ".pt2", "onnx": ".onnx", "safetensors": ".safetensors", "pytorch": ".pt"}

_CARD = "study_card.json"
_INPUT, _OUTPUT = "raw", "output"
_SAID = 160
"""Characters of what an exporter says."""


class Deployed(nn.Module):
    """A compact network that takes raw examples and gives outputs in the units of the data.

    raw: (N, *input_shape). Normalised as `Dataset.inputs` does; outputs of regressions and reconstructions
    are taken back to the data's units.
    """

    mean: Tensor
    std: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, card: Card) -> None:
        super().__init__()
        self.network = network
        about = card["preprocessing"]
        pixels = 255.0 if about["raw"] == "uint8" else 1.0
        self.register_buffer("mean", pixels * torch.tensor(about["mean"]))
        self.register_buffer("std", pixels * torch.tensor(about["std"]))
        self.rescaled = card["task"] != "classification"
        if self.rescaled:
            scale, shift = _units(card)
            self.register_buffer("scale", scale)
            self.register_buffer("shift", shift)

    def forward(self, raw: Tensor) -> Tensor:
        output: Tensor = self.network((raw - self.mean) / self.std)
        return output * self.scale + self.shift if self.rescaled else output


def _units(card: Card) -> tuple[Tensor, Tensor]:
    """Outputs of the network -> units of the data: output * scale + shift, each () or (outputs,)."""
    about = card["preprocessing"]
    if card["task"] == "regression":
        return torch.tensor(about["target_std"]), torch.tensor(about["target_mean"])
    pixels = 255.0 if about["raw"] == "uint8" else 1.0
    shape = tuple(card["input_shape"])
    flat = (torch.tensor(about[name]).expand(shape).flatten() for name in ("std", "mean"))
    scale, shift = (pixels * value for value in flat)
    return scale, shift


@dataclass(frozen=True)
class Export:
    """A network out of a file: ``predict`` raw examples (N, *input_shape) -> outputs (N, outputs)."""

    predict: Callable[[Tensor], Tensor]
    card: Card


def export(network: Saved, form: str) -> bytes:
    """The content of a file.

    Raises:
        ValueError: no such format, or what it needs is not installed.
    """
    if form not in _WRITERS:
        raise StudyError(f"format: expected one of {', '.join(SUFFIXES)} but got {form!r}")
    try:
        return _WRITERS[form](network)
    except (StudyError, OSError, MemoryError):
        raise
    except Exception as error:  # what the exporters of torch raise at what they cannot follow is of many kinds
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        others = ", ".join(name for name in ("safetensors", "pytorch") if name != form)
        raise StudyError(
            f"format: {form} cannot hold {network.card['model']['name']}, which torch cannot trace ({said[:_SAID]}); "
            f"expected one of {others}, which are read back by trainables.deploy.load and `study predict`"
        ) from error


def load(path: str | Path) -> Export:
    """A network from a file of `export`, of the format its suffix names.

    Raises:
        ValueError: another suffix, or the file was not written by `export`.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    form = next((form for form, suffix in SUFFIXES.items() if suffix == path.suffix), None)
    if form is None:
        raise StudyError(f"expected a file that ends in {', '.join(SUFFIXES.values())} but got {path.name!r}")
    reading(path)
    return _READERS[form](path.read_bytes(), str(path))


@torch.no_grad()
def evaluate(network: Export, dataset: Dataset, split: str = "test", batch_size: int = 512) -> dict[str, float]:
    """Scores of a network on a split, by name, as training computes them; ``examples`` counts them.

    Raises:
        ValueError: the data are not of the kind that the network was made for, or there is no such split.
    """
    _fits(network.card, dataset)
    if split not in ("train", "validation", "test"):
        raise StudyError(f"split: expected train, validation or test but got {split!r}")
    part, task = getattr(dataset, split), TASKS[dataset.task]
    sums: dict[str, Tensor] = {}
    for x, y in zip(part.x.split(batch_size), part.y.split(batch_size), strict=True):
        output = network.predict(x).flatten(1)
        if dataset.task != "classification":
            scale, shift = _units(network.card)
            output = (output - shift) / scale
        found = task.sums(output, dataset.targets(y))
        sums = {name: value + sums.get(name, 0) for name, value in found.items()}
    scores = task.scores(sums, len(part))
    return {name: float(value) for name, value in scores.items()} | {"examples": len(part)}


def _fits(card: Card, dataset: Dataset) -> None:
    raw = str(dataset.train.x.dtype).removeprefix("torch.")
    for what, wanted, got in (
        ("task", card["task"], dataset.task),
        ("raw examples", card["preprocessing"]["raw"], raw),
        ("input shape", tuple(card["input_shape"]), dataset.input_shape),
        ("outputs", card["outputs"], dataset.outputs),
    ):
        if wanted != got:
            raise StudyError(f"the network is for {what} {wanted}, but {dataset.name} has {got}")


# -- formats ---------------------------------------------------------------------------------------------------


def _example(card: Card) -> Tensor:
    """Two raw examples; with one the tracers would take the batch for a constant."""
    return torch.zeros(2, *card["input_shape"], dtype=getattr(torch, card["preprocessing"]["raw"]))


def _write_pt2(network: Saved) -> bytes:
    module = Deployed(network.module, network.card).eval()
    dynamic = ({0: torch.export.Dim.DYNAMIC},)
    example = (_example(network.card),)
    with _quiet():
        try:
            program = torch.export.export(module, example, dynamic_shapes=dynamic)
        except Exception:  # recurrent layers, for one, are followed by torch's compiler only
            program = torch.export.export(module, example, dynamic_shapes=dynamic, strict=True)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={_CARD: json.dumps(network.card)})
    return buffer.getvalue()


def _read_pt2(data: bytes, name: str) -> Export:
    extra = {_CARD: ""}
    program = torch.export.load(io.BytesIO(vetted(data, name)), extra_files=extra)
    return Export(program.module(), _card_of(extra[_CARD], name))


def _write_onnx(network: Saved) -> bytes:
    _require_onnx()
    module = Deployed(network.module, network.card).eval()
    with _quiet():
        program = torch.onnx.export(
            module,
            (_example(network.card),),
            dynamo=True,
            dynamic_shapes=({0: "batch"},),
            input_names=[_INPUT],
            output_names=[_OUTPUT],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props[_CARD] = json.dumps(network.card)
    return bytes(program.model_proto.SerializeToString())


def _read_onnx(data: bytes, name: str) -> Export:
    runtime = _require_onnx()
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def predict(raw: Tensor) -> Tensor:
        return torch.from_numpy(session.run([_OUTPUT], {_INPUT: raw.numpy()})[0])

    return Export(predict, _card_of(session.get_modelmeta().custom_metadata_map.get(_CARD, ""), name))


def _write_pytorch(network: Saved) -> bytes:
    buffer = io.BytesIO()
    torch.save({"card": json.dumps(network.card), "state_dict": network.module.state_dict()}, buffer)
    return buffer.getvalue()


def _read_pytorch(data: bytes, name: str) -> Export:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > len(data):
                raise StudyError("it says that it holds more than it does")
        found = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # whatever the bytes make the two readers stumble over
        raise StudyError(f"{name} was not written by `study export`: {type(error).__name__}") from error
    card = _card_of(found.get("card", "") if isinstance(found, dict) else "", name)
    return _deployed(Saved(rebuild(card, found["state_dict"]), card))


def _read_safetensors(data: bytes, name: str) -> Export:
    return _deployed(Saved.from_bytes(data, name))


def _deployed(network: Saved) -> Export:
    return Export(Deployed(network.module, network.card).eval(), network.card)


def _card_of(text: str, name: str) -> Card:
    if not text:
        raise StudyError(f"expected {name} to have a card in it; it was not written by a study")
    return checked(text, name)


def _require_onnx() -> Any:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise StudyError(f"the format onnx needs `pip install study[onnx]`: {error}") from error
    return onnxruntime


@contextmanager
def _quiet() -> Iterator[None]:
    """torch's exporters warn of their own deprecations and of what recurrent layers do, and log what is missing."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


_WRITERS: dict[str, Callable[[Saved], bytes]] = {
    "pt2": _write_pt2,
    "onnx": _write_onnx,
    "safetensors": Saved.to_bytes,
    "pytorch": _write_pytorch,
}
_READERS: dict[str, Callable[[bytes, str], Export]] = {
    "pt2": _read_pt2,
    "onnx": _read_onnx,
    "safetensors": _read_safetensors,
    "pytorch": _read_pytorch,
}
