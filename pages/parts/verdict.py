"""What a network says of a pair: the verdict in words, the distance on its scale, other runs' verdicts."""

from __future__ import annotations

import streamlit as st

from pages.parts import cache, charts, frame, show, theme
from pages.parts.pairs import Side
from siamese_core.errors import SiameseError
from siamese_core.runs import Run
from siamese_core.verifier import Comparison, compare

MOST_OTHERS = 3  # runs beside the current one: as many networks as are kept in memory
CLOSE = 0.15  # of the threshold


def judged(run: Run, a: Side, b: Side) -> Comparison:
    """A run's verdict on a pair. Raises RunError, DataError."""
    spec = run.spec()
    return compare(cache.trained(run), a.fit(spec), b.fit(spec))[0]


def word(found: Comparison) -> str:
    """The verdict as coloured Markdown with its icon."""
    if found.same is None:
        return ":gray[no threshold, no verdict]"
    said, colour, icon = ("Same class", "green", "same") if found.same else ("Different classes", "red", "different")
    return f":{colour}[{theme.ICONS[icon]} {said}]"


def truth(a: Side, b: Side) -> bool | None:
    """Whether the two are of one class, where their classes are known."""
    return a.name == b.name if a.known and b.known else None


def words(found: Comparison, alike: bool | None) -> None:
    """The verdict, and the sentences that give its reason and say whether it is right, where that is known."""
    if found.same is None or found.threshold is None:
        st.markdown(f"### Distance {show.number(found.distance)}")
        st.caption("This run has no threshold, so there is no verdict; smaller means more alike.")
        return
    st.markdown(f"## {word(found)}", anchors=False)
    share = found.distance / found.threshold if found.threshold > 0 else float("inf")
    near = " It is a close call." if abs(share - 1) < CLOSE else ""
    told = ""
    if alike is not None:
        are = "both are of one class" if alike else "they are of two classes"
        told = f" **{'Right' if found.same == alike else 'Wrong'}**: {are}."
    st.markdown(
        f"Their distance is **{show.number(found.distance)}**, {'below' if found.same else 'above'} this run's "
        f"threshold of {show.number(found.threshold)}.{near}{told}"
    )


def scale(run: Run, found: Comparison) -> None:
    """The distance among those of validation pairs, where the run's card has them."""
    validation = (run.card() or {}).get("distances")
    if not validation or found.threshold is None:
        return
    show.chart(
        charts.distance_scale(
            validation["edges"], validation["same"], validation["different"], found.threshold, found.distance
        ),
        f"Histogram of the distances of equal and different validation pairs, with this pair at "
        f"{show.number(found.distance)} and the threshold at {show.number(found.threshold)}.",
        "compare_scale",
    )
    st.caption("Bars: pairs of validation classes, which the network has not learnt from.")


def others(run: Run, found: Comparison, a: Side, b: Side) -> None:
    """The same pair on other runs that can be used, each judged by its own threshold."""
    usable = {r.name: r for r in frame.usable()}
    names = [n for n, r in usable.items() if r.folder != run.folder]
    if not names:
        return
    chosen = st.multiselect("Try the same pair on other runs", names, key="compare_others", max_selections=MOST_OTHERS,
                            placeholder=f"choose up to {MOST_OTHERS}")  # fmt: skip
    if not chosen:
        return
    rows = [_row(run.name, found), *(_other(usable[name], a, b) for name in chosen)]
    head = "| Run | Verdict | Distance | Its threshold | Distance in thresholds |\n|:--|:--|--:|--:|--:|"
    st.markdown("\n".join([head, *rows]))
    st.caption("Distances of different networks have different scales; each is judged by its own run's threshold.")


def _other(run: Run, a: Side, b: Side) -> str:
    try:
        return _row(run.name, judged(run, a, b))
    except SiameseError as error:
        return f"| {show.plain(run.name)} | {show.plain(error)} | – | – | – |"


def _row(name: str, found: Comparison) -> str:
    share = f"{found.distance / found.threshold:.2f}" if found.threshold else "–"
    numbers = f"{show.number(found.distance)} | {show.number(found.threshold)} | {share}"
    return f"| {show.plain(name)} | {word(found)} | {numbers} |"
