"""From settings to what the loop trains on: load, split by class, bring to the network's input size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import datasets
from siamese_core.config import TrainConfig
from siamese_core.datasets.splits import split_by_class, watched
from siamese_core.errors import ConfigError
from siamese_core.modalities import face
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, Items, LabelledSet, Split

EXTRA_CLASSES = 400
EXTRA_HANDS = 8


@dataclass(frozen=True)
class Prepared:
    """The three parts, fitted to `spec`; `train` may hold extra invented classes after its own.

    Where the training learns from all classes, `validation` is a share of `train`, to show curves of.
    """

    spec: InputSpec
    train: LabelledSet
    validation: LabelledSet
    test: LabelledSet
    split: Split
    about: dict[str, Any]  # for config.json: name, digest, classes, items, groups, about
    names: dict[str, list[str]]  # for config.json: class names of the three parts
    notes: tuple[str, ...] = ()  # what people should know of the pictures, in plain words


def prepare(
    config: TrainConfig,
    data_root: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    names: dict[str, list[str]] | None = None,
) -> Prepared:
    """Load and split. `names`, from an earlier start of the same run, fixes the split by class names.

    Raises DataError or ConfigError in plain words.
    """
    _must_be_there(config.dataset, begun=names is not None)
    whole = datasets.load(config.dataset, data_root, progress=progress)
    split = _split(whole, config) if names is None else _split_of(whole, names)
    spec = fitted_spec(whole, config)
    train, validation, test = (
        _fitted(whole.classes(part), spec, progress) for part in (split.train, split.validation, split.test)
    )
    notes = face_words(train, validation, test)
    if config.all_classes:
        validation = train.classes(watched(train, config.seed))
    if config.extra_classes == "glyphs":
        train = with_glyphs(train, config.seed, progress)
    about = {
        "name": whole.name,
        "digest": whole.digest,
        "classes": whole.n_classes,
        "items": len(whole),
        "groups": list(whole.group_names),
        "about": whole.about,
    }
    parts = {name: [whole.class_names[c] for c in getattr(split, name)] for name in ("train", "validation", "test")}
    return Prepared(spec, train, validation, test, split, about, parts, notes)


def _split(whole: LabelledSet, config: TrainConfig) -> Split:
    return split_by_class(whole, config.seed, config.hold_out, config.all_classes)


def fitted_spec(whole: LabelledSet, config: TrainConfig) -> InputSpec:
    """What the network reads of this set: its kind of picture, in the size, colour and crop that the settings say.

    Pictures that the set has cropped to their ink already stay so, whatever the settings. Raises ConfigError when
    faces are to be looked for in ink on paper.
    """
    spec = whole.items.spec
    height, width = config.picture
    channels = {"grey": 1, "colour": 3}.get(config.colour, spec.channels)
    if config.crop == "ink" and spec.polarity != "ink":  # photos of paper
        channels = 1 if config.colour == "as_stored" else channels
        spec = replace(spec, polarity="ink")
    if config.crop == "face" and spec.polarity != "photo":
        raise ConfigError(
            f"Faces are looked for in photos, but the pictures of {whole.name} are ink on paper; set Crop to 'none'."
        )
    crop = spec.crop if config.crop == "none" else config.crop
    return replace(spec, height=height, width=width, channels=channels, crop=crop)


def face_words(*parts: LabelledSet) -> tuple[str, ...]:
    """Of fitted parts, in words, in how many pictures no face was found; empty when there is nothing to say."""
    looked = [part.items.faces for part in parts if isinstance(part.items, ImageItems) and part.items.faces is not None]
    return tuple(face.words(np.concatenate(looked))) if looked else ()


def with_glyphs(train: LabelledSet, seed: int, progress: Callable[[str, float], None] | None = None) -> LabelledSet:
    """The training part with invented characters after its own classes, as groups of their own.

    Beside the digits they are drawn and scanned as those were. Only for ink on paper in grey.
    """
    from siamese_core.datasets.digits import with_paper
    from siamese_core.datasets.glyphs import glyphs

    spec = train.items.spec
    if spec.polarity != "ink" or spec.channels != 1:
        raise ConfigError("Extra classes of invented characters go with ink on paper only; set them to 'none'.")
    if train.name == "digits":
        extra = glyphs(EXTRA_CLASSES, EXTRA_HANDS, 8, seed + 1, alphabets=30, style="scan", progress=progress)
        assert isinstance(extra.items, ImageItems)
        pixels = with_paper(extra.items.pixels)
        items: Items = ImageItems(pixels, replace(spec, height=pixels.shape[2], width=pixels.shape[3])).fitted(spec)
    else:
        extra = glyphs(EXTRA_CLASSES, EXTRA_HANDS, spec.height, seed + 1, alphabets=30, progress=progress)
        items = extra.items.fitted(spec)
    assert isinstance(items, ImageItems)
    assert isinstance(train.items, ImageItems)
    own = np.zeros(train.n_classes, dtype=np.int64) if train.class_groups is None else train.class_groups
    own_names = train.group_names or (train.name,)
    extra_groups = extra.class_groups if extra.class_groups is not None else np.zeros(extra.n_classes, dtype=np.int64)
    none = np.full(len(train), -1, dtype=np.int64)
    makers = none if train.makers is None else train.makers
    return LabelledSet(
        name=train.name,
        items=ImageItems(np.concatenate([train.items.pixels, items.pixels]), spec),
        labels=np.concatenate([train.labels, extra.labels + train.n_classes]),
        class_names=train.class_names + tuple(f"invented/{n}" for n in extra.class_names),
        class_groups=np.concatenate([own, extra_groups + len(own_names)]),
        group_names=own_names + tuple(f"invented {n}" for n in extra.group_names),
        makers=None if (train.makers is None or extra.makers is None) else np.concatenate([makers, extra.makers]),
        about=train.about,
    )


def _fitted(part: LabelledSet, spec: InputSpec, progress: Callable[[str, float], None] | None) -> LabelledSet:
    return part.with_items(part.items.fitted(spec, progress))


def _must_be_there(dataset: str, begun: bool) -> None:
    from siamese_core.errors import DataError

    if dataset in datasets.REGISTRY or Path(dataset).expanduser().exists():
        return
    if begun or Path(dataset).name != dataset:
        raise DataError(
            f"There are no pictures at {dataset}{' any more' if begun else ''}; put them there and resume the run, "
            "or start a new one on other pictures."
        )


def _split_of(whole: LabelledSet, names: dict[str, list[str]]) -> Split:
    from siamese_core.errors import DataError

    index = {n: i for i, n in enumerate(whole.class_names)}
    missing = [n for part in names.values() for n in part if n not in index]
    if missing:
        raise DataError(
            f"The data set {whole.name} has changed since this run began (the class '{missing[0]}' is gone); "
            "put it back or start a new run."
        )
    return Split(*(tuple(index[n] for n in names[part]) for part in ("train", "validation", "test")))
