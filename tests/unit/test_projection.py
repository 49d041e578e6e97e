"""Maps: plans for few points, repeatable projections, true neighbours."""

from __future__ import annotations

import re

import numpy as np
import pytest

from siamese_core import projection, projections
from siamese_core.errors import ConfigError, DataError
from siamese_core.projection import Hooks, Plan, plan, project
from siamese_core.projections import tsne
from tests.embedders import Plain


def clusters(n=90, classes=3, d=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return (8 * rng.normal(size=(classes, d))[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


@pytest.mark.parametrize(
    ("n", "method", "asked", "expected"),
    [
        (1000, "tsne", {}, Plan("tsne", 30.0)),
        (31, "tsne", {}, Plan("tsne", 10.0)),
        (5, "tsne", {}, Plan("tsne", 4 / 3)),
        (1000, "tsne", {"perplexity": 50}, Plan("tsne", 50.0)),
        (1000, "tsne", {"learning_rate": 200, "dims": 3}, Plan("tsne", 30.0, dims=3, learning_rate=200)),
        (4, "pca", {}, Plan("pca")),
        (4, "pca", {"dims": 3}, Plan("pca", dims=3)),
        (1000, "umap", {}, Plan("umap", neighbours=15)),
        (9, "umap", {"min_distance": 0.0}, Plan("umap", neighbours=8, min_distance=0.0)),
        (1000, "pacmap", {"neighbours": 20}, Plan("pacmap", neighbours=20)),
    ],
)
def test_plans(n, method, asked, expected, packages):
    assert plan(n, method, **asked) == expected


@pytest.fixture
def packages(monkeypatch):
    """Every package is installed, as far as plans can tell."""
    monkeypatch.setattr(projection, "find_spec", lambda name: True)


def test_a_plan_says_what_it_does_otherwise(packages):
    assert plan(4).method == "pca"
    assert "at least 5" in plan(4).note
    lowered = plan(10, "tsne", 30)
    assert lowered.perplexity == 3.0
    assert "30" in lowered.note
    assert plan(3, "umap", dims=3) == Plan("pca", None, "UMAP needs at least 5 different points; 3 can only be shown "
                                           "by PCA.", 3)  # fmt: skip
    few = plan(20, "pacmap", neighbours=30)
    assert (few.neighbours, few.note) == (19, "Neighbours lowered from 30 to 19: there are 20 points.")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"method": "nonsense"}, "no map method 'nonsense'; use tsne or umap or pacmap or pca"),
        ({"perplexity": 0}, "perplexity is 0, but must be above 0"),
        ({"perplexity": -1}, "above 0"),
        ({"perplexity": float("nan")}, "above 0"),
        ({"perplexity": float("inf")}, "above 0"),
        ({"learning_rate": 0}, "learning rate is 0, but must be above 0"),
        ({"dims": 4}, "2 or 3 dimensions, not 4"),
        ({"method": "umap", "neighbours": 1}, "number of neighbours is 1, but must be at least 2"),
        ({"method": "umap", "min_distance": -0.1}, "least distance is -0.1, but must be at least 0"),
        ({"method": "umap", "min_distance": 1.5}, "at most 1"),
        ({"method": "pca", "perplexity": 5}, "PCA has no perplexity; leave it out, or use tsne"),
        ({"method": "pacmap", "min_distance": 0.5}, "PaCMAP has no least distance"),
        ({"neighbours": 5}, "t-SNE has no number of neighbours; leave it out, or use umap or pacmap"),
        ({"engine": "abacus"}, "no engine 'abacus'"),
        ({"engine": "scikit-learn-intelex", "dims": 3}, "does not draw t-SNE in 3-D"),
        ({"method": "pca", "engine": "scikit-learn"}, "does not draw PCA"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_sentence(asked, words, packages):
    with pytest.raises(ConfigError, match=re.escape(words)):
        plan(100, **asked)
    with pytest.raises(ConfigError, match=re.escape(words)):
        projection.check(**asked)


def test_a_method_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    for method, package in (("umap", "umap-learn"), ("pacmap", "pacmap")):
        with pytest.raises(ConfigError, match=f"pip install {package}`, or use tsne or pca"):
            plan(100, method)
    assert plan(100, "pca").method == "pca"


def test_a_package_that_cannot_be_loaded_is_told(monkeypatch, packages):
    def broken(*args):
        raise ImportError("no such symbol")

    monkeypatch.setitem(projections.REGISTRY, "umap", broken)
    with pytest.raises(ConfigError, match="umap-learn is installed but cannot be loaded"):
        project(clusters()[0], "umap")


def test_tsne_keeps_clusters_together_and_repeats():
    x, labels = clusters(45)
    a, b = project(x, seed=3), project(x, seed=3)
    np.testing.assert_array_equal(a, b)
    assert of_own_class(a, labels) > 0.95
    assert not np.array_equal(a, project(x, seed=4))


def test_pca_finds_the_plane_in_which_points_lie():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(60, 2)) * [5, 1]
    q, _ = np.linalg.qr(rng.normal(size=(7, 7)))
    points = project(flat @ q[:2] + 3, "pca")
    d = lambda p: np.linalg.norm(p[:, None] - p[None], axis=2)  # noqa: E731
    np.testing.assert_allclose(d(points), d(flat), atol=1e-6)
    assert points[:, 0].std() > points[:, 1].std()


@pytest.mark.parametrize("engine", ["scikit-learn", "scikit-learn-intelex", "opentsne"])
def test_every_engine_keeps_clusters_together_and_repeats(engine):
    pytest.importorskip(tsne.PACKAGES[engine])
    x, labels = clusters(60, 4)
    chosen = plan(len(x), engine=engine)
    found, again = (projection.make(x, chosen, seed=2) for _ in range(2))
    assert found.engine == engine
    np.testing.assert_array_equal(found.points, again.points)
    assert of_own_class(found.points, labels) == 1.0
    assert of_own_class(projection.make(x, Plan("tsne", 10, learning_rate=20, engine=engine)).points, labels) == 1.0


def of_own_class(points, labels):
    d = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(d, np.inf)
    return (labels[d.argmin(1)] == labels).mean()


def test_an_engine_that_cannot_be_loaded_is_passed_over(monkeypatch):
    def missing():
        raise OSError("libonedal.so: cannot open shared object file")

    for name in ("scikit-learn-intelex", "opentsne"):
        monkeypatch.setitem(tsne.ENGINES, name, missing)
    assert projection.make(clusters(30)[0], plan(30)).engine == "scikit-learn"
    assert projection.make(clusters(30)[0], Plan("tsne", 5, engine="opentsne")).engine == "scikit-learn"


def test_maps_in_space():
    x, labels = clusters(40, 4, d=9)
    points = project(x, dims=3)
    assert points.shape == (40, 3)
    assert of_own_class(points, labels) == 1.0
    rng = np.random.default_rng(1)
    solid = rng.normal(size=(50, 3)) @ np.linalg.qr(rng.normal(size=(8, 8)))[0][:3]
    flat = project(solid, "pca", dims=3)
    d = lambda p: np.linalg.norm(p[:, None] - p[None], axis=2)  # noqa: E731
    np.testing.assert_allclose(d(flat), d(solid), atol=1e-9)
    assert (project(x[:, :2], "pca", dims=3)[:, 2] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "pacmap"])
