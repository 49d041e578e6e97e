"""A finished run, made without a training."""

from __future__ import annotations

from pathlib import Path

from siamese_core.types import InputSpec


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


def make_it_see_faces(folder: Path) -> None:
    """Let a finished run read photos, cropped to the face."""
    from siamese_core.files import read_json, write_json

    manifest = read_json(folder / "config.json")
    manifest["input"] |= {"polarity": "photo", "crop": "face"}
    manifest["config"]["crop"] = "face"
    write_json(folder / "config.json", manifest)
