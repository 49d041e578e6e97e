"""What a training will cost: the network drawn, and the time until it is done."""

from __future__ import annotations

import streamlit as st

from pages.parts import cache, charts_preview, show
from siamese_core import forecast, preview, runs
from siamese_core.config import TrainConfig
from siamese_core.types import InputSpec


def network(config: TrainConfig) -> None:
    """The layers as a picture and as a table."""
    if cache.device_words() is None:  # what computes is still being imported
        _starting()
        return
    spec = _spec(config)
    found = forecast.network(config, spec)
    entry = (spec.channels, spec.height, spec.width)
    st.markdown(
        f"**{found.parameters:,} parameters, {found.megabytes:.2g} MB.** Both pictures go through this one network: "
        "the twins share every weight, so it is counted once."
    )
    words = "; ".join(f"{layer.name}: {' × '.join(map(str, layer.shape))}" for layer in found.layers)
    show.chart(
        charts_preview.network(entry, [(layer.name, layer.shape) for layer in found.layers]), words, "preview_network"
    )
    rows = [
        {"Layer": layer.name, "What it does": layer.inside, "Output": " × ".join(map(str, layer.shape)),
         "Parameters": f"{layer.parameters:,}"}
        for layer in found.layers
    ]  # fmt: skip
    if config.normalise:
        rows[-1]["What it does"] += ", scaled to length 1"
    word = "learned weights" if found.distance else "nothing to learn"
    rows.append({"Layer": "Distance", "What it does": f"{_distance(config)}, {word}", "Output": "1",
                 "Parameters": f"{found.distance:,}"})  # fmt: skip
    st.table(rows, border="horizontal", hide_index=True)


@st.fragment(run_every=1.0)
def _starting() -> None:
    if cache.device_words() is not None:
        st.rerun()
    st.caption("Starting what computes…")


def _distance(config: TrainConfig) -> str:
    from pages.parts.forms import word

    return word(config.distance)


def _spec(config: TrainConfig) -> InputSpec:
    """What the network will read; of a set that is not there yet, grey pictures."""
    answer = cache.preview(config) if cache.is_here(config.dataset) else None
    if answer is not None and answer.value is not None:
        return answer.value.spec
    return InputSpec(3 if config.colour == "colour" else 1, *config.picture)


def time(config: TrainConfig) -> None:
    """One line: how long it will take on this machine, once that is known."""
    words = time_words(config)
    if words is None:
        _measuring(config)
    elif words:
        st.caption(words)


@st.fragment(run_every=1.0)
def _measuring(config: TrainConfig) -> None:
    if time_words(config) is not None:
        st.rerun()
    st.caption(":material/timer: Estimating the time…")


def time_words(config: TrainConfig) -> str | None:
    """How long a training will take, in words; None while that is being measured, '' when it cannot be told."""
    here = cache.is_here(config.dataset)
    answer = cache.preview(config) if here else None
    if here and answer is None:
        return None
    if answer is not None and answer.value is None:
        return ""
    measured = cache.speed(config, _spec(config), _training)
    if measured is None:
        return "" if _training() else None
    if measured.value is None or (answer is None and not config.steps_per_epoch):
        return ""
    return words_of(config, measured.value, answer.value if answer else None)


def words_of(config: TrainConfig, speed: forecast.Speed, data: preview.Preview | None) -> str:
    """The estimate, and what it rests on."""
    if data is None:
        batch, items, looked = forecast.pictures_a_batch(config), 0, forecast.LOOKED_AT
    else:
        batch = preview.images_of(preview.first_batch(data, config))
        items, looked = int(data.counts.sum()), data.validation_items
    found = forecast.forecast(config, speed, batch, items, looked)
    about = f":material/timer: About **{show.duration(_round(found.seconds))}** of training"
    if found.limited:
        return f"{about}: the time limit ends it after about {found.epochs} of {config.epochs} epochs."
    return f"{about}: {found.steps_per_epoch * config.epochs:,} batches of {batch} pictures at about {show.number(_round(1 / speed.picture))} pictures/s on this machine."  # noqa: E501


def _round(value: float) -> float:
    """Two significant digits: it is an estimate."""
    return float(f"{value:.2g}")


def _training() -> bool:
    return any(r.status().active for r in runs.all_runs(runs.runs_folder()))
