"""What a map's job leaves in its folder: points.npz, beside it what is large as .npy files that are not read until
they are looked at, and frame.npz, the map as far as it has grown."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from siamese_core.files import write_atomic

POINTS, FRAME = "points.npz", "frame.npz"
LARGE = ("embeddings", "pixels")  # each in a file of its own
EACH = ("labels", "groups", "split", "indices")  # what a frame says of each of its points, besides its place
NAMES = {"labels": "class_names", "groups": "group_names"}
MOST_PIXELS = 200 * 2**20  # bytes; above, pictures are shrunk
UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


def write(job: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a finished map; points.npz comes last, so that it is there only when all is. Raises OSError."""
    for name in LARGE:
        if name in arrays:
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(arrays[name]))
            write_atomic(job / f"{name}.npy", buffer.getvalue())
    write_atomic(job / POINTS, _packed({n: a for n, a in arrays.items() if n not in LARGE}))
    (job / FRAME).unlink(missing_ok=True)


def read(job: Path) -> dict[str, np.ndarray]:
    """A finished map's arrays by name; large ones are mapped, not read. Raises one of UNREADABLE for damaged files."""
    found = _unpacked(job / POINTS)
    for name in LARGE:
        path = job / f"{name}.npy"
        if name not in found and path.is_file():
            found[name] = np.load(path, mmap_mode="r", allow_pickle=False)
    n = len(found["x"])
    if any(len(found[name]) != n for name in ("y", "labels", "indices", "embeddings", *LARGE) if name in found):
        raise ValueError("the arrays are of different lengths")
    return found


def remove(job: Path) -> None:
    """Take away what an earlier try has left."""
    for name in (POINTS, FRAME, *(f"{n}.npy" for n in LARGE)):
        (job / name).unlink(missing_ok=True)


def write_frame(job: Path, points: np.ndarray, facts: dict[str, np.ndarray], iteration: int, iterations: int) -> None:
    """The map after so many of its iterations: points (N, dims), and the facts of its points, as in a finished map (see
    `map_jobs.result`): EACH and their NAMES. Raises OSError."""
    arrays = {name: points[:, d].astype(np.float32) for d, name in enumerate("xyz"[: points.shape[1]])}
    arrays |= {name: facts[name] for name in (*EACH, *NAMES.values())}
    arrays |= {"iteration": np.array(iteration), "iterations": np.array(iterations)}
    write_atomic(job / FRAME, _packed(arrays))


def frame(job: Path) -> dict[str, np.ndarray] | None:
    """The newest frame: x, y (maybe z) (N,) float32, what EACH point is and the NAMES of that, iteration and
    iterations (); None where there is none, or none that can be read."""
    try:
        found = _unpacked(job / FRAME)
        return found if _whole(found) else None
    except (*UNREADABLE, TypeError):
        return None


def _whole(frame: dict[str, np.ndarray]) -> bool:
    """Whether all is there, of the right shape, finite, and codes have names."""
    wanted = {"x", "y", *EACH, *NAMES.values(), "iteration", "iterations"}
    if not wanted <= set(frame) <= wanted | {"z"}:
        return False
    n = len(frame["x"])
    for name, array in frame.items():
        if name in NAMES.values():
            good = array.ndim == 1 and (array.dtype.kind == "U" or not len(array))
        else:
            shape = () if name.startswith("iteration") else (n,)
            kinds = "iuf" if name in ("x", "y", "z") else "iu"
            good = array.shape == shape and array.dtype.kind in kinds and bool(np.isfinite(array).all())
        if not good:
            return False
    return n > 0 and all((frame[codes] < len(frame[names])).all() for codes, names in NAMES.items())


def thumbnails(pixels: np.ndarray, most: int = MOST_PIXELS) -> np.ndarray:
    """(N, C, H, W) uint8 -> the same, or shrunk by a whole factor (means) so that they are at most `most` bytes."""
    factor = 1
    n, c, h, w = pixels.shape
    while n * c * (h // factor) * (w // factor) > most and min(h, w) >= 2 * (factor + 1):
        factor += 1
    if factor == 1:
        return pixels
    small = np.empty((n, c, h // factor, w // factor), dtype=np.uint8)
    for i in range(0, n, 1024):
        cut = pixels[i : i + 1024, :, : h // factor * factor, : w // factor * factor]
        shape = (len(cut), c, h // factor, factor, w // factor, factor)
        small[i : i + 1024] = np.rint(cut.reshape(shape).mean(axis=(3, 5), dtype=np.float32))
    return small


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpacked(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as f:
        return {name: f[name] for name in f.files}