@pytest.mark.parametrize("dims", [2, 3])
def test_umap_and_pacmap_keep_clusters_together_and_repeat(method, dims):
    pytest.importorskip(method)
    x, labels = clusters(120, 4)
    points, again = (project(x, method, 5, dims=dims) for _ in range(2))
    np.testing.assert_array_equal(points, again)
    assert points.shape == (120, dims)
    assert of_own_class(points, labels) == 1.0
    for few in (4, 5, 6, 9, 14, 15, 16, 25):
        assert np.isfinite(project(x[:few], method, dims=dims)).all()
    twice = project(np.concatenate([x, x[:9]]), method, dims=dims)
    np.testing.assert_array_equal(twice[120:], twice[:9])


def test_openTSNE_can_be_watched():
    pytest.importorskip("openTSNE")
    x, _ = clusters(40)
    x = np.concatenate([x, x[:5]])
    frames = []
    hooks = Hooks(lambda text, fraction: None, watch=lambda points, i, of: frames.append((i, of, points.copy())))
    found = projection.make(x, Plan("tsne", 10, engine="opentsne"), 0, hooks)
    assert [i for i, _, _ in frames] == list(range(10, 601, 10))
    assert {of for _, of, _ in frames} == {600}
    assert all(points.shape == (45, 2) for _, _, points in frames)
    np.testing.assert_allclose(frames[-1][2], found.points, atol=0.1)  # it is told before its last step
    assert np.ptp(frames[0][2]) < np.ptp(frames[-1][2])


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
    with pytest.raises(DataError, match="of 2 of the 9 points"):
        project(np.array([[0.0, 1.0]] * 7 + [[np.inf, 0.0], [0.0, np.nan]]))


def test_progress_is_told_and_may_end_it(capsys):
    seen = []
    project(clusters(60)[0], progress=lambda text, fraction: seen.append((text, fraction)), engine="scikit-learn")
    fractions = [f for _, f in seen]
    assert len(seen) > 5
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert f"Iteration {tsne.ITERATIONS}" in seen[-1][0]
    assert capsys.readouterr().out == ""

    class EnoughError(Exception):
        pass

    def end(text, fraction):
        if fraction > 0.2:
            raise EnoughError

    with pytest.raises(EnoughError):
        project(clusters(60)[0], progress=end, engine="scikit-learn")
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


def test_neighbours_are_exact_in_blocks_and_with_ties(monkeypatch):
    rng = np.random.default_rng(3)
    x = np.repeat(rng.normal(size=(40, 5)).astype(np.float32), 2, axis=0)  # each point twice
    whole = np.linalg.norm(x[:, None] - x[None], axis=2)
    monkeypatch.setattr(projection, "ROWS", 7 * len(x))
    at, _ = projection.nearest(Plain(), x, x, k=9)
    for i in range(len(x)):
        expected = sorted(range(len(x)), key=lambda j, i=i: (whole[i, j], j))
        assert at[i].tolist() == expected[:9]
        near, d = projection.neighbours(Plain(), x, i, k=4)
        assert near.tolist() == [j for j in expected if j != i][:4]
        np.testing.assert_allclose(d, whole[i, near])
    assert projection.nearest(Plain(), x, x[:3], k=500)[0].shape == (3, 80)
    assert projection.neighbours(Plain(), x, 0, k=0)[0].shape == (0,)


def test_many_equal_points_do_not_push_out_the_item_itself():
    x = np.zeros((9, 2), np.float32)
    assert projection.neighbours(Plain(), x, 7, k=3)[0].tolist() == [0, 1, 2]
