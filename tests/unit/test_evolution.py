"""A run's snapshots as maps: aligned, added to without moving, and read without trust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from siamese_core import evolution
from siamese_core.errors import ConfigError, RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run

M, D = 40, 8
LABELS = np.repeat(np.arange(4), 10)


def embeddings(epoch: int, points: int = M, size: int = D) -> np.ndarray:
    """Four classes that part as epochs pass, in numbers that half precision holds exactly."""
    rng = np.random.default_rng(3)
    labels = np.arange(points) * 4 // points
    x = rng.normal(size=(4, size))[labels] * epoch / 2 + rng.normal(size=(points, size))
    return x.astype(np.float16).astype(np.float64)


def write(run: Run, epoch: int, x: np.ndarray, **more: torch.Tensor) -> None:
    folder = run.folder / "snapshots"
    folder.mkdir(exist_ok=True)
    labels = torch.from_numpy(np.arange(len(x)) * 4 // len(x))
    tensors = {
        "embeddings": torch.from_numpy(x).half().contiguous(),
        "labels": labels,
        "items": torch.arange(len(x)),
    } | more
    (folder / f"{epoch:05d}.safetensors").write_bytes(save(tensors))


@pytest.fixture
def run(tiny_run: Path) -> Run:
    """A run of four epochs and the moment before them."""
    found = Run(tiny_run)
    for epoch in range(5):
        write(found, epoch, embeddings(epoch))
    return found


@pytest.mark.parametrize("method", evolution.METHODS)
def test_frames_say_whose_points_they_are(run, method):
    found = evolution.frames(run, method)
    assert found.method == method
    assert found.epochs.tolist() == [0, 1, 2, 3, 4]
    assert found.maps.shape == (5, M, 2)
    assert found.maps.dtype == np.float32
    assert found.names == ("6", "7", "0", "1")  # validation classes come first
    assert found.unseen.tolist() == [True, True, False, False]
    assert np.array_equal(found.labels, LABELS)
    assert found.items.tolist() == list(range(M))
    assert found.notes == ()
    assert found.trust[-1] > 0.8
    assert found.apart[-1].min() > 0.7 > found.apart[0].max()


def test_a_turned_and_mirrored_epoch_is_mapped_onto_itself(run):
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    points = rng.normal(size=(30, 2))
    points -= points.mean(axis=0)
    for t in (turn, turn @ np.diag([1, -1]), -turn):
        np.testing.assert_allclose(evolution.turned(points @ t, points), points, atol=1e-12)
    for epoch, order, signs in ((5, rng.permutation(D), rng.choice([-1, 1], D)), (6, np.arange(D), -np.ones(D))):
        write(run, epoch, embeddings(4)[:, order] * signs)
    for method in evolution.METHODS:
        maps = evolution.frames(run, method).maps
        np.testing.assert_allclose(maps[5], maps[4], atol=1e-5)
        np.testing.assert_allclose(maps[6], maps[4], atol=1e-5)
        assert np.abs(maps[3] - maps[4]).max() > 0.01


def test_a_map_is_never_scaled_to_the_one_before():
    points = np.random.default_rng(0).normal(size=(30, 2))
    points -= points.mean(axis=0)
    assert np.linalg.norm(evolution.turned(points * 3, points)) == pytest.approx(3 * np.linalg.norm(points))


@pytest.mark.parametrize("method", evolution.METHODS)
def test_new_epochs_move_no_old_ones_and_what_is_known_changes_nothing(run, method):
    before = evolution.frames(run, method)
    write(run, 5, embeddings(9))
    seen: list[evolution.Frames] = []
    after = evolution.frames(run, method, known=before, so_far=seen.append)
    assert np.array_equal(after.maps[:5], before.maps)
    alone = evolution.frames(run, method)
    assert np.array_equal(after.maps, alone.maps)
    assert np.array_equal(after.trust, alone.trust)
    assert [len(s.epochs) for s in seen] == [4, 6]


def test_an_epoch_that_was_repeated_is_mapped_anew_with_all_after_it(run):
    before = evolution.frames(run, "tsne")
    write(run, 3, embeddings(7))
    after = evolution.frames(run, "tsne", known=before)
    same = [np.array_equal(a, b) for a, b in zip(after.maps, before.maps, strict=True)]
    assert same == [True, True, True, False, False]
    assert np.array_equal(after.maps, evolution.frames(run, "tsne").maps)


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (b"no tensors", "epoch 2 cannot be read, and is left out"),
        (b"", "epoch 2 cannot be read"),
        (save({"embeddings": torch.full((M, D), torch.nan).half(), "labels": torch.zeros(M, dtype=torch.int64)}),
         "epoch 2 cannot be read"),
        (save({"embeddings": torch.zeros(M, D).half()}), "epoch 2 cannot be read"),
        (save({"embeddings": torch.zeros(M, D).half(), "labels": -torch.ones(M, dtype=torch.int64)}), "cannot be read"),
        (save({"embeddings": torch.zeros(M, D).half(), "labels": torch.zeros(M - 1, dtype=torch.int64)}), "cannot be"),
        (save({"embeddings": torch.zeros(M, D + 1).half(), "labels": torch.zeros(M, dtype=torch.int64)}),
         "epoch 2 is of other points than most, and is left out"),
        (save({"embeddings": torch.zeros(M, D).half(), "labels": torch.zeros(M, dtype=torch.int64)}), "other points"),
    ],
)  # fmt: skip
def test_a_snapshot_that_cannot_be_used_is_left_out_and_told(run, spoiled, words):
    (run.folder / "snapshots" / "00002.safetensors").write_bytes(spoiled)
    found = evolution.frames(run, "pca")
    assert found.epochs.tolist() == [0, 1, 3, 4]
    assert len(found.notes) == 1
    assert words in found.notes[0]


def test_several_that_cannot_be_used_are_told_as_one(run):
    for epoch in (1, 2):
        (run.folder / "snapshots" / f"0000{epoch}.safetensors").write_bytes(b"x")
    assert evolution.frames(run, "pca").notes == ("The snapshots of epochs 1, 2 cannot be read, and are left out.",)


def test_no_snapshots_and_none_that_can_be_read_are_one_sentence(run):
    for path in evolution.present(run):
        path.write_bytes(b"x")
    with pytest.raises(RunError, match="None of the 5 snapshots of run tiny can be read"):
        evolution.frames(run)
    for path in evolution.present(run):
        path.unlink()
    (run.folder / "snapshots" / "other.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match="has no snapshots of its epochs"):
        evolution.frames(run)
    with pytest.raises(ConfigError, match="tsne or pca"):
        evolution.frames(run, "umap")


@pytest.mark.parametrize(("points", "method"), [(1, "pca"), (2, "pca"), (4, "pca"), (6, "tsne")])
def test_few_points_are_mapped_as_well_as_can_be(run, points, method):
    for epoch in range(5):
        write(run, epoch, embeddings(epoch, points))
    found = evolution.frames(run, "tsne")
    assert found.method == method
    assert bool(found.notes) == (method == "pca")
    assert np.isfinite(found.maps).all()
    assert np.isfinite(found.trust).all()


def test_one_snapshot_is_a_film_of_one_map(run):
    for path in evolution.present(run)[1:]:
        path.unlink()
    assert evolution.frames(run).maps.shape == (1, M, 2)


@pytest.mark.parametrize("size", [1, 2])
def test_embeddings_of_two_numbers_are_shown_as_they_are(run, size):
    for epoch in range(5):
        write(run, epoch, embeddings(epoch, size=size))
    found = evolution.frames(run, "tsne")
    assert found.method == "plain"
    np.testing.assert_array_equal(found.maps[4][:, :size], embeddings(4, size=size).astype(np.float32))


def test_a_network_that_maps_all_to_one_place_has_told_nothing_apart(run):
    write(run, 0, np.ones((M, D)))
    found = evolution.frames(run, "tsne")
    assert np.isfinite(found.maps).all()
    assert found.apart[0].tolist() == [0.0] * 4


def test_r_precision_is_that_of_a_slow_loop():
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(30, 3)), rng.integers(0, 4, 30)
    codes[:2] = [5, 6]  # alone in their classes
    found = evolution.r_precision(x, codes, 7)
    for c in range(7):
        shares = []
        for i in np.flatnonzero(codes == c):
            order = sorted((float(((x[i] - x[j]) ** 2).sum()), j) for j in range(30) if j != i)
            r = int((codes == c).sum()) - 1
            shares += [np.mean([codes[j] == c for _, j in order[:r]])] if r else []
        assert found[c] == pytest.approx(np.mean(shares)) if shares else np.isnan(found[c])


def test_a_run_that_learns_from_all_classes_has_no_unseen_ones(run):
    manifest = read_json(run.folder / "config.json")
    manifest["split"] = {"train": list("0123"), "validation": [], "test": []}
    write_json(run.folder / "config.json", manifest)
    found = evolution.frames(run, "pca")
    assert found.names == ("0", "1", "2", "3")
    assert not found.unseen.any()


def test_old_snapshots_without_places_are_shown_without_pictures(run):
    for epoch in range(5):
        tensors = {"embeddings": torch.from_numpy(embeddings(epoch)).half(), "labels": torch.from_numpy(LABELS),
                   "probe": torch.arange(M)}  # fmt: skip
        (run.folder / "snapshots" / f"{epoch:05d}.safetensors").write_bytes(save(tensors))
    found = evolution.frames(run, "pca")
    assert found.items is None
    assert found.names[:2] == ("6", "7")


def test_one_epoch_is_read_or_it_is_said_why_not(run):
    found = evolution.at(run, 3)
    assert (found.epoch, found.embeddings.shape) == (3, (M, D))
    np.testing.assert_array_equal(found.embeddings, embeddings(3))
    assert evolution.mapped_epochs(run) == [0, 1, 2, 3, 4]
    with pytest.raises(RunError, match="no snapshot of epoch 9; it has 0 to 4"):
        evolution.at(run, 9)
    (run.folder / "snapshots" / "00001.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match="of epoch 1 of run tiny cannot be read"):
        evolution.at(run, 1)
    (run.folder / "snapshots" / "00003.safetensors").unlink()
    with pytest.raises(RunError, match="it has 0, 1, 2, 4"):
        evolution.at(run, 3)
    nameless = {"embeddings": torch.from_numpy(embeddings(4)).half(), "labels": torch.from_numpy(LABELS)}
    (run.folder / "snapshots" / "00004.safetensors").write_bytes(save(nameless))
    with pytest.raises(RunError, match="do not say which pictures"):
        evolution.at(run, 4)
    assert evolution.mapped_epochs(run) == []
    for path in evolution.present(run):
        path.unlink()
    assert evolution.mapped_epochs(run) == []
    with pytest.raises(RunError, match="no snapshots of its epochs"):
        evolution.at(run, 0)
