"""Two runs on the same pairs: which errs less often, in one sentence, and by how much, as a picture."""

from __future__ import annotations

import re

import streamlit as st

from pages.parts import charts_beside, show, theme
from siamese_core import paired
from siamese_core.paired import Paired

NAMES = {"eer": "Equal error rate", "auc": "AUC", "far": "False accepts", "frr": "False rejects"}  # as the headlines
HIGH_IS_GOOD = ("auc",)
PINNED = "p\u00a0\\1\u00a0"  # no line ends within a p-value
HELP = (
    "A paired test: the same identities are drawn anew for both runs, 500 times, and the differences are looked at. "
    "One is called more than chance where p is below 0.05. Compared are these two networks: another training with the "
    "same settings may come out differently."
)


def draw(found: Paired, first: str, second: str) -> None:
    """The verdict and the differences, first run minus second."""
    said = paired.verdict(found, f"**{show.plain(first)}**", f"**{show.plain(second)}**")
    st.markdown(f"{theme.ICONS['beside']} {re.sub('p ([<=]) ', PINNED, said)}", help=HELP)
    known = {
        words: (d, name in HIGH_IS_GOOD) for name, words in NAMES.items() if (d := found.figures[name]) is not None
    }
    told = "; ".join(f"{words} {100 * d.value:+.1f} points, {paired.p_words(d.p)}" for words, (d, _) in known.items())
    show.chart(charts_beside.differences(known, first, second),
               f"Differences of {first} from {second} with 95% intervals. {told}.", "evaluate_differences")  # fmt: skip
