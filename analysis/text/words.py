"""How numbers and names are written in sentences."""

from collections.abc import Sequence

from analysis.axes import Axis


def score_text(axis: Axis, value: float) -> str:
    return f"{100 * value:.1f} %" if axis.percent else f"{value:.4g}"


def share_text(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.2g} %"


def name_of(axis: Axis) -> str:
    return {"macs": "multiply-adds", "flops": "FLOPs"}.get(axis.name, axis.name)


def listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
