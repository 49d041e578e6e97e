"""Out-of-fold distances: every fold by its own network, numbered as in the whole set, and what is fitted on them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from siamese_core import calibration, cross_fit, datasets, folds, presets, trained, verifier
from siamese_core import calibration_fit as fitting
from siamese_core.errors import ConfigError, DataError, RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs
from tests.ready import make_run


@pytest.fixture
def three(tmp_path):
    """Three networks on the digits, which differ."""
    found = []
    for i in range(3):
        make_run(tmp_path / f"f{i}", None, seed=i, embedding_size=16)
        found.append(Run(tmp_path / f"f{i}"))
        (found[-1].folder / "train_digests.txt").write_text("")
    return found


def test_every_fold_is_scored_by_its_own_network(three):
    data = datasets.load("digits").classes(range(2, 8))
    dealt = folds.split(data, 3, 0)
    found = cross_fit.measured(data, dealt, three, "cpu", seed=5)
    assert sorted(name for names in found.folds for name in names) == sorted(data.class_names)
    a, b = data.labels[found.scored.first], data.labels[found.scored.second]
    assert (a == found.scored.first_identity).all()
    assert (b == found.scored.second_identity).all()
    assert ((a == b) == found.scored.same).all()
    for i, names in enumerate(dealt):
        mine = found.fold == i
        assert {data.class_names[c] for c in np.unique(np.concatenate([a[mine], b[mine]]))} == set(names)
        model = trained.load(three[i])
        z = model.embed(data.items)  # a slow way to the same distances
        some = np.flatnonzero(mine)[:: max(1, mine.sum() // 50)]
        first, second = found.scored.first[some], found.scored.second[some]
        assert np.allclose(model.distances(z[first], z[second]), found.scored.distances[some], atol=1e-5)


def test_a_fold_that_its_network_has_learnt_from_is_refused(three):
    data = datasets.load("digits").classes(range(6))
    make_digests = data.items.fitted(three[1].spec()).digests()
    (three[1].folder / "train_digests.txt").write_text("\n".join(make_digests) + "\n")
    with pytest.raises(DataError, match="were in the run's training data"):
        cross_fit.measured(data, folds.split(data, 3, 0), three, "cpu")


def test_the_networks_of_folds_learn_from_all_but_their_fold_and_the_test_classes(tiny_run):
    run = Run(tiny_run)
    data = cross_fit.usable(run)
    assert data.class_names == tuple("01234567")  # 8 and 9 are the run's test classes
    dealt = folds.split(data, 4, 0)
    made = cross_fit.configs(run, dealt)
    assert [c.hold_out for c in made] == [(*names, "8", "9") for names in dealt]
    assert all(c.all_classes for c in made)
    assert {c.with_values(hold_out=(), all_classes=False) for c in made} == {run.config()}


def test_a_run_of_that_name_with_other_settings_is_not_taken(tiny_run):
    run = Run(tiny_run)
    other = tiny_run.parent / "tiny-fold1of3"
    shutil.copytree(tiny_run, other)
    with pytest.raises(RunError, match="tiny-fold1of3 with other settings"):
        cross_fit.of_run(run, 3, tiny_run.parent, "cpu")


def test_finished_networks_are_used_again_and_the_card_tells(tiny_run):
    """Nothing is trained: the three runs are there."""
    run, folder = Run(tiny_run), tiny_run.parent
    card = {k: v for k, v in run.card().items() if k != "distances"}
    write_json(tiny_run / "card.json", card)
    dealt = folds.split(cross_fit.usable(run), 3, 0)
    for i, config in enumerate(cross_fit.configs(run, dealt)):
        one = folder / f"tiny-fold{i + 1}of3"
        shutil.copytree(tiny_run, one)
        write_json(one / "config.json", read_json(one / "config.json") | {"config": config.to_dict()})
        write_json(one / "status.json", {"format": 1, "state": "finished"})
        (one / "train_digests.txt").write_text("")
    fitted, found = cross_fit.of_run(run, 3, folder, "cpu", operating_point="accuracy", per_identity=True)
    assert fitted.source == "8 classes of digits, each by a network of 3 folds that never saw it"
    assert fitted.operating_point == "accuracy"
    assert set(fitted.thresholds) <= set("01234567")
    card = run.card()
    assert card["threshold"] == fitted.threshold == trained.load(run).threshold
    assert sum(card["distances"]["same"]) == found.scored.n_same
    assert "3 folds" in card["distances"]["of"]
    write_json(one / "status.json", {"format": 1, "state": "failed", "reason": "No.", "mistake": True})
    (one / "config.json").unlink()
    with pytest.raises(RunError):
        cross_fit.of_run(run, 3, folder, "cpu")


@pytest.mark.parametrize(("k", "error"), [(1, ConfigError), (5, DataError)])
def test_folds_that_cannot_be_are_refused_before_anything_is_trained(tiny_run, k, error):
    with pytest.raises(error):
        cross_fit.of_run(Run(tiny_run), k, tiny_run.parent, "cpu")
    with pytest.raises(ConfigError, match="certainty"):
        cross_fit.of_run(Run(tiny_run), 2, tiny_run.parent, "cpu", certainty=2.0)
    assert [p.name for p in tiny_run.parent.iterdir()] == ["tiny"]


def worlds(shift: float, seed: int = 0) -> tuple[ScoredPairs, np.ndarray]:
    """Pairs of three folds, the distances of the last moved by so much."""
    rng = np.random.default_rng(seed)
    same = np.tile([True, False], 900)
    fold = np.repeat(np.arange(3), 600)
    distances = rng.normal(np.where(same, 0.3, 0.7), 0.12) + shift * (fold == 2)
    first = fold * 20 + rng.integers(0, 20, 1800)
    second = np.where(same, first, fold * 20 + (first % 20 + 1 + rng.integers(0, 19, 1800)) % 20)
    return ScoredPairs(distances, same, first, second), fold


def test_quality_is_what_the_other_folds_say_of_each():
    scored, fold = worlds(0.1)
    expected = np.empty(len(scored))
    for i in range(len(scored)):  # slowly: one pair at a time
        if i % 600 == 0:
            curve = fitting.probability_curve(scored.select(fold != fold[i]), "logistic")
        odds = fitting.log_odds(scored.distances[i : i + 1], *curve)
        expected[i] = fitting.at_prior(odds, 60, 0.5)[0]
    from siamese_core import curves

    found = calibration.fit(scored, folds=fold).quality
    for name, value in curves.summary(expected, scored.same).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_networks_that_do_not_agree_are_seen_in_the_quality():
    alike, apart = (calibration.fit(scored, folds=fold).quality["ece"] for scored, fold in (worlds(0.0), worlds(0.3)))
    assert alike < 0.04 < apart
    blind = calibration.fit(worlds(0.3)[0]).quality["ece"]  # over units: every network is in every part
    assert blind < apart


def test_presets_do_not_learn_from_all_classes():
    assert not any(presets.build("digits", name).all_classes for name in presets.PRESETS)


def test_pairs_of_a_part_keep_their_numbers():
    data = datasets.load("digits")
    classes = np.array([3, 7, 9])

    class Any(verifier.ThresholdEmbedder):
        threshold = calibration = None
        spec = data.items.spec

        def embed(self, items):
            return items.pixels.reshape(len(items), -1).astype(np.float32)

        def distances(self, a, b):
            return np.abs(a - b).sum(1)

    part = verifier.score(Any(), data.classes(classes), 0, 50)
    whole = cross_fit._in_whole(part, classes, data)
    flat = data.items.pixels.reshape(len(data), -1).astype(np.float32)
    assert np.array_equal(np.abs(flat[whole.first] - flat[whole.second]).sum(1), part.distances)
    assert np.array_equal(data.labels[whole.first], whole.first_identity)
