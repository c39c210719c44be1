"""A network's card as a page to read: what it is, how good, how small, and how that was checked."""

from __future__ import annotations

import json
from typing import Any

_SIZES = ("neurons", "heads", "inputs", "parameters", "macs", "flops")
_USES = {
    ".pt2": 'torch.export.load("{file}").module()(raw)',
    ".onnx": 'onnxruntime.InferenceSession("{file}").run(["output"], {{"raw": raw}})[0]',
    ".safetensors": 'trainables.deploy.load("{file}").predict(raw)',
    ".pt": 'trainables.deploy.load("{file}").predict(raw)',
}


def markdown(card: dict[str, Any], file: str) -> str:
    """The page of the card of the network in ``file``."""
    row = card["trial"]
    sections = [
        f"# {file}",
        f"The network of trial `{row['trial']}` of the study `{card.get('study', 'unknown')}`, without the units that "
        "it does not need.",
        "## Use",
        f"```python\n{_USES['.' + file.rpartition('.')[2]].format(file=file)}\n```",
        _input(card),
        "## Scores",
        _table(("score", "value"), [(name, _number(row[name])) for name in row if _is_score(row, name)]),
        "Selection was on validation data; the test score was computed once, at the end.",
        "## Size",
        _table(
            ("", "this network", "whole network", "share"),
            [
                (name, _number(row[name]), _number(row[f"dense_{name}"]), _share(row[name], row[f"dense_{name}"]))
                for name in _SIZES
                if row.get(f"dense_{name}") is not None
            ],
        ),
        f"Units by layer: {row.get('widths')}, of {row.get('dense_widths')}.",
        "## Equivalence",
        "On validation data the outputs of this network and of the trained one with its zeros in place differ by "
        f"at most {row['max_abs_difference']:.3g}; the largest output is the same one for "
        f"{100 * row['argmax_agreement']:.4g} % of the examples.",
        "## Training",
        _table(
            ("setting", "value"),
            [
                ("method", card.get("method", "")),
                ("model", f"`{json.dumps(card['model'])}`"),
                ("data", f"`{json.dumps(card.get('data', card['data_set']))}`"),
                ("seed", str(row["seed"])),
                ("epochs", str(row["epochs"])),
                *((name.removeprefix("param_"), _number(row[name])) for name in row if name.startswith("param_")),
            ],
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _input(card: dict[str, Any]) -> str:
    shape = ", ".join(map(str, card["input_shape"]))
    kind = card["preprocessing"]["raw"]
    lines = [f"Input: raw examples, {kind} (batch, {shape}); they are normalised inside."]
    if card["task"] == "classification":
        lines.append(f"Output: class scores, float32 (batch, {card['outputs']}); the largest one is the answer.")
        lines.append(f"Classes, in order: {', '.join(card['classes'])}.")
    else:
        lines.append(f"Output: float32 (batch, {card['outputs']}), in the units of the data.")
    lines += _contract(card)
    return "\n\n".join(lines)


def _contract(card: dict[str, Any]) -> list[str]:
    """What the numbers have to be, and an example; networks of older studies do not say."""
    known = card.get("contract")
    if known is None:
        return []
    low, high = (known[name] if isinstance(known[name], list) else [known[name]] for name in ("low", "high"))
    lines = [
        f"Range: {min(low):.6g} to {max(high):.6g} in the training examples of `{card['data_set']}`. Other libraries "
        "may give the same data on another scale, which the network does not notice."
    ]
    if known["columns"]:
        rows: list[tuple[str, ...]] = [
            (name, f"{a:.6g}", f"{b:.6g}") for name, a, b in zip(known["columns"], low, high, strict=False)
        ]
        lines.append(_table(("column, in this order", "from", "to"), rows))
    if "example" in known:
        shown = json.dumps([round(value, 4) for value in known["example"]["output"][:10]])
        lines.append(
            f"Example: the file `.example.json` beside it has an input and its output, {shown}; checked on export."
        )
    return lines


def _is_score(row: dict[str, Any], name: str) -> bool:
    return name.startswith(("val_", "test_")) and not name.endswith("_before_polish") and row[name] is not None


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %" if whole else ""


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
