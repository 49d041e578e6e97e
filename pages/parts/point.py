"""One point of a map: its picture, and its true neighbours with their distances and probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from pages.parts import show
from siamese_core.calibration import Calibration


def draw(
    found: Mapping[str, np.ndarray],
    chosen: int,
    near: np.ndarray,
    distances: np.ndarray,
    ink: bool,
    calibration: Calibration | None,
    across: int = 3,
    early: bool = False,
) -> None:
    """The point `chosen` of a map, and its neighbours (K,), nearest first, with their distances (K,), `across` of them
    in a row. `early`: the map is of one epoch, for which nothing was calibrated."""
    names, labels = [show.class_name(n) for n in found["class_names"]], found["labels"]
    name = names[labels[chosen]]
    with st.container(horizontal=True, gap="small"):
        if "pixels" in found:
            show.picture(shown(found, chosen, ink), f"The chosen picture, of class {name}", side=112)
        with st.container(key="map_point", gap="xsmall"):
            group, _, last = name.rpartition("/")
            st.markdown(f"**{show.plain(last)}**" + (f"  \n{show.plain(group)}" if group else ""))
            if words := place_of(found, chosen):
                st.caption(words)
    st.caption(f"Its true neighbours, wherever the map has put them, with {_measures(calibration, early)}:")
    with st.grid(across, min_column_width=76, gap="small") as grid:
        for i, d in zip(near, distances, strict=True):
            with grid.cell():
                of = names[labels[i]]
                if "pixels" in found:
                    show.picture(shown(found, int(i), ink), f"A neighbour of class {of} at distance {d:.3g}", side=72)
                colour = "green" if of == name else "red"
                group, _, last = of.rpartition("/")
                other = f"{show.plain(group)}  \n" if group != name.rpartition("/")[0] else ""
                st.caption(f"{other}:{colour}[{show.plain(last)}]  \n{nearness(float(d), calibration)}")


def nearness(distance: float, calibration: Calibration | None) -> str:
    """'0.12 · 87%': a distance and, where that is known, how likely both are of one class."""
    number = show.number(distance)
    return number if calibration is None else f"{number} · {show.likely(calibration.probability(distance))}"


def place_of(found: Mapping[str, np.ndarray], chosen: int) -> str:
    """How good the place of a point on the map is, among all; empty where that is not known."""
    if "error" not in found or not np.isfinite(found["error"][chosen]):
        return ""
    measured = found["error"][np.isfinite(found["error"])]
    better = float((measured < found["error"][chosen]).mean())
    if better < 0.005:
        return "The map places this point as well as any."
    return f"The map places {better:.0%} of the points better than this one."


def _measures(calibration: Calibration | None, early: bool) -> str:
    if early:
        return "the network's distance after that epoch (the run is calibrated for its best weights alone)"
    if calibration is None:
        return "the network's own distance (this run is not calibrated, so there is no probability)"
    return "the network's own distance and the probability of one class"


def shown(found: Mapping[str, np.ndarray], i: int, ink: bool) -> np.ndarray:
    """A picture as people see it."""
    pixels = found["pixels"][i]
    pixels = 255 - pixels if ink else pixels
    return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
