"""Sealed safetensors: whatever bit of them flips, it is noticed; others read them as ever."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from trainables.sealed import seal, unseal

TENSORS = {"weight": torch.linspace(-1, 1, 6).reshape(2, 3), "steps": torch.tensor(7)}
SEALED = seal(save(TENSORS, {"old": "gone"}), {"card": '{"é": "☃"}'})


def test_metadata_come_back_and_the_tensors_stay(tmp_path: Path) -> None:
    assert unseal(SEALED) == {"card": '{"é": "☃"}'}
    assert all(torch.equal(load(SEALED)[name], tensor) for name, tensor in TENSORS.items())
    (tmp_path / "file.safetensors").write_bytes(SEALED)
    with safe_open(tmp_path / "file.safetensors", "np") as file:
        assert file.metadata()["card"] == '{"é": "☃"}'
        np.testing.assert_array_equal(file.get_tensor("weight"), TENSORS["weight"].numpy())


def test_sealing_is_of_the_content() -> None:
    assert seal(SEALED, unseal(SEALED)) == SEALED
    assert seal(save(dict(reversed(TENSORS.items()))), {"card": '{"é": "☃"}'}) == SEALED
    assert unseal(seal(SEALED, {})) == {}


@given(st.integers(0, 8 * len(SEALED) - 1))
def test_any_flipped_bit_is_noticed(bit: int) -> None:
    hurt = bytearray(SEALED)
    hurt[bit // 8] ^= 1 << bit % 8
    try:
        unseal(bytes(hurt))
    except (SafetensorError, ValueError):
        return
    start = 8 + int.from_bytes(SEALED[:8], "little")
    assert json.loads(hurt[8:start]) == json.loads(SEALED[8:start]), "only a digit of an escape, A for a"
    assert hurt[start:] == SEALED[start:]


@given(st.integers(0, len(SEALED) - 1))
def test_any_cut_is_noticed(length: int) -> None:
    with pytest.raises(SafetensorError):
        unseal(SEALED[:length])


def test_what_was_not_sealed_is_said_so() -> None:
    with pytest.raises(ValueError, match="it has no checksum"):
        unseal(save(TENSORS))
