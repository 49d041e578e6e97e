"""The health of a run: network and pixels on the same pictures, the story of its snapshots, examples to look at."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from siamese_core import datasets, distances, health, space_health, trained
from siamese_core.baseline import Pixels
from siamese_core.cli.output import plain
from siamese_core.errors import DataError
from siamese_core.runs import Run


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits").classes([8, 9])


def snapshot(run, epoch, z, labels):
    tensors = {"embeddings": torch.from_numpy(z).half(), "labels": torch.from_numpy(labels)}
    (run / "snapshots").mkdir(exist_ok=True)
    (run / "snapshots" / f"{epoch:05d}.safetensors").write_bytes(save(tensors))


def test_network_and_pixels_are_measured_on_the_same_pictures(tiny_run, digits):
    run = Run(tiny_run)
    model = trained.load(run, "cpu")
    told = []
    found = health.of_run(run, model, digits, progress=lambda text, share: told.append(share))
    fitted = digits.items.fitted(model.spec)
    direct = space_health.measure(model, model.embed(fitted), digits.labels)
    assert found.network.values() == direct.values()
    plain_pixels = Pixels(model.spec)
    slow = space_health.measure(plain_pixels, plain_pixels.embed(digits.items), digits.labels)
    for name, value in slow.values().items():
        assert found.pixels.values()[name] == pytest.approx(value, rel=1e-4), name
    assert found.story is None
    assert told == sorted(told)
    assert json.dumps(plain(found.to_json()), allow_nan=False)


def test_examples_are_what_they_are_called(tiny_run, digits):
    run = Run(tiny_run)
    found = health.of_run(run, trained.load(run, "cpu"), digits)
    a, b, _, i, j = found.confused[0]
    assert {a, b} == {0, 1}
    assert (found.class_of(i), found.class_of(j)) == (digits.class_names[a], digits.class_names[b])
    assert np.array_equal(found.pictures[i], digits.items.natural(int(found.network.measured[i])))
    assert set(found.hubs) <= set(found.pictures)
    hub = found.to_json()["hubs"][0]
    assert hub["occurrence"] == found.network.hubs.occurrence.max()


def test_a_sample_is_told_and_is_the_seeds(tiny_run, digits):
    run = Run(tiny_run)
    model = trained.load(run, "cpu")
    one, again, other = (health.of_run(run, model, digits, seed, most=100) for seed in (0, 0, 1))
    assert "among 100 of the 354 pictures" in one.notes[0]
    assert one.to_json() == again.to_json()
    assert one.to_json()["health"]["confusion"] is not None
    assert (one.network.measured != other.network.measured).any()
    assert len(one.labels) == 100


def test_different_pictures_with_one_embedding_are_copies_and_equal_pictures_are_not(tiny_run, digits, monkeypatch):
    run = Run(tiny_run)
    model = trained.load(run, "cpu")
    z = model.embed(digits.items)
    z[5] = z[6]
    monkeypatch.setattr(trained.Trained, "embed", lambda self, items, progress=None: z[: len(items)])
    assert health.of_run(run, model, digits).copies == 1
    twice = digits.with_items(digits.items.select(np.r_[np.arange(353), 0]))
    z[5], z[353] = z[7] + 1, z[0]
    found = health.of_run(run, model, twice)
    assert found.copies == 0
    assert "that are the same" in found.readings[0].means
    z[:] = 1
    found = health.of_run(run, model, digits)
    assert found.worst == "problem"
    assert found.copies == 353
    assert not found.confused
    z[3] = np.nan
    with pytest.raises(DataError, match="of 1 of the 354 pictures are not finite"):
        health.of_run(run, model, digits)


def test_imitations_are_left_out_and_too_few_are_told(tiny_run, digits):
    run = Run(tiny_run)
    model = trained.load(run, "cpu")
    names = ("a/genuine", "a/forged")
    signed = replace(digits, class_names=names, class_groups=np.array([0, 0]), group_names=("a",))
    found = health.of_run(run, model, signed)
    assert found.network.classes == 1
    assert "Imitations" in found.notes[0]
    lone = replace(digits, items=digits.items.select(np.array([0])), labels=digits.labels[:1])
    with pytest.raises(DataError, match="at least two pictures"):
        health.of_run(run, model, lone)


def test_the_story_is_of_the_unseen_classes_that_are_watched(tiny_run):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], 15)  # two unseen classes, and two that it learns from
    for epoch in range(3):
        z = rng.normal(size=(4, 8))[labels] * epoch + rng.normal(size=(60, 8))
        snapshot(tiny_run, epoch, z, labels)
    (tiny_run / "snapshots" / "00007.safetensors").write_bytes(b"damaged")
    story = health.of_snapshots(Run(tiny_run))
    assert story.epochs.tolist() == [0, 1, 2]
    assert (story.items, story.classes, story.unseen) == (30, 2, True)
    assert story.distance == Run(tiny_run).config().distance
    by = distances.Unlearned(story.distance)
    kept = labels < 2
    last = space_health.measure(by, z[kept].astype(np.float16).astype(np.float32), labels[kept]).values()
    assert {name: v[-1] for name, v in story.values.items()} == pytest.approx({n: last[n] for n in health.FIGURES})
    assert story.values["d_prime"][2] > story.values["d_prime"][0]


def test_a_story_without_unseen_classes_is_of_all_and_a_collapse_is_seen_in_it(tiny_run):
    labels = np.repeat([2, 3], 12)
    rng = np.random.default_rng(0)
    snapshot(tiny_run, 0, rng.normal(size=(24, 4)), labels)
    snapshot(tiny_run, 1, np.ones((24, 4)), labels)
    story = health.of_snapshots(Run(tiny_run))
    assert not story.unseen
    assert story.values["effective_rank"][1] == 0
    assert np.isnan(story.values["d_prime"][1])
    assert np.isnan(story.values["alignment"][1])


def test_many_snapshots_are_thinned_and_the_ends_stay(tiny_run, monkeypatch):
    monkeypatch.setattr(health, "MOST_EPOCHS", 3)
    rng = np.random.default_rng(0)
    for epoch in range(6):
        snapshot(tiny_run, epoch, rng.normal(size=(8, 4)), np.repeat([0, 1], 4))
    assert health.of_snapshots(Run(tiny_run)).epochs.tolist() == [0, 2, 5]


def test_a_learned_distance_is_stood_for_by_manhattan_and_others_by_themselves():
    a, b = np.array([[0.0, 1.0]]), np.array([[2.0, -1.0]])
    assert distances.Unlearned("weighted_l1").name == "manhattan"
    assert distances.Unlearned("weighted_l1").distance_matrix(a, b) == pytest.approx(4)
    assert distances.Unlearned("squared_euclidean").distance_matrix(a, b) == pytest.approx(8)


def test_pictures_that_are_all_the_same_are_no_collapsed_network(tiny_run):
    data = datasets.load("digits")
    same = replace(data, items=data.items.select(np.zeros(20, int)), labels=np.repeat([0, 1], 10))
    with pytest.raises(DataError, match="All 20 pictures of digits are the same"):
        health.of_run(Run(tiny_run), trained.load(Run(tiny_run)), same)


def test_pictures_of_another_shape_are_told_to_be_changed(tiny_run):
    data = datasets.load("glyphs")
    few = data.classes(range(3))
    found = health.of_run(Run(tiny_run), trained.load(Run(tiny_run)), few)
    assert "ink on paper of 12 x 12 pixels; these pictures are of another size" in " ".join(found.notes)
