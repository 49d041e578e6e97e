"""What is taken out of a gallery is gone: from its table, its embeddings and its indexes."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core.errors import DataError
from siamese_core.galleries.store import VECTORS, Entry, Store

SIZE = 8


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, SIZE)
    made.create()
    z = np.random.default_rng(0).normal(size=(6, SIZE)).astype(np.float32)
    for part in ((0, 4), (4, 6)):
        entries = [Entry(f"d{i}", f"face-of-{i}.png", "anna", "", "", b"png") for i in range(*part)]
        made.append(z[slice(*part)], entries)
    return made, z


def everything(folder) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_nothing_is_left_of_what_is_removed(store):
    made, z = store
    assert made.remove([1, 5, 99]) == 2
    left = everything(made.folder)
    for i in (1, 5):
        assert z[i].tobytes() not in left
        assert f"face-of-{i}.png".encode() not in left
        assert f"d{i}".encode() not in left
    np.testing.assert_array_equal(made.vectors(0, 6)[[0, 2, 3, 4]], z[[0, 2, 3, 4]])
    np.testing.assert_array_equal(made.vectors(0, 6)[[1, 5]], 0)
    assert made.state().count == 4
    assert made.remove([1]) == 0


def test_added_again_it_is_a_new_picture(store):
    made, z = store
    made.remove([1])
    made.append(z[1:2], [Entry("d1", "again.png")])
    assert made.by_id([6])[6].name == "again.png"
    np.testing.assert_array_equal(made.vectors(0, 7)[6], z[1])


def test_a_crash_before_the_embedding_is_wiped_is_no_damage_and_is_made_up_for(store, monkeypatch):
    made, z = store

    def crash(self, rows):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_wipe", crash)
        with pytest.raises(KeyboardInterrupt):
            made.remove([2])
    assert made.state().count == 5
    np.testing.assert_array_equal(made.vectors(0, 6)[3], z[3])  # checksums are right
    made.remove([4])
    assert z[2].tobytes() not in everything(made.folder)


def test_damage_beside_a_removed_picture_is_still_seen(store):
    made, _ = store
    made.remove([1])
    data = bytearray((made.folder / VECTORS).read_bytes())
    data[4 * SIZE * 2] ^= 1
    (made.folder / VECTORS).write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        made.vectors(0, 6)
