"""The words for the device that is computed on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from siamese_core import device
from siamese_core.errors import DeviceError


def test_a_gpu_is_named_with_its_memory(monkeypatch):
    card = SimpleNamespace(name="NVIDIA H200", total_memory=139.7 * 2**30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    assert device.describe() == "NVIDIA H200, 140 GiB"
    assert device.choose("auto") == "cuda"


def test_without_a_gpu_the_threads_are_counted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert device.describe() == "CPU, 2 threads"
    with pytest.raises(DeviceError, match="no CUDA GPU"):
        device.choose("cuda")
