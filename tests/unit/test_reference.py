"""What a run says of its training inputs: written by the best weights, read back, and asked about pictures."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from siamese_core import datasets, reference, trained
from siamese_core.modalities.image import ImageItems
from siamese_core.runs import Run


@pytest.fixture
def referred(tiny_run):
    """A run on the digits 0 to 5, validated on 6 and 7, with its reference."""
    run = Run(tiny_run)
    data = datasets.load("digits")
    parts = [data.classes(c).items.fitted(run.spec()) for c in (range(6), (6, 7))]
    reference.make(run, *parts)
    return run


def noise(spec, count=20):
    shape = (count, spec.channels, spec.height, spec.width)
    return ImageItems(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), spec)


def test_what_is_unlike_the_training_is_told(referred):
    model = trained.load(referred)
    others = datasets.load("digits").classes((8, 9)).items.fitted(model.spec)
    assert model.unlike(others).mean() < 0.25  # other digits are digits
    assert model.unlike(noise(model.spec)).all()
    blank = ImageItems(np.zeros((3, 1, model.spec.height, model.spec.width), np.uint8), model.spec)
    assert model.unlike(blank).all()


def test_the_sample_is_of_the_best_weights(referred):
    found = load_file(referred.folder / "reference.safetensors")
    model = trained.load(referred)
    first = datasets.load("digits").classes(range(6)).items.fitted(model.spec)
    pick = np.sort(np.random.default_rng(0).permutation(len(first))[: reference.MOST])
    assert found["embeddings"].float().numpy() == pytest.approx(model.embed(first.select(pick)), abs=2e-3)


def test_few_pictures_tell_nothing(referred):
    data = datasets.load("digits").items.fitted(referred.spec())
    reference.make(referred, data.select(np.arange(5)), data.select(np.arange(5)))
    assert trained.load(referred).unlike(noise(referred.spec())) is None


@pytest.mark.parametrize("spoil", ["gone", "cut", "other size", "nan"])
def test_a_spoiled_reference_is_no_hindrance(referred, spoil):
    path = referred.folder / "reference.safetensors"
    table = load_file(path)
    if spoil == "gone":
        path.unlink()
    elif spoil == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        table["precision"] = table["precision"] / 0 if spoil == "nan" else table["precision"][:3]
        save_file(table, path)
    assert trained.load(referred).unlike(noise(referred.spec())) is None
