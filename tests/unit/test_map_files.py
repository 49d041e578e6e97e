"""What a map's job leaves in its folder, and what is made of it when it is damaged."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import map_files


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=9), "y": rng.normal(size=9), "labels": np.arange(9) % 3, "indices": np.arange(9),
        "class_names": np.array(["a", "b", "c"]), "embeddings": rng.normal(size=(9, 4)).astype(np.float32),
        "pixels": rng.integers(0, 256, (9, 1, 6, 5), dtype=np.uint8), "trustworthiness": np.array(0.9),
    }  # fmt: skip


def facts(n):
    """What a frame says of n points, each a class of its own."""
    names = np.array([f"class {i}" for i in range(n)])
    return {"labels": np.arange(n), "class_names": names, "groups": np.full(n, -1), "group_names": np.array([], str),
            "split": np.full(n, 2, np.int8), "indices": np.arange(n)}  # fmt: skip


def test_what_is_written_is_read_and_large_arrays_stay_in_their_files(tmp_path, arrays):
    map_files.write_frame(tmp_path, np.zeros((9, 2)), facts(9), 1, 2)
    map_files.write(tmp_path, arrays)
    found = map_files.read(tmp_path)
    assert set(found) == set(arrays)
    for name in arrays:
        np.testing.assert_array_equal(found[name], arrays[name])
    assert isinstance(found["embeddings"], np.memmap)
    assert isinstance(found["pixels"], np.memmap)
    assert not found["pixels"].flags.writeable
    assert map_files.frame(tmp_path) is None
    map_files.remove(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["points.npz", "embeddings.npy", "pixels.npy"])
@pytest.mark.parametrize("spoil", ["cut", "empty", "noise"])
def test_damaged_files_raise_what_is_expected(tmp_path, arrays, name, spoil):
    map_files.write(tmp_path, arrays)
    whole = (tmp_path / name).read_bytes()
    spoiled = {"cut": whole[:-40], "empty": b"", "noise": b"\x93NUMPY\x01\x00" + bytes(range(90))}[spoil]
    (tmp_path / name).write_bytes(spoiled)
    with pytest.raises(map_files.UNREADABLE):
        map_files.read(tmp_path)


def test_arrays_that_do_not_belong_together_are_refused(tmp_path, arrays):
    map_files.write(tmp_path, arrays)
    np.save(tmp_path / "pixels.npy", arrays["pixels"][:5])
    with pytest.raises(ValueError, match="different lengths"):
        map_files.read(tmp_path)


def test_frames_are_read_without_trust(tmp_path):
    assert map_files.frame(tmp_path) is None
    points = np.random.default_rng(1).normal(size=(7, 3))
    map_files.write_frame(tmp_path, points, facts(7), 40, 1000)
    found = map_files.frame(tmp_path)
    np.testing.assert_allclose(np.column_stack([found["x"], found["y"], found["z"]]), points, atol=1e-6)
    assert (int(found["iteration"]), int(found["iterations"])) == (40, 1000)
    good = dict(found)
    for bad in (
        good | {"x": good["x"][:5]},
        good | {"y": np.full(7, np.nan, np.float32)},
        good | {"labels": np.array(["a"] * 7)},
        good | {"labels": np.full(7, 9)},
        good | {"class_names": np.arange(7)},
        good | {"iteration": np.arange(2)},
        good | {"other": np.zeros((7, 2))},
        {k: v for k, v in good.items() if k != "labels"},
        {"y": good["y"]},
    ):
        np.savez(tmp_path / "frame.npz", **bad)
        assert map_files.frame(tmp_path) is None
    (tmp_path / "frame.npz").write_bytes(b"PK\x03\x04 and no more")
    assert map_files.frame(tmp_path) is None


def test_pictures_are_shrunk_only_where_there_are_too_many():
    pixels = np.random.default_rng(2).integers(0, 256, (3, 3, 12, 9), dtype=np.uint8)
    assert map_files.thumbnails(pixels) is pixels
    half = map_files.thumbnails(pixels, pixels.size // 4)
    assert half.shape == (3, 3, 6, 4)
    assert half.dtype == np.uint8
    assert half[1, 2, 3, 1] == np.rint(pixels[1, 2, 6:8, 2:4].mean())
    assert map_files.thumbnails(pixels, 1).shape[2] >= 1
