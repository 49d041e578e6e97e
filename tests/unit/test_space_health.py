"""A space as a whole: traps that must read as ill, what cannot be measured, samples, blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from siamese_core import space_health, space_words
from siamese_core.errors import DataError
from siamese_core.space_words import COLLAPSED
from tests.embedders import Plain


def read(z: np.ndarray, labels: np.ndarray, pixels: np.ndarray | None = None, copies: int = 0) -> dict[str, Any]:
    """Readings by figure."""
    plain = None if pixels is None else space_health.measure(Plain(), pixels, labels)
    found = space_words.readings(space_health.measure(Plain(), z, labels), plain, copies)
    return {r.figure: r for r in found}


def clusters(spread: float, classes: int = 12, dims: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), 10)
    return rng.normal(size=(classes, dims))[labels] + spread * rng.normal(size=(len(labels), dims)), labels


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-6])
def test_a_collapsed_network_reads_as_ill_in_every_figure(noise):
    rng = np.random.default_rng(1)
    z = (np.ones((60, 8)) + noise * rng.normal(size=(60, 8))).astype(np.float32)
    labels = np.repeat(np.arange(6), 10)
    found = space_health.measure(Plain(), z, labels)
    values = found.values()
    assert values["collapsed"]
    assert values["effective_rank"] == 0
    assert values["uniformity"] == pytest.approx(0, abs=1e-5)
    for name in ("alignment", "d_prime", "silhouette", "confusion", "skewness", "anti_hubs"):
        assert values[name] is None, name  # perfect alignment and no hubs would flatter it
    read_ = read(z, labels)
    assert {r.severity for r in read_.values()} == {"problem"}
    assert "collapsed" in read_["collapse"].means
    assert read_["sphere"].means == read_["hubs"].means == COLLAPSED


def test_a_half_collapsed_network_is_not_called_fine():
    z, labels = np.repeat(np.eye(2), 30, axis=0), np.tile(np.arange(6), 10)  # two answers to six classes
    found = read(z, labels, copies=58)
    for figure in ("collapse", "separation", "confusion", "sphere", "rank"):
        assert found[figure].severity == "problem", figure


def test_a_network_that_does_not_look_is_not_called_fine():
    rng = np.random.default_rng(2)
    _, labels = clusters(0.1)
    found = read(rng.normal(size=(120, 16)), labels)
    assert found["separation"].severity == found["confusion"].severity == found["sphere"].severity == "problem"


def test_classes_apart_read_as_fine_and_no_better_than_pixels_does_not():
    good, labels = clusters(0.1)
    loose, _ = clusters(1.0)
    assert {r.severity for r in read(good, labels, loose).values()} == {"fine"}
    found = read(loose, labels, good)
    assert found["separation"].severity == found["confusion"].severity == "look"
    assert found["separation"].pixels.startswith("d′")
    assert all(r.do for r in found.values() if r.severity != "fine")
    assert not any(r.do for r in read(good, labels, loose).values())


def test_few_directions_are_told_with_what_to_do():
    z, labels = clusters(0.01, classes=40)
    z[:, 2:] *= 0.001
    found = read(z, labels)["rank"]
    assert found.severity == "look"
    assert found.value.endswith("of 16")
    assert "few, for 40 classes" in found.means
    assert "More classes" in found.do


def test_hubs_are_told():
    rng = np.random.default_rng(3)
    found = read(rng.normal(size=(200, 60)), np.repeat(np.arange(20), 10))["hubs"]
    assert found.severity == "look"
    assert "cosine" in found.do


def test_what_cannot_be_measured_is_a_sentence():
    rng = np.random.default_rng(4)
    one_class = read(rng.normal(size=(30, 4)), np.zeros(30, int))
    assert "two classes" in one_class["separation"].means
    assert "two classes" in one_class["confusion"].means
    assert one_class["rank"].severity == "fine"
    two = read(np.eye(2), np.array([0, 1]))
    assert {two[f].value for f in ("separation", "confusion", "sphere", "hubs")} == {"not measured"}
    singles = read(rng.normal(size=(30, 4)), np.arange(30))
    assert "a class with two pictures" in singles["sphere"].means
    read(np.eye(2), np.array([0, 0]))
    with pytest.raises(DataError, match="at least two"):
        space_health.measure(Plain(), np.zeros((1, 4)), np.zeros(1, int))
    with pytest.raises(DataError, match="of 1 of the 3 pictures are not finite"):
        space_health.measure(Plain(), np.array([[0.0], [np.nan], [1.0]]), np.zeros(3, int))


def test_distances_that_are_no_numbers_are_told():
    class Broken(Plain):
        def distance_matrix(self, queries, gallery):
            return np.full((len(queries), len(gallery)), np.inf)

    with pytest.raises(DataError, match="not finite"):
        space_health.measure(Broken(), np.eye(4), np.array([0, 0, 1, 1]))


def test_turning_a_space_changes_nothing():
    z, labels = clusters(0.5)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0]
    one, other = (space_health.measure(Plain(), x, labels).values() for x in (z, z @ turn))
    for name in set(one) - {"dead_dimensions"}:
        assert other[name] == pytest.approx(one[name], rel=1e-5), name


def test_of_many_items_a_sample_is_compared_and_the_rest_counts_for_directions():
    z, labels = clusters(0.5)
    found = space_health.measure(Plain(), z, labels, seed=3, most=50)
    again, other = (space_health.measure(Plain(), z, labels, seed=s, most=50) for s in (3, 4))
    assert len(found.measured) == 50
    assert found.counts.sum() == 50
    assert found.values() == again.values()
    assert (found.measured != other.measured).any()
    assert found.spectrum.effective_rank == space_health.measure(Plain(), z, labels).spectrum.effective_rank
    alone = space_health.measure(Plain(), z[found.measured], labels[found.measured])
    assert found.confusion.rate == alone.confusion.rate
    assert found.uniformity == pytest.approx(alone.uniformity)


def test_no_more_distances_are_held_than_a_block(monkeypatch):
    monkeypatch.setattr(space_health, "BLOCK", 600)
    monkeypatch.setattr(space_health, "EDGE_ROWS", 5)
    largest = []

    class Watched(Plain):
        def distance_matrix(self, queries, gallery):
            largest.append(len(queries) * len(gallery))
            return super().distance_matrix(queries, gallery)

    z, labels = clusters(0.5)
    told = []
    space_health.measure(Watched(), z, labels, progress=lambda text, share: told.append(share))
    assert max(largest) <= 600
    assert told == sorted(told)
    assert told[-1] == 1

    def stop(text, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        space_health.measure(Plain(), z, labels, progress=stop)


def test_equal_embeddings_are_counted_once():
    assert space_health.different(np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0]])) == 2


def test_intervals_need_ten_classes():
    z, labels = clusters(1.0)
    low, high = space_words.interval(space_health.measure(Plain(), z, labels))
    assert 0 <= low < space_health.measure(Plain(), z, labels).confusion.rate < high <= 1
    few = labels < 9
    assert space_words.interval(space_health.measure(Plain(), z[few], labels[few])) is None
