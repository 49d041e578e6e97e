"""What a check of a run found, as a list: each finding in words, with the pictures it is about side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from pages.parts import show, theme
from siamese_core.findings import PART_WORDS, SEVERITIES, Finding, Place

# How grave: what is said of it, its colour among Streamlit's text colours, its icon.
GRAVITY = {
    "problem": ("Problem", "red", theme.ICONS["warning"]),
    "look": ("Worth a look", "orange", theme.ICONS["look"]),
    "fine": ("Fine", "green", theme.ICONS["same"]),
}
SIDE = 84  # pixels of a picture on the screen

Pictures = Callable[[Place], tuple[np.ndarray, str]]  # a place -> its picture as people see it, its class's name


def draw(findings: Sequence[Finding], picture_of: Pictures) -> None:
    """The findings, the gravest first; what is fine folded away, unless there is nothing else."""
    ordered = sorted(findings, key=lambda f: -SEVERITIES.index(f.severity))
    open_ones = [f for f in ordered if f.severity != "fine"]
    fine = [f for f in ordered if f.severity == "fine"]
    for finding in open_ones:
        with st.container(border=True):
            _one(finding, picture_of)
    if not open_ones and fine:
        st.success("No leak and no shortcut was found.", icon=theme.ICONS["same"])
    if fine:
        with st.expander(f"{len(fine)} {'check' if len(fine) == 1 else 'checks'} found nothing wrong"):
            for finding in fine:
                _one(finding, picture_of)


def _one(finding: Finding, picture_of: Pictures) -> None:
    words, colour, icon = GRAVITY[finding.severity]
    st.markdown(f":{colour}[{icon} **{words}**] {show.plain(finding.sentence)}")
    if not finding.pictures:
        return
    with st.container(horizontal=True, gap="medium"):
        for pair in finding.pictures:
            with st.container(width="content", horizontal=True, gap="xsmall"):
                for place in dict.fromkeys(pair):
                    pixels, name = picture_of(place)
                    part = PART_WORDS[place[0]]
                    show.picture(pixels, f"{part} picture of {name}", f"{part}: {show.plain(name)}", SIDE)
