"""Forms made from the settings' own descriptions: label, help, range and choices come from TrainConfig."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from typing import Any

import streamlit as st

from pages.parts import state
from siamese_core import presets
from siamese_core.config import LOSS_DISTANCES, LOSS_MINING, LOSS_SAMPLERS, TrainConfig, defaults
from siamese_core.datasets.splits import read_hold_out
from siamese_core.errors import ConfigError

MAIN = ("loss", "distance", "epochs", "max_seconds")  # always in sight; the rest is in an expander
WITH_MARGIN = ("contrastive", "triplet")
APART = ("dataset", "hold_out")  # have controls of their own
NOUGHTS = {  # settings that a zero switches off, and what happens then
    "image_width": "as wide as high",
    "max_seconds": "no limit",
    "steps_per_epoch": "the whole set",
    "groups_per_batch": "all",
}
WORDS = {
    "conv4": "Conv4",
    "euclidean": "Euclidean",
    "squared_euclidean": "squared Euclidean",
    "cosine": "cosine",
    "manhattan": "Manhattan",
    "weighted_l1": "learned weighted L1",
    "contrastive": "contrastive",
    "triplet": "triplet",
    "bce": "binary cross-entropy",
    "supcon": "SupCon",
    "pairs": "pairs",
    "triplets": "triplets",
    "classes": "P classes x K pictures",
    "all": "all",
    "semi_hard": "semi-hard",
    "hard": "hardest",
    "none": "none",
    "glyphs": "invented characters",
    "as_stored": "as the pictures are",
    "ink": "to the ink",
    "auto": "automatic",
    "cpu": "CPU",
    "cuda": "NVIDIA GPU",
    "mps": "Apple GPU",
}
FIELDS: dict[str, Field[Any]] = {f.name: f for f in fields(TrainConfig)}


def word(value: Any) -> str:
    """A choice as people say it."""
    return WORDS.get(value, str(value))


def key_of(name: str) -> str:
    """The widget key of a setting on the Train page."""
    return f"train_set_{name}"


def fill(values: dict[str, Any]) -> None:
    """Put a whole configuration into the form; in a callback, or before the form is drawn."""
    clean = defaults() | values
    mine = state.lab()
    mine.draft = {n: clean[n] for n in FIELDS}
    mine.margin_by_hand = clean["margin"] != fitting(clean)
    for name in FIELDS:
        state.put(key_of(name), _shown(name, clean[name]))


def fill_preset(dataset: str, preset: str) -> None:
    """Put a preset into the form, for this data set."""
    state.lab().preset = preset
    fill(presets.build(dataset, preset).to_dict())


def settings(names: Iterable[str]) -> None:
    """Widgets for these settings, in the columns they fit in; their values go to the draft."""
    for name in names:
        state.lab().draft[name] = _value(name, _widget(FIELDS[name]))


def rare() -> dict[str, list[str]]:
    """The settings that are not always in sight, by section, in the order of the dataclass."""
    found: dict[str, list[str]] = {}
    for name, f in FIELDS.items():
        if name not in MAIN and name not in APART:
            found.setdefault(f.metadata["section"], []).append(name)
    return found


def margin_words() -> str:
    """Which margin the loss keeps and whether it suits the distance; '' for a loss without one."""
    values = state.lab().draft
    if values["loss"] not in WITH_MARGIN or values["distance"] not in LOSS_DISTANCES[values["loss"]]:
        return ""
    fits, now = fitting(values), values["margin"]
    if now == fits:
        return f"Margin {now:g}, which suits this distance."
    return f"Margin {now:g}; about {fits:g} would suit this distance."


def fitting(values: dict[str, Any]) -> float:
    """The margin that suits these settings' distance; for a loss without one, the margin as it is."""
    if values["loss"] not in WITH_MARGIN:
        return float(values["margin"])
    return presets.fitting_margin(values["loss"], values["distance"], values["embedding_size"])


def _fit_margin(name: str) -> None:
    """A setting that the margin depends on has changed: the margin follows, unless it was set by hand."""
    mine = state.lab()
    if name == "margin":
        mine.margin_by_hand = True
    elif not mine.margin_by_hand and (value := state.get(key_of(name))) is not None:
        mine.draft = mine.draft | {name: value}
        mine.draft["margin"] = fitting(mine.draft)
        state.put(key_of("margin"), mine.draft["margin"])


