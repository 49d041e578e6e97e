"""Which device to compute on."""

from __future__ import annotations

from siamese_core.errors import DeviceError


def choose(name: str = "auto") -> str:
    """'auto', 'cpu', 'cuda' or 'mps' -> a device that is there. Raises DeviceError when it is not."""
    import torch

    cuda = torch.cuda.is_available()
    mps = bool(getattr(torch.backends, "mps", None)) and torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    if name == "cuda" and not cuda:
        raise DeviceError("There is no CUDA GPU on this machine now; choose the device 'auto' or 'cpu'.")
    if name == "mps" and not mps:
        raise DeviceError("There is no Apple GPU (mps) on this machine now; choose the device 'auto' or 'cpu'.")
    if name not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"There is no device '{name}'; choose auto, cpu, cuda or mps.")
    return name


def describe() -> str:
    """The device 'auto' would take, for a badge: 'CPU, 2 threads' or the GPU's name and memory."""
    import torch

    device = choose("auto")
    if device == "cuda":
        p = torch.cuda.get_device_properties(0)
        return f"{p.name}, {p.total_memory / 2**30:.0f} GiB"
    threads = torch.get_num_threads()
    return "Apple GPU" if device == "mps" else f"CPU, {threads} thread{'s' if threads > 1 else ''}"
