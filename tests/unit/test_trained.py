"""Trained networks: loading strictly, encoding right, never changing, from many threads."""

from __future__ import annotations

import dataclasses
import json
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from siamese_core import checkpoint, datasets, trained
from siamese_core.errors import ConfigError, DeviceError, RunError
from siamese_core.runs import Run
from siamese_core.types import InputSpec


@pytest.fixture(scope="module")
def model(finished_run):
    return trained.load(finished_run)


@pytest.fixture(scope="module")
def items(model):
    return datasets.load("digits").items.select(np.arange(70)).fitted(model.spec)


def test_embeddings_are_those_of_the_bare_network(model, items):
    with torch.inference_mode():
        bare = model.encoder(items.resident("cpu").batch(np.arange(70))).numpy()
    z = model.embed(items, batch=32)
    assert z.shape == (70, 16)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, bare, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)


def test_items_are_fitted_first(model):
    native = datasets.load("digits").items.select(np.arange(5))
    assert native.spec != model.spec
    np.testing.assert_array_equal(model.embed(native), model.embed(native.fitted(model.spec)))


def test_batch_norm_uses_its_running_statistics(model, items):
    alone = np.concatenate([model.embed(items.select(np.array([i]))) for i in range(5)])
    np.testing.assert_allclose(alone, model.embed(items)[:5], atol=1e-5)


def test_no_items_give_no_embeddings(model, items):
    none = items.select(np.arange(0))
    assert model.embed(none).shape == (0, 16)
    assert model.distance_matrix(model.embed(none), model.embed(items)).shape == (0, 70)


def test_maps_then_tail_is_the_embedding(model, items):
    maps = model.maps(items)
    assert maps.ndim == 4
    with torch.inference_mode():
        z = model.encoder.tail(torch.from_numpy(maps)).numpy()
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    np.testing.assert_allclose(z, model.embed(items), atol=1e-5)


def test_distances_agree_with_the_matrix_whatever_its_blocks(model, items, monkeypatch):
    z = model.embed(items)
    whole = model.distance_matrix(z[:10], z)
    monkeypatch.setattr(trained, "BLOCK", 3 * len(z))
    np.testing.assert_allclose(model.distance_matrix(z[:10], z), whole, atol=1e-6)
    np.testing.assert_allclose(model.distances(z[:10], z[20:30]), whole[np.arange(10), np.arange(20, 30)], atol=1e-6)
    assert (whole[np.arange(10), np.arange(10)] == 0).all()


def test_progress_reaches_the_end(model, items):
    seen = []
    model.embed(items, batch=30, progress=lambda text, fraction: seen.append(fraction))
    assert seen == [30 / 70, 60 / 70, 1.0]


def test_it_is_frozen_and_in_eval_mode(model):
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.threshold = 1.0
    assert not model.encoder.training
    assert not any(p.requires_grad for p in model.encoder.parameters())


def test_threads_get_what_one_gets(model, items):
    expected = model.embed(items, batch=16)
    found = [None] * 6

    def work(i):
        found[i] = model.embed(items, batch=16)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for z in found:
        np.testing.assert_allclose(z, expected, atol=1e-6)


def test_what_it_knows_of_its_run(tiny_run):
    model = trained.load("tiny")
    run = Run(tiny_run)
    assert model.name == "tiny"
    assert model.threshold == 0.02
    assert model.weights_digest == run.weights_digest() == run.card()["weights"]["best"]
    assert trained.load(run, weights="last").weights_digest == model.weights_digest


@pytest.mark.parametrize("card", [None, "{", '{"threshold": null}', '{"threshold": NaN}', '{"threshold": "x"}'])
def test_a_run_without_a_usable_threshold_has_none(tiny_run, card):
    (tiny_run / "card.json").unlink()
    if card is not None:
        (tiny_run / "card.json").write_text(card)
    assert trained.load(tiny_run).threshold is None


def weights(folder):
    return load_file(folder / "best.safetensors")


def rewrite(folder, table):
    checkpoint.save_weights(folder / "best.safetensors", table)


