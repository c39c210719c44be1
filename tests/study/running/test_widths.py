"""Which nodes are asked how many trials they train together."""

from __future__ import annotations

from typing import Any

from study.running.widths import one_of_each_kind


def node(name: str, *accelerators: str) -> dict[str, Any]:
    """Of one and the same host."""
    kinds = {f"accelerator_type:{kind}": 1.0 for kind in accelerators}
    return {"NodeID": name, "NodeManagerHostname": "host", "Resources": {"CPU": 8.0, "GPU": 1.0, **kinds}}


def test_nodes_of_two_kinds_on_one_host_are_asked_both() -> None:
    known = [node("a", "H100"), node("b", "T4"), node("c", "H100"), node("d"), node("e", "H200")]
    assert one_of_each_kind({"a", "b", "c", "d"}, known) == ["a", "b", "d"]
