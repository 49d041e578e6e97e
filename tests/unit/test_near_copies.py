"""Near copies: every pair of hashes, and only pictures that are copies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from siamese_core import near_copies
from siamese_core.datasets import glyphs
from tests.pictures import encoded

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def signs():
    return glyphs.glyphs(40, 2, 28, seed=3, alphabets=4)


def test_within_finds_what_a_slow_loop_finds(monkeypatch):
    monkeypatch.setattr(near_copies, "_BLOCK", 100)  # many blocks
    a, b = (RNG.integers(0, 2**64, (n, v), dtype=np.uint64) for n, v in ((30, 3), (20, 1)))
    i, j, bits = near_copies.within(a, b[:, 0], 27)
    slow = {(q, g): min(int(x ^ b[g, 0]).bit_count() for x in a[q]) for q in range(30) for g in range(20)}
    found = dict(zip(zip(i.tolist(), j.tolist(), strict=True), bits.tolist(), strict=True))
    assert found == {pair: d for pair, d in slow.items() if d <= 27}
    assert 0 < len(found) < 600
    keys = (np.arange(30) % 3, np.arange(20) % 3)
    i, j, bits = near_copies.within(a, b[:, 0], 64, keys, equal=True, most_each=2)
    for q in range(30):
        best = sorted(slow[q, g] for g in range(20) if g % 3 == q % 3)[:2]
        assert bits[i == q].tolist() == best
    i, j, _ = near_copies.within(a, b[:, 0], 64, keys)
    assert (i % 3 != j % 3).all()
    assert len(i) == sum(q % 3 != g % 3 for q in range(30) for g in range(20))


def jpeg(pixels: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(encoded(p[0], "JPEG", quality=40))))[None] for p in pixels])


CHANGES = {
    "noise": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 20, p.shape), 0, 255).astype(np.uint8),
    "a pixel aside": lambda p: near_copies.moved(p, 1, -1),
    "jpeg": jpeg,
    "darker": lambda p: (p * 0.8).astype(np.uint8),
}


@pytest.mark.parametrize("side", [14, 28, 105])
@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_nothing_else(change, side):
    pixels = glyphs.glyphs(40, 2, side, seed=3, alphabets=4).items.pixels[::2]
    found = near_copies.near(near_copies.prints(CHANGES[change](pixels)), near_copies.prints(pixels))
    right = found.first == found.second
    assert len(np.unique(found.first[right])) >= 0.9 * len(pixels)
    if side > 14:  # at 14 pixels signs look alike
        assert (~right).sum() <= 3
    assert (np.diff(found.likeness) <= 0).all()


def test_a_picture_is_no_copy_of_itself_and_pairs_come_both_ways(signs):
    pixels = np.concatenate([signs.items.pixels[:10], CHANGES["noise"](signs.items.pixels[3:4])])
    prints = near_copies.prints(pixels)
    found = near_copies.near(prints, prints)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert {(3, 10), (10, 3)} <= pairs
    assert all(i != j for i, j in pairs)
    assert {(j, i) for i, j in pairs} == pairs
    labels = np.array([0] * 10 + [1])
    assert 10 not in near_copies.near(prints, prints, (labels, labels), equal=True).first
    apart = near_copies.near(prints, prints, (labels, labels))
    assert set(zip(apart.first.tolist(), apart.second.tolist(), strict=True)) >= {(3, 10), (10, 3)}


def test_blank_pictures_are_like_nothing():
    blank = near_copies.prints(np.full((3, 1, 64, 64), 7, np.uint8))
    assert not len(near_copies.near(blank, blank))
    assert not near_copies.likeness(blank, blank, np.arange(3), np.arange(3)).any()


def test_colours_and_wide_pictures_and_none_at_all():
    pixels = RNG.integers(0, 256, (5, 3, 40, 90)).astype(np.uint8)
    prints = near_copies.prints(pixels)
    found = near_copies.near(prints, near_copies.prints(pixels[::-1].copy()))
    assert sorted(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(i, 4 - i) for i in range(5)]
    none = near_copies.prints(pixels[:0])
    assert not len(near_copies.near(none, prints))
    assert not len(near_copies.near(prints, none))