def cut(folder):
    path = folder / "best.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def another_version(folder):
    save_file(weights(folder), folder / "best.safetensors", metadata={"format": "siamese-lab-9"})


def no_version(folder):
    save_file(weights(folder), folder / "best.safetensors")


def one_missing(folder):
    table = weights(folder)
    table.pop("encoder.head.bias")
    rewrite(folder, table)


def one_too_many(folder):
    rewrite(folder, weights(folder) | {"encoder.more": torch.zeros(2)})


def not_a_number(folder):
    table = weights(folder)
    table["encoder.head.bias"][0] = float("nan")
    rewrite(folder, table)


def another_size(folder):
    value = json.loads((folder / "config.json").read_text())
    value["config"]["embedding_size"] = 32
    (folder / "config.json").write_text(json.dumps(value))


def foreign_config(folder):
    value = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(value | {"format": 7}))


def unknown_setting(folder):
    value = json.loads((folder / "config.json").read_text())
    value["config"]["flavour"] = "red"
    (folder / "config.json").write_text(json.dumps(value))


def no_input_yet(folder):
    value = json.loads((folder / "config.json").read_text())
    value.pop("input")
    (folder / "config.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (cut, "cut short or damaged"),
        (lambda f: (f / "best.safetensors").write_bytes(b""), "cut short or damaged"),
        (lambda f: (f / "best.safetensors").write_bytes(b"PK\x03\x04" * 100), "cut short or damaged"),
        (lambda f: (f / "best.safetensors").unlink(), "no trained weights yet"),
        (another_version, "siamese-lab-9"),
        (no_version, "format None"),
        (one_missing, "encoder.head.bias' is missing"),
        (one_too_many, "'encoder.more' is not part"),
        (not_a_number, "not numbers"),
        (another_size, r"is \(16,\) and should be \(32,\)"),
        (lambda f: (f / "config.json").unlink(), "no run|not a run"),
        (lambda f: (f / "config.json").write_text('{"format": 1, "conf'), "cannot be read"),
        (foreign_config, "format 7"),
        (unknown_setting, "'flavour'"),
        (no_input_yet, "not loaded its data"),
    ],
)
def test_spoiled_runs_are_refused_in_one_sentence(tiny_run, spoil, what):
    spoil(tiny_run)
    with pytest.raises(RunError, match=what) as told:
        trained.load(Run(tiny_run))
    assert "\n" not in str(told.value)


def test_other_weights_devices_and_batches_are_refused(tiny_run, model, items):
    with pytest.raises(ConfigError, match="best or last"):
        trained.load(tiny_run, weights="worst")
    with pytest.raises(DeviceError):
        trained.load(tiny_run, device="abacus")
    with pytest.raises(ConfigError, match="at least 1"):
        model.embed(items, batch=0)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": torch.tensor(1.0)},
        {"mean": torch.tensor([np.nan, 0.0])},
        {"usual": torch.tensor([1.0, np.inf])},
        {"precision": torch.full((2, 2), np.nan)},
        {"precision": torch.eye(3)},
        {"mean": torch.zeros(2, dtype=torch.bfloat16)},
        {"mean": torch.zeros(2, dtype=torch.float8_e4m3fn)},
    ],
)
def test_a_reference_that_makes_no_sense_is_not_used(tiny_run, change):
    sound = {"mean": torch.zeros(2), "precision": torch.eye(2), "usual": torch.tensor([1.0, 2.0])}
    path = tiny_run / "reference.safetensors"
    path.write_bytes(save(sound))
    assert trained.load(tiny_run).novelty is not None
    path.write_bytes(save(sound | change))
    found = trained.load(tiny_run).novelty
    assert found is None or np.isfinite(found.distances(np.ones((1, 2)))).all()


def test_a_batch_fits_the_device_and_changes_nothing(model, items):
    small, large = InputSpec(1, 28, 28), InputSpec(3, 100, 200)
    assert trained.batch_of(small, "cpu") > trained.batch_of(large, "cpu") >= 16
    assert trained.batch_of(large, "cuda") == 256
    np.testing.assert_allclose(model.embed(items), model.embed(items, batch=7), rtol=1e-5, atol=1e-6)
