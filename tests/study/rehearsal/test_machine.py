"""`resources.address: auto` is what Ray itself makes of it, and somebody has to answer there."""

from __future__ import annotations

import socket

import pytest

from study.config import StudyConfig
from study.rehearsal.machine import check_machine

CONFIG = StudyConfig.model_validate(
    {"name": "little", "data": "digits", "model": "mlp", "epochs": 2, "trials": 2, "methods": ["dense"]}
    | {"objectives": ["accuracy", "neurons"], "resources": {"address": "auto"}}
)


def test_auto_is_the_cluster_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert check_machine(CONFIG) is None
    with pytest.raises(ConnectionError, match=f"nothing answers at {address}"):
        check_machine(CONFIG)
