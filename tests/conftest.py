"""What many tests share: folders of their own, a small run that is ready to use, networks that cannot see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from siamese_core.types import InputSpec, LabelledSet


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of real data need the data."""
    if os.environ.get("SIAMESE_DATA"):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="needs the real data sets: set SIAMESE_DATA to their folder"))


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the runs of the person who runs the tests, or waits for their trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIAMESE_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("SIAMESE_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: a second thread only waits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runs folder, which SIAMESE_RUNS names."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("SIAMESE_RUNS", str(folder))
    return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the digits, with weights as they were drawn: read only; `tiny_run` is a copy."""
    folder = tmp_path_factory.mktemp("ready") / "tiny"
    make_run(folder)
    return folder


@pytest.fixture
def tiny_run(finished_run: Path, runs_folder: Path) -> Path:
    """A finished run called 'tiny' in `runs_folder`, to be used or spoiled."""
    import shutil

    return Path(shutil.copytree(finished_run, runs_folder / "tiny"))


def make_run(folder: Path, threshold: float | None = 0.02, **settings: object) -> None:
    """Write the folder of a finished run on the digits, classes 0-5 / 6, 7 / 8, 9, with random weights."""
    import torch

    from siamese_core import checkpoint, datasets, distances, encoders, presets
    from siamese_core.files import write_json

    small = {"image_size": 12, "width": 8, "embedding_size": 16, "extra_classes": "none", "device": "cpu"}
    config = presets.build("digits", **(small | settings))
    data = datasets.load("digits")
    spec = InputSpec(1, config.image_size, config.image_size, "ink")
    torch.manual_seed(0)
    parts = {"encoder": encoders.build(config, spec), "distance": distances.build(config.distance, 16)}
    folder.mkdir(parents=True)
    tensors = {f"{k}.{n}": t.contiguous() for k, m in parts.items() for n, t in m.state_dict().items()}
    for name in ("best", "last"):
        digest = checkpoint.save_weights(folder / f"{name}.safetensors", tensors)
    names = data.class_names
    split = {"train": list(names[:6]), "validation": list(names[6:8]), "test": list(names[8:])}
    manifest = {
        "format": 1, "name": folder.name, "created": "2026-01-01T00:00:00+0000", "created_at": 0.0,
        "config": config.to_dict(), "input": spec.to_json(), "split": split,
        "data": {"name": "digits", "digest": data.digest, "classes": 10, "items": len(data), "groups": [], "about": ""},
    }  # fmt: skip
    write_json(folder / "config.json", manifest)
    validation = {"auc": 0.9, "eer": 0.1, "pair_accuracy": 0.9, "one_shot": 0.8, "n_way": 2, "pairs": 10, "epoch": 1}
    write_json(
        folder / "card.json",
        {"format": 1, "threshold": threshold, "validation": validation, "weights": {"best": digest}},
    )
    train = data.classes(range(6)).items.fitted(spec)
    (folder / "train_digests.txt").write_text("\n".join(sorted(set(train.digests()))) + "\n")


class Numbers:
    """Items that are plain vectors, (N, D): what an embedder for tests reads."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=np.float32)
        self.spec = InputSpec(1, 1, self.values.shape[1])

    def __len__(self) -> int:
        return len(self.values)

    def select(self, indices: np.ndarray) -> Numbers:
        return Numbers(self.values[indices])

    def fitted(self, spec: InputSpec) -> Numbers:
        return self

    def digests(self) -> list[str]:
        return [v.tobytes().hex()[:16] for v in self.values]


class Plain:
    """An embedder of Numbers: the vectors themselves, compared by Euclidean distance."""

    threshold: float | None = 0.5

    def __init__(self) -> None:
        self.spec = InputSpec()
        self.embedded = 0

    def embed(self, items: Numbers) -> np.ndarray:
        self.embedded += len(items)
        return items.values

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a - b, axis=1)

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return np.linalg.norm(queries[:, None] - gallery[None], axis=2)


class Constant(Plain):
    """An embedder that has collapsed: everything is the same to it."""

    def embed(self, items: Numbers) -> np.ndarray:
        return np.ones((len(items), 4), dtype=np.float32)


class Random(Plain):
    """An embedder that does not look: every item somewhere, whatever it is."""

    def embed(self, items: Numbers) -> np.ndarray:
        return np.random.default_rng(1).normal(size=(len(items), 8)).astype(np.float32)


def numbers(
    classes: int = 8, per_class: int = 10, groups: int = 0, makers: int = 0, spread: float = 0.1, seed: int = 0
) -> LabelledSet:
    """A labelled set of vectors in clusters, `spread` wide, around centres 10 apart or so."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    values = 10 * rng.normal(size=(classes, 6))[labels] + spread * rng.normal(size=(len(labels), 6))
    return LabelledSet(
        name="numbers",
        items=Numbers(values),  # type: ignore[arg-type]
        labels=labels,
        class_names=tuple(f"g{c % groups}/c{c}" if groups else f"c{c}" for c in range(classes)),
        class_groups=np.arange(classes) % groups if groups else None,
        group_names=tuple(f"g{g}" for g in range(groups)),
        makers=np.tile(np.arange(per_class) % makers, classes) if makers else None,
    )
