"""Maps: plans for few points, repeatable projections, true neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import projection
from siamese_core.errors import ConfigError, DataError
from siamese_core.projection import Plan, plan, project
from tests.embedders import Plain


def clusters(n=90, classes=3, d=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return (8 * rng.normal(size=(classes, d))[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


@pytest.mark.parametrize(
    ("n", "method", "perplexity", "expected"),
    [
        (1000, "tsne", None, Plan("tsne", 30.0)),
        (31, "tsne", None, Plan("tsne", 10.0)),
        (5, "tsne", None, Plan("tsne", 4 / 3)),
        (1000, "tsne", 50, Plan("tsne", 50.0)),
        (4, "pca", None, Plan("pca")),
    ],
)
def test_plans(n, method, perplexity, expected):
    assert plan(n, method, perplexity) == expected


def test_a_plan_says_what_it_does_otherwise():
    assert plan(4).method == "pca"
    assert "at least 5" in plan(4).note
    lowered = plan(10, "tsne", 30)
    assert lowered.perplexity == 3.0
    assert "30" in lowered.note


@pytest.mark.parametrize("method", ["umap", "pacmap", "nonsense"])
def test_other_methods_are_refused_by_name(method):
    with pytest.raises(ConfigError, match=method):
        plan(10, method)


@pytest.mark.parametrize("perplexity", [0, -1, float("nan"), float("inf")])
def test_impossible_perplexities_are_refused(perplexity):
    with pytest.raises(ConfigError, match="above 0"):
        plan(10, "tsne", perplexity)


def test_tsne_keeps_clusters_together_and_repeats():
    x, labels = clusters(45)
    a, b = project(x, seed=3), project(x, seed=3)
    np.testing.assert_array_equal(a, b)
    d = np.linalg.norm(a[:, None] - a[None], axis=2)
    np.fill_diagonal(d, np.inf)
    assert (labels[d.argmin(1)] == labels).mean() > 0.95
    assert not np.array_equal(a, project(x, seed=4))


def test_pca_finds_the_plane_in_which_points_lie():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(60, 2)) * [5, 1]
    q, _ = np.linalg.qr(rng.normal(size=(7, 7)))
    points = project(flat @ q[:2] + 3, "pca")
    d = lambda p: np.linalg.norm(p[:, None] - p[None], axis=2)  # noqa: E731
    np.testing.assert_allclose(d(points), d(flat), atol=1e-6)
    assert points[:, 0].std() > points[:, 1].std()


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9])
def test_few_points(n, method):
    points = project(clusters(n)[0], method)
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_all_identical_points_stay_in_one_place(method):
    points = project(np.full((20, 5), 0.3, dtype=np.float32), method)
    assert np.isfinite(points).all()
    assert np.ptp(points, axis=0).max() == 0


def test_identical_embeddings_share_a_place_on_the_map():
    x, _ = clusters(30)
    points = project(np.concatenate([x, x[:7]]))
    np.testing.assert_array_equal(points[30:], points[:7])
    assert len(np.unique(points, axis=0)) == 30
    assert np.isfinite(project(np.repeat(x[:3], 10, axis=0))).all()


def test_a_nearly_collapsed_network_still_has_a_map():
    x = (1 + 1e-7 * np.random.default_rng(0).normal(size=(40, 8))).astype(np.float32)
    assert len(np.unique(x, axis=0)) > 1
    assert np.isfinite(project(x)).all()
    assert np.isfinite(project(x * 1e-30)).all()


def test_one_number_per_point_and_bad_arrays():
    assert project(np.arange(8.0)[:, None], "pca").shape == (8, 2)
    for bad in (np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3)):
        with pytest.raises(DataError):
            project(bad)
    with pytest.raises(DataError, match="finite"):
        project(np.array([[0.0, np.nan]] * 6))


def test_progress_is_told_and_may_end_it(capsys):
    seen = []
    project(clusters(60)[0], progress=lambda text, fraction: seen.append((text, fraction)))
    fractions = [f for _, f in seen]
    assert len(seen) > 5
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "Iteration 1000" in seen[-1][0]
    assert capsys.readouterr().out == ""

    class EnoughError(Exception):
        pass

    def end(text, fraction):
        if fraction > 0.2:
            raise EnoughError

    with pytest.raises(EnoughError):
        project(clusters(60)[0], progress=end)
    print("still here")
    assert capsys.readouterr().out == "still here\n"


def test_neighbours_are_those_of_the_original_space():
    x = np.array([[0.0], [5.0], [1.0], [1.0], [-2.0]], dtype=np.float32)
    near, d = projection.neighbours(Plain(), x, 0, k=3)
    assert near.tolist() == [2, 3, 4]
    np.testing.assert_allclose(d, [1, 1, 2])
    assert len(projection.neighbours(Plain(), x, 1, k=99)[0]) == 4
    with pytest.raises(DataError, match="no item 5"):
        projection.neighbours(Plain(), x, 5)
