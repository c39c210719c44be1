"""`resources.address: auto` is what Ray itself makes of it, and somebody has to answer there."""

from __future__ import annotations

import socket

import pytest

from study.config import StudyConfig
from study.rehearsal.machine import check_machine
from trainables.errors import StudyError

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


def test_rays_client_is_refused_with_what_to_do() -> None:
    away = CONFIG.model_copy(update={"resources": CONFIG.resources.model_copy(update={"address": "ray://head:10001"})})
    with pytest.raises(StudyError, match="`study submit --address http://HEAD:8265`"):
        check_machine(away)


def test_what_only_a_cluster_has_is_asked_of_one() -> None:
    own = {"custom": {"seats": 1}, "address": "local"}
    here = CONFIG.model_copy(update={"resources": CONFIG.resources.model_copy(update=own)})
    with pytest.raises(StudyError, match=r"resources\.custom: seats: a Ray of our own has none"):
        check_machine(here)
