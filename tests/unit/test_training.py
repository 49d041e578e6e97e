"""The loop by itself: events, stopping, resuming to the same weights, and failures that name themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from siamese_core import presets
from siamese_core.checkpoint import load_state, save_state
from siamese_core.errors import RunError
from siamese_core.modalities.image import ImageItems
from siamese_core.training import NotANumber, Trainer, batch_indices
from siamese_core.types import InputSpec, LabelledSet

SPEC = InputSpec(1, 12, 12, "ink")


def stripes(classes: int = 8, each: int = 12, seed: int = 0) -> LabelledSet:
    """Classes that differ by a block's place, with noise: learnable in seconds."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (classes * each, 1, 12, 12), dtype=np.uint8)
    labels = np.repeat(np.arange(classes), each)
    for i, c in enumerate(labels):
        pixels[i, 0, (c % 3) * 4 : (c % 3) * 4 + 4, (c // 3) * 4 : (c // 3) * 4 + 4] += 180
    return LabelledSet("stripes", ImageItems(pixels, SPEC), labels, tuple(f"c{i}" for i in range(classes)))


def config(**settings):
    base = {
        "image_size": 12, "width": 8, "embedding_size": 8, "epochs": 3, "steps_per_epoch": 6, "extra_classes": "none",
        "classes_per_batch": 4, "items_per_class": 3, "max_seconds": 0.0, "class_copies": False, "device": "cpu",
    }  # fmt: skip
    return presets.build("digits", **(base | settings))


def trainer(**settings) -> Trainer:
    return Trainer(config(**settings), SPEC, stripes(), stripes(seed=1), "cpu")


def run(t: Trainer, stop_at: int | None = None):
    events, looks = [], []
    outcome = t.run(events.append, lambda: stop_at is not None and t.step >= stop_at, lambda f, b: looks.append((f, b)))
    return outcome, events, looks


def test_events_of_a_whole_run():
    t = trainer()
    outcome, events, looks = run(t)
    assert outcome == "finished"
    assert t.step == 18
    epochs = [e for e in events if e["event"] == "epoch"]
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    assert {"loss", "validation_loss", "pair_accuracy", "auc", "one_shot", "n_way", "learning_rate"} <= set(epochs[0])
    assert [e["best"] for e in epochs] == [b for _, b in looks]
    bins = epochs[-1]["histogram"]
    assert sum(bins["same"]) == sum(bins["different"]) == len(looks[-1][0]["distances"]) // 2
    assert bins["high"] == pytest.approx(float(looks[-1][0]["distances"].max()))
    assert epochs[0]["best"]
    assert epochs[-1]["learning_rate"] < epochs[0]["learning_rate"]
    assert events[0]["event"] == "step"


def test_the_network_learns_and_the_curves_say_so():
    t = trainer(epochs=12)
    before = {k: v.clone() for k, v in t.weights().items()}
    _, events, _ = run(t)
    epochs = [e for e in events if e["event"] == "epoch"]
    assert epochs[-1]["loss"] < 0.8 * epochs[0]["loss"]
    assert epochs[-1]["auc"] > 0.9
    assert any(not torch.equal(before[k], v) for k, v in t.weights().items())


def test_stop_is_obeyed_within_a_batch_and_leaves_something_usable():
    outcome, events, looks = run(t := trainer(), stop_at=2)
    assert (outcome, t.step) == ("stopped", 2)
    assert len(looks) == 1
    assert looks[0][1]
    assert events[-1]["event"] == "epoch"


@pytest.mark.parametrize("preset", ["quick", "pairs", "triplets", "koch"])
def test_resumed_training_equals_uninterrupted_training(tmp_path, preset):
    """Stop after 7 of 18 steps, save, restore into a new trainer: the same weights to the bit."""
    settings = {k: v for k, v in presets.PRESETS[preset].items() if k in ("loss", "sampler", "distance", "mining",
                "margin", "normalise")}  # fmt: skip
    torch.use_deterministic_algorithms(True)
    try:
        whole = trainer(batch_size=16, **settings)
        run(whole)
        half = trainer(batch_size=16, **settings)
        run(half, stop_at=7)
        save_state(tmp_path, *half.state())
        other = trainer(batch_size=16, **settings)
        other.restore(*load_state(tmp_path))
        assert other.step == 7
        run(other)
    finally:
        torch.use_deterministic_algorithms(False)
    a, b = whole.weights(), other.weights()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_a_damaged_checkpoint_is_refused_in_words(tmp_path):
    t = trainer()
    save_state(tmp_path, *t.state())
    path = tmp_path / "optimiser.safetensors"
    whole = path.read_bytes()
    for bad in (b"", whole[:100], whole[: len(whole) // 2], b"\x80\x04pickle" * 50):
        path.write_bytes(bad)
        with pytest.raises(RunError, match="damaged"):
            load_state(tmp_path)


def test_a_loss_that_is_no_number_ends_the_run_with_the_step():
    t = trainer()
    with torch.no_grad():
        next(t.encoder.parameters()).fill_(float("nan"))
    with pytest.raises(NotANumber, match="step 1; lower the learning rate"):
        run(t)


def test_time_limit_ends_well_and_the_rate_falls_to_zero():
    t = trainer(epochs=100000, max_seconds=1.0)
    outcome, events, _ = run(t)
    assert outcome == "finished"
    assert t.step < 100000
    assert t.progress() == 1.0
    assert events[-1]["event"] == "epoch"


def test_constant_embeddings_score_no_better_than_chance():
    t = trainer(average=0.0)
    with torch.no_grad():
        for p in t.encoder.parameters():
            p.zero_()
    events, found = [], []
    t._look(events.append, lambda f, b: found.append(f), [])
    assert events[0]["one_shot"] == 0.0
    assert events[0]["auc"] == pytest.approx(0.5)
    assert events[0]["eer"] == pytest.approx(0.5)
    assert events[0]["pair_accuracy"] <= 0.5 + 1e-9


@pytest.mark.parametrize(("preset", "parts"), [("quick", 1), ("pairs", 2)])
def test_pairs_are_encoded_in_one_pass_in_a_known_order(preset, parts):
    settings = {"sampler": "pairs", "loss": "contrastive"} if parts == 2 else {}
    t = trainer(batch_size=10, **settings)
    batch = t.sampler.next()
    indices, copies = batch_indices(batch)
    assert len(indices) == len(copies)
    if parts == 2:
        assert np.array_equal(indices[:10], batch.first)
        assert np.array_equal(indices[10:], batch.second)
    assert t.inputs(batch).shape == (len(indices), 1, 12, 12)
