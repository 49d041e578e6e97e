"""Named recipes: a few settings changed from the defaults, each for a purpose.

A preset says how to train; what a data set needs whatever the recipe (its picture size, say) is in
DATASETS. Explicit settings outrank both.
"""

from __future__ import annotations

import math
from typing import Any

from siamese_core.config import TrainConfig, defaults
from siamese_core.errors import ConfigError

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "about": "A minute or less: batches of classes, every pair of which is used (SupCon). "
        "On the digits, which are few, it goes on from the starter's weights.",
        "classes_per_batch": 24,
        "items_per_class": 5,
        "class_copies": True,
        "epochs": 15,
        "steps_per_epoch": 40,
        "max_seconds": 45.0,
    },
    "laptop": {
        "about": "About five minutes on two cores: hard negatives from within an alphabet.",
        "classes_per_batch": 20,
        "items_per_class": 4,
        "groups_per_batch": 3,
        "class_copies": True,
        "embedding_size": 128,
        "rotation": 15.0,
        "scale": 0.2,
        "shear": 0.2,
        "shift": 0.1,
        "epochs": 60,
        "steps_per_epoch": 50,
    },
    "pairs": {
        "about": "The textbook: explicit pairs, half of them the same, with the contrastive loss (2006).",
        "loss": "contrastive",
        "sampler": "pairs",
        "distance": "euclidean",
        "margin": 1.0,
        "epochs": 20,
        "max_seconds": 90.0,
    },
    "triplets": {
        "about": "Anchor, positive and negative, the hardest of each batch, with the triplet loss (2015).",
        "loss": "triplet",
        "sampler": "classes",
        "mining": "semi_hard",
        "distance": "euclidean",
        "margin": 0.3,
        "classes_per_batch": 16,
        "items_per_class": 6,
        "epochs": 20,
        "max_seconds": 90.0,
    },
    "koch": {
        "about": "Koch 2015: a learned weighted distance and binary cross-entropy on explicit pairs.",
        "loss": "bce",
        "sampler": "pairs",
        "distance": "weighted_l1",
        "normalise": False,
        "epochs": 20,
        "max_seconds": 90.0,
    },
    "faces": {
        "about": "Is it the same person? The centre of the picture (or the face, by Crop), 96 x 96 in three channels, "
        "with unseen people to test on (about two minutes on two cores).",
        "image_size": 96,
        "colour": "colour",
        "classes_per_batch": 16,
        "items_per_class": 5,
        "embedding_size": 128,
        "rotation": 10.0,
        "scale": 0.15,
        "shear": 0.1,
        "shift": 0.06,
        "epochs": 10,
        "steps_per_epoch": 20,
    },
    "signatures": {
        "about": "Genuine or forged? Only the ink, 100 x 200; a writer's skilled forgeries are a class of their own "
        "in each batch, and whole writers are kept to test on (about four minutes on two cores).",
        "image_size": 100,
        "image_width": 200,
        "crop": "ink",
        "groups_per_batch": 8,
        "classes_per_batch": 2,
        "items_per_class": 6,
        "embedding_size": 128,
        "rotation": 15.0,
        "scale": 0.4,
        "shear": 0.4,
        "shift": 0.06,
        "epochs": 24,
        "steps_per_epoch": 25,
    },
    "medical": {
        "about": "Find the scans that look like this one: kinds of picture that it was not trained on are told apart "
        "by their distance (about a minute on two cores).",
        "image_size": 64,
        "class_copies": True,
        "classes_per_batch": 16,
        "items_per_class": 6,
        "rotation": 10.0,
        "scale": 0.15,
        "shear": 0.1,
        "shift": 0.06,
        "epochs": 8,
        "steps_per_epoch": 20,
    },
}

PLAIN = {"image_width": 0, "colour": "as_stored", "crop": "none"}
SIGNATURES = {"image_size": 100, "image_width": 200, "crop": "ink", "colour": "as_stored", "class_copies": False}
DATASETS: dict[str, dict[str, Any]] = {
    "digits": PLAIN | {"image_size": 28, "embedding_size": 128, "extra_classes": "glyphs"},
    "glyphs": PLAIN | {"image_size": 28},
    "omniglot": PLAIN | {"image_size": 28},
    "olivetti": PLAIN | {"image_size": 48},
    "orl": PLAIN | {"image_size": 96, "colour": "colour"},
    "signatures": SIGNATURES,
    "signatures-evaluation": SIGNATURES,
    "mednist": PLAIN | {"image_size": 64},
}

# Ten classes are too few to learn from what a character is: the quick recipe goes on from the starter.
TOGETHER: dict[tuple[str, str], dict[str, Any]] = {
    ("olivetti", "faces"): {"image_size": 96, "colour": "colour"},
    ("digits", "quick"): {"start_from": "starter", "learning_rate": 5e-4, "max_seconds": 36.0},
}
SHAPE = (
    "image_size",
    "image_width",
    "colour",
    "encoder",
    "width",
    "embedding_size",
)  # what must be the starter's to start from it

_FIRST_CHOICE = {
    "omniglot": "laptop",
    "orl": "faces",
    "signatures": "signatures",
    "signatures-evaluation": "signatures",
    "mednist": "medical",
}


def for_dataset(name: str) -> str:
    """The preset that suits a data set best."""
    return _FIRST_CHOICE.get(name, "quick")


def about(preset: str) -> str:
    """One sentence on what a preset is for."""
    return str(_preset(preset)["about"])


def fitting_margin(loss: str, distance: str, embedding_size: int) -> float:
    """A margin that suits a distance between embeddings of length 1, to two significant digits.

    The same for every distance: two embeddings 60 degrees apart, which is 0.5 by the cosine, 1 by the
    Euclidean distance and its square, and about sqrt(2 D / pi) by the Manhattan distance of D numbers.
    Triplets compare two distances: 0.3 of that.
    """
    apart = {"cosine": 0.5, "manhattan": math.sqrt(2 * embedding_size / math.pi)}.get(distance, 1.0)
    return float(f"{apart * (0.3 if loss == 'triplet' else 1.0):.2g}")


def build(dataset: str, preset: str | None = None, **settings: Any) -> TrainConfig:
    """A checked config: the preset's settings, then the data set's, then those given.

    A network of another shape than the starter's starts from nothing unless told otherwise.
    Raises ConfigError with all problems at once (unknown preset or setting, impossible values).
    """
    name = preset or for_dataset(dataset)
    values: dict[str, Any] = {k: v for k, v in _preset(name).items() if k != "about"}
    values |= DATASETS.get(dataset, {}) | TOGETHER.get((dataset, name), {})
    usual = defaults()
    if any(key in settings and settings[key] != values.get(key, usual[key]) for key in SHAPE):
        values["start_from"] = "nothing"
    values |= settings | {"dataset": dataset}
    return TrainConfig.from_dict(values).check()


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise ConfigError(f"There is no preset '{name}'; choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
