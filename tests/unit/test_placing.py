"""New points in a map that stays as it is: near where they would have come to lie."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import projection
from siamese_core.errors import DataError
from siamese_core.projections import placing


@pytest.fixture(scope="module")
def made():
    """Embeddings (600, 16) on curved sheets, their t-SNE map, and which of them are taken out."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, size=(600, 2))
    sheet = np.column_stack([t, t[:, 0] ** 2, np.sin(3 * t[:, 1]), t.prod(axis=1)])
    sheet += 4 * rng.normal(size=(3, 5))[rng.integers(3, size=600)]
    z = (sheet @ rng.normal(size=(5, 16)) + 0.02 * rng.normal(size=(600, 16))).astype(np.float32)
    return z, projection.project(z), np.random.default_rng(1).permutation(600)[:120]


def arrays(z, points, method="tsne", keep=slice(None), **more):
    axes = {name: points[keep, d] for d, name in enumerate("xyz"[: points.shape[1]])}
    return {"embeddings": z[keep], **axes, "method": np.array(method), **more}


def test_a_point_taken_out_lands_near_its_place_and_nearer_than_the_mean_of_its_neighbours(made):
    z, points, out = made
    keep = np.setdiff1d(np.arange(len(z)), out)
    found = arrays(z, points, keep=keep)
    size = np.linalg.norm(np.ptp(points, axis=0))
    off = lambda places: np.linalg.norm(places - points[out], axis=1) / size  # noqa: E731
    placed = off(projection.place(found, z[out]))
    near, squared = placing._nearest(found["embeddings"], z[out].astype(float), placing.NEAREST)
    mean = off(points[keep][near].mean(axis=1))
    assert np.median(placed) < 0.01
    assert np.median(placed) < 0.5 * np.median(mean)

    weights = placing._affinities(squared, placing.PERPLEXITY)
    first = (weights[:, :, None] * points[keep][near]).sum(axis=1)

    def cost(places):
        pull = np.log1p(((places[:, None] - points[keep][near]) ** 2).sum(axis=2))
        push = (1 / (1 + ((places[:, None] - points[keep]) ** 2).sum(axis=2))).sum(axis=1)
        return placing.EXAGGERATION * (weights * pull).sum(axis=1) + np.log(push)

    settled = projection.place(found, z[out])
    assert (cost(settled) <= cost(first) + 1e-9).all()  # it went down from where it began, to where all is level
    for step in np.eye(2) * 1e-3 * size:
        assert (cost(settled + step) >= cost(settled) - 1e-4).all()
        assert (cost(settled - step) >= cost(settled) - 1e-4).all()


def test_a_point_of_the_map_shares_its_place(made):
    z, points, _ = made
    for method in ("tsne", "umap"):
        np.testing.assert_array_equal(projection.place(arrays(z, points, method), z[5:9]), points[5:9])


def test_each_point_is_placed_alone_and_nothing_is_changed(made):
    z, points, out = made
    found = arrays(z, points, keep=np.setdiff1d(np.arange(len(z)), out))
    before = {k: v.copy() for k, v in found.items()}
    together = projection.place(found, z[out[:6]])
    np.testing.assert_allclose(projection.place(found, z[out[3:4]])[0], together[3], atol=1e-9)
    assert all(np.array_equal(found[k], before[k]) for k in found)


def test_the_push_of_all_points_is_the_gradient_of_the_logarithm_of_their_sum(made):
    _, points, _ = made
    y = points[:3] + 0.3
    push = placing._repulsion(y, points)
    z = lambda at: np.log((1 / (1 + ((at - points) ** 2).sum(axis=1))).sum())  # noqa: E731
    for i in range(3):
        for d in range(2):
            step = np.zeros(2)
            step[d] = 1e-5
            slope = (z(y[i] + step) - z(y[i] - step)) / 2e-5
            assert push[i, d] == pytest.approx(-slope / 2, rel=1e-5, abs=1e-9)


def test_affinities_have_their_perplexity_and_memberships_add_up():
    squared = np.sort(np.random.default_rng(2).uniform(0.1, 9, size=(20, 15)), axis=1)
    w = placing._affinities(squared, 5.0)
    np.testing.assert_allclose(w.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(-(w * np.log(w)).sum(axis=1)), 5, rtol=1e-6)
    m = placing._memberships(np.sqrt(squared))
    np.testing.assert_allclose(m.sum(axis=1), 1)
    np.testing.assert_allclose(1 / m[:, 0], np.log2(15), rtol=1e-6)  # the nearest has 1 before they are scaled
    assert (np.diff(w, axis=1) < 0).all()
    assert (np.diff(m, axis=1) < 0).all()


def test_pca_places_by_its_own_axes(made):
    z = made[0]
    found = projection.make(z[:500], projection.plan(500, "pca", dims=3))
    saved = arrays(z[:500], found.points, "pca", centre=found.centre, axes=found.axes)
    np.testing.assert_allclose(projection.place(saved, z[:500]), found.points, atol=1e-9)
    np.testing.assert_allclose(projection.place(saved, z[500:]), (z[500:] - found.centre) @ found.axes, atol=1e-12)


@pytest.mark.parametrize("method", ["tsne", "umap", "pacmap"])
@pytest.mark.parametrize("n", [1, 2, 5, 16, 40])
def test_small_maps_and_equal_points_have_places_too(method, n):
    rng = np.random.default_rng(n)
    z, points = rng.normal(size=(n, 4)).astype(np.float32), rng.normal(size=(n, 3))
    for embeddings in (z, np.ones_like(z)):
        places = projection.place(arrays(embeddings, points, method), rng.normal(size=(3, 4)))
        assert places.shape == (3, 3)
        assert np.isfinite(places).all()
        low, high = points.min(axis=0), points.max(axis=0)
        assert (places > low - 2 * np.ptp(points, axis=0) - 1).all()
        assert (places < high + 2 * np.ptp(points, axis=0) + 1).all()


def test_embeddings_of_another_network_are_refused(made):
    z, points, _ = made
    with pytest.raises(DataError, match="16 numbers, these have 8"):
        projection.place(arrays(z, points), z[:2, :8])
    with pytest.raises(DataError, match="not finite"):
        projection.place(arrays(z, points), np.full((1, 16), np.nan))