def hold_out() -> None:
    """Names of groups or classes that training must not see."""
    f = FIELDS["hold_out"]
    state.default(key_of("hold_out"), _shown("hold_out", state.lab().draft.get("hold_out", ())))
    text = st.text_input(
        f.metadata["label"], key=key_of("hold_out"), help=f.metadata["help"], placeholder="names, with commas between"
    )
    state.lab().draft["hold_out"] = () if text.startswith("@") else read_hold_out(text)


def read(dataset: str) -> tuple[TrainConfig | None, list[str]]:
    """The settings of the form for a data set, and everything that is wrong with them."""
    try:
        config = TrainConfig.from_dict({**state.lab().draft, "dataset": dataset})
    except ConfigError as error:
        return None, list(error.problems)
    return config, config.problems()


def mended(values: dict[str, Any]) -> dict[str, Any]:
    """The nearest settings that go together: the loss stays, what does not suit it changes."""
    loss = values["loss"]
    found = dict(values)
    if found["distance"] not in LOSS_DISTANCES[loss]:
        found["distance"] = LOSS_DISTANCES[loss][0]
    if found["sampler"] not in LOSS_SAMPLERS[loss]:
        found["sampler"] = "classes" if "classes" in LOSS_SAMPLERS[loss] else LOSS_SAMPLERS[loss][0]
    if found["sampler"] != "classes" or found["mining"] not in LOSS_MINING[loss]:
        found["mining"] = "all"
    if 0 < found["image_width"] < 12:
        found["image_width"] = 0
    if found["image_width"] not in (0, found["image_size"]):
        found["class_copies"] = False
    if loss in WITH_MARGIN and found["margin"] <= 0:
        found["margin"] = fitting(found)
    if loss == "contrastive" and found["distance"] == "cosine" and found["margin"] > 2.0:
        found["margin"] = fitting(found)
    return found


def differences(values: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """(section, label, value, differs from the default) of every setting."""
    usual = defaults()
    rows = []
    for name, f in FIELDS.items():
        value = values.get(name, usual[name])
        same = (list(value) if isinstance(value, (list, tuple)) else value) == (
            list(usual[name]) if isinstance(usual[name], tuple) else usual[name]
        )
        rows.append((f.metadata["section"], f.metadata["label"], _told(value, name), not same))
    return rows


def _told(value: Any, name: str) -> str:
    if name in NOUGHTS and value == 0:
        return NOUGHTS[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else word(value)


def _shown(name: str, value: Any) -> Any:
    if name == "hold_out":
        return ", ".join(value)
    f = FIELDS[name].metadata
    if f["low"] is not None and not isinstance(value, bool):
        kind = type(FIELDS[name].default)
        return kind(min(max(value, f["low"]), f["high"]))
    if f["choices"] and value not in f["choices"]:
        return FIELDS[name].default
    return value


def _value(name: str, shown: Any) -> Any:
    return FIELDS[name].default if shown is None else shown


def _widget(f: Field[Any]) -> Any:
    m, key = f.metadata, key_of(f.name)
    state.default(key, _shown(f.name, state.lab().draft.get(f.name, f.default)))
    draw: Callable[..., Any]
    more: dict[str, Any] = {}
    if f.name in ("loss", "distance", "embedding_size", "margin"):
        more = {"on_change": _fit_margin, "args": (f.name,)}
    if m["choices"]:
        draw, more = st.selectbox, more | {"options": list(m["choices"]), "format_func": word}
    elif isinstance(f.default, bool):
        draw = st.toggle
    elif isinstance(f.default, int):
        draw, more = st.number_input, more | {"min_value": int(m["low"]), "max_value": int(m["high"]), "step": 1}
    elif isinstance(f.default, float):
        draw = st.number_input
        more |= {"min_value": float(m["low"]), "max_value": float(m["high"]), "step": _step(f), "format": "%.6g"}
    else:
        draw = st.text_input
    return draw(m["label"], key=key, help=m["help"], **more)


def _step(f: Field[Any]) -> float:
    return {"max_seconds": 15.0, "rotation": 5.0, "learning_rate": 0.0005, "weight_decay": 0.005}.get(f.name, 0.05)
