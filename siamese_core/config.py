"""Every setting of a training run, once: the form, the command line and config.json are made from it.

`TrainConfig` is frozen. Its field metadata (`label`, `help`, `section`, `choices`, `low`, `high`) is
all that a form needs. `problems()` returns every problem at once, in plain words.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from siamese_core.errors import ConfigError

ENCODERS = ("conv4",)
DISTANCES = ("euclidean", "squared_euclidean", "cosine", "manhattan", "weighted_l1")
LOSSES = ("contrastive", "triplet", "bce", "supcon")
SAMPLERS = ("pairs", "triplets", "classes")
MINING = ("all", "semi_hard", "hard")

# What goes with what. A loss reads the batches named here, with the distances named here.
LOSS_SAMPLERS = {
    "contrastive": ("pairs", "classes"),
    "triplet": ("triplets", "classes"),
    "bce": ("pairs", "classes"),
    "supcon": ("classes",),
}
LOSS_DISTANCES = {
    "contrastive": ("euclidean", "squared_euclidean", "cosine", "manhattan"),
    "triplet": ("euclidean", "squared_euclidean", "cosine", "manhattan"),
    "bce": ("weighted_l1",),
    "supcon": ("cosine",),
}
LOSS_MINING = {
    "contrastive": ("all", "hard"),
    "triplet": ("all", "semi_hard", "hard"),
    "bce": ("all",),
    "supcon": ("all",),
}


def setting(
    default: Any,
    label: str,
    help: str,
    section: str,
    *,
    choices: tuple[Any, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    rare: bool = False,
) -> Any:
    """A dataclass field with all that a form and the command line need to show it."""
    return field(
        default=default,
        metadata={
            "label": label,
            "help": help,
            "section": section,
            "choices": choices,
            "low": low,
            "high": high,
            "rare": rare,
        },
    )


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a training run (see each field's help)."""

    dataset: str = setting("digits", "Data set", "A registered name, or a folder or zip of class folders.", "Data")
    hold_out: tuple[str, ...] = setting(
        (), "Hold out", "Groups or classes kept out of training and of everything fitted; they become the test part.",
        "Data", rare=True,
    )  # fmt: skip
    all_classes: bool = setting(
        False, "Learn from all classes",
        "No class is kept for validation or test: the last epoch is used, the curves show classes it learns from, and "
        "a threshold comes from folds (calibrate --folds).", "Data", rare=True,
    )  # fmt: skip
    extra_classes: str = setting(
        "none", "Extra classes",
        "Add invented characters to the training part: more classes to learn from when the set has few.",
        "Data", choices=("none", "glyphs"),
    )  # fmt: skip
    image_size: int = setting(
        28, "Picture size", "Height and width, in pixels, that the network reads.", "Data", low=12, high=224
    )
    image_width: int = setting(
        0, "Picture width", "0: as wide as high; else the width in pixels, for what is wide, as signatures are.",
        "Data", low=0, high=448, rare=True,
    )  # fmt: skip
    colour: str = setting(
        "as_stored", "Colour", "as_stored: what the set has. grey: one channel. colour: three, which are alike "
        "where the pictures are grey.", "Data", choices=("as_stored", "grey", "colour"), rare=True,
    )  # fmt: skip
    crop: str = setting(
        "none", "Crop", "none: the whole picture, or the centre of a photo. ink: pictures are taken for ink on paper, "
        "the background goes (Otsu) and only the part with ink is used. face: the largest face of a photo, its eyes at "
        "fixed places (needs OpenCV 4, see requirements-extras.txt); the centre where none is found.",
        "Data", choices=("none", "ink", "face"), rare=True,
    )  # fmt: skip
    start_from: str = setting(
        "nothing", "Start from",
        "nothing: random weights. starter: the weights of the model that comes along, which go on learning; "
        "the network must then have its picture size, width and embedding size.",
        "Network", choices=("nothing", "starter"), rare=True,
    )  # fmt: skip
    encoder: str = setting(
        "conv4", "Encoder", "The network that both pictures go through.", "Network", choices=ENCODERS
    )
    width: int = setting(
        64, "Width", "Channels of the widest layers: more learn more, and slower.", "Network", low=4, high=512
    )
    embedding_size: int = setting(
        64, "Embedding size", "How many numbers describe one picture.", "Network", low=2, high=4096
    )
    distance: str = setting(
        "cosine", "Distance", "How two embeddings are compared; smaller is closer.", "Network", choices=DISTANCES
    )
    normalise: bool = setting(
        True, "Unit length", "Scale every embedding to length 1 before comparing.", "Network", rare=True
    )
    loss: str = setting(
        "supcon", "Loss", "What the network is asked to do with equal and different pictures.", "Training",
        choices=LOSSES,
    )  # fmt: skip
    margin: float = setting(
        0.5, "Margin", "How far apart different pictures must be before the loss is content.", "Training",
        low=0.0, high=100.0,
    )  # fmt: skip
    temperature: float = setting(
        0.1, "Temperature", "SupCon only: smaller looks harder at the closest pictures.", "Training",
        low=0.01, high=10.0, rare=True,
    )  # fmt: skip
    sampler: str = setting(
        "classes", "Batches",
        "pairs: half same, half different. triplets: anchor, positive, negative. "
        "classes: P classes x K pictures, all pairs of which are used.",
        "Batches", choices=SAMPLERS,
    )  # fmt: skip
    mining: str = setting(
        "all", "Mining", "Which of the batch's pairs or triplets count: all, semi-hard, or the hardest.", "Batches",
        choices=MINING,
    )  # fmt: skip
    batch_size: int = setting(
        64, "Pairs or triplets a batch", "For the explicit pairs and triplets.", "Batches", low=2, high=4096, rare=True
    )
    classes_per_batch: int = setting(20, "Classes a batch (P)", "For batches of classes.", "Batches", low=2, high=512)
    items_per_class: int = setting(4, "Pictures a class (K)", "For batches of classes.", "Batches", low=2, high=64)
    groups_per_batch: int = setting(
        0, "Groups a batch", "Draw the classes from so many groups (alphabets): harder negatives; 0: from all.",
        "Batches", low=0, high=64, rare=True,
    )  # fmt: skip
    class_copies: bool = setting(
        False, "Mirrors and quarter turns as classes",
        "A character turned by 90 degrees or mirrored counts as another character: eight times the classes.",
        "Augmentation",
    )  # fmt: skip
    rotation: float = setting(
        10.0, "Rotation", "Random rotation up to so many degrees.", "Augmentation", low=0.0, high=180.0
    )
    scale: float = setting(
        0.15, "Scale", "Random change of size, as a fraction, in each direction.", "Augmentation", low=0.0, high=0.9
    )
    shear: float = setting(0.15, "Shear", "Random slant, as a fraction.", "Augmentation", low=0.0, high=0.9)
    shift: float = setting(
        0.08, "Shift", "Random shift, as a fraction of the picture.", "Augmentation", low=0.0, high=0.5
    )
    epochs: int = setting(
        20, "Epochs", "One epoch ends with a look at the validation classes.", "Training", low=1, high=100000
    )
    steps_per_epoch: int = setting(
        0, "Batches an epoch", "0: as many as it takes to see the set about once.", "Training", low=0, high=100000,
        rare=True,
    )  # fmt: skip
    max_seconds: float = setting(
        0.0, "Time limit (s)", "Stop well after so many seconds of training; 0: no limit.", "Training",
        low=0.0, high=604800.0,
    )  # fmt: skip
    learning_rate: float = setting(
        0.002, "Learning rate", "The highest step size; it rises at first and falls to zero at the end.", "Training",
        low=1e-6, high=1.0,
    )  # fmt: skip
    weight_decay: float = setting(
        0.01, "Weight decay", "Pulls weights toward zero.", "Training", low=0.0, high=1.0, rare=True
    )
    average: float = setting(
        0.99, "Weight averaging", "Evaluate a running average of the weights (EMA); 0: the weights themselves.",
        "Training", low=0.0, high=0.9999, rare=True,
    )  # fmt: skip
    seed: int = setting(
        0, "Seed", "The same seed, data and machine give the same run.", "Training", low=0, high=2**31 - 1
    )
    device: str = setting(
        "auto", "Device", "auto takes a GPU when there is one.", "Training", choices=("auto", "cpu", "cuda", "mps")
    )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """From plain JSON values. Raises ConfigError with every unknown key and wrong type at once."""
        hints = get_type_hints(cls)
        found: list[str] = []
        clean: dict[str, Any] = {}
        for key, value in values.items():
            if key not in hints:
                found.append(f"There is no setting called {_short(key)}; remove it.")
                continue
            want = hints[key]
            if want is float and type(value) is int:
                value = float(value) if abs(value) < 1e18 else value
            if key == "hold_out" and isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
                value = tuple(value)
            elif (want in (int, float, str, bool) and type(value) is not want) or key == "hold_out":
                found.append(f"The setting '{key}' must be {_NAMES.get(want, 'a list of names')}, not {_short(value)}.")
                continue
            clean[key] = value
        if found:
            raise ConfigError(found)
        return cls(**clean)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the inverse of `from_dict`."""
        return {**asdict(self), "hold_out": list(self.hold_out)}

    @property
    def picture(self) -> tuple[int, int]:
        """Height and width, in pixels, of what the network reads."""
        return self.image_size, self.image_width or self.image_size

    def problems(self) -> list[str]:
        """Everything that is wrong with these settings, in plain words; empty when they can be trained."""
        found = []
        for f in fields(self):
            value, m = getattr(self, f.name), f.metadata
            if m["choices"] and value not in m["choices"]:
                found.append(f"{m['label']} is {_short(value)}, but must be one of: {', '.join(m['choices'])}.")
            if m["low"] is not None and not m["low"] <= value <= m["high"]:
                found.append(f"{m['label']} is {value}, but must be between {m['low']:g} and {m['high']:g}.")
        found += self._shape_problems()
        if self.loss in LOSSES:
            for name, table in (("distance", LOSS_DISTANCES), ("sampler", LOSS_SAMPLERS)):
                if (value := getattr(self, name)) not in table[self.loss]:
                    what = {"distance": "the distance", "sampler": "batches of"}[name]
                    found.append(
                        f"The {self.loss} loss does not go with {what} '{value}'; use {' or '.join(table[self.loss])}."
                    )
            if self.sampler == "classes" and self.mining not in LOSS_MINING[self.loss]:
                found.append(
                    f"The {self.loss} loss has no '{self.mining}' mining; use {' or '.join(LOSS_MINING[self.loss])}."
                )
        if self.sampler != "classes" and self.mining != "all":
            found.append("Mining looks inside batches of classes; with explicit pairs or triplets use 'all'.")
        if self.loss in ("contrastive", "triplet") and self.margin <= 0:
            found.append(f"Margin is {self.margin:g}, but must be above 0.")
        if self.distance == "cosine" and self.loss == "contrastive" and self.margin > 2:
            found.append("Margin must be at most 2 with the cosine distance, which ends there.")
        return found

    def _shape_problems(self) -> list[str]:
        """What is wrong with the pictures' width."""
        if 0 < self.image_width < 12:
            return [f"Picture width is {self.image_width}, but must be 0 or between 12 and 448."]
        height, width = self.picture
        if self.class_copies and height != width:
            return [
                f"Pictures of {height} x {width} pixels cannot be quarter-turned; make them square (Picture width 0) "
                "or switch off mirrors and quarter turns."
            ]
        return []

    def check(self) -> TrainConfig:
        """This config; raises ConfigError with all problems if there are any."""
        if found := self.problems():
            raise ConfigError(found)
        return self

    def with_values(self, **values: Any) -> TrainConfig:
        """A copy with some settings changed."""
        return replace(self, **values)


def _short(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, int) and value.bit_length() > 100:
        return "a number of many digits"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_NAMES = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


def defaults() -> dict[str, Any]:
    """Every setting's default."""
    return {f.name: f.default for f in fields(TrainConfig) if f.default is not MISSING}
