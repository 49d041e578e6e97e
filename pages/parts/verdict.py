"""What a network says of a pair: the verdict in words, the distance on its scale, other runs' verdicts."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.parts import cache, charts, frame, show, state, theme
from pages.parts.pairs import Side
from siamese_core.errors import SiameseError
from siamese_core.runs import Run
from siamese_core.verifier import Comparison, compare

MOST_OTHERS = 3  # runs beside the current one: as many networks as are kept in memory
CLOSE = 0.15  # of the threshold


def judged(run: Run, a: Side, b: Side) -> Comparison:
    """A run's verdict on a pair; the pictures are encoded once. Raises RunError, DataError."""
    model, spec = cache.trained(run), run.spec()
    items = a.fit(spec), b.fit(spec)
    about = (str(run.folder), *(side.digests()[0] for side in items))
    return state.remembered("pairs", about, model, lambda: compare(model, *items)[0])


SAID = {  # verdict: words, their colour in Markdown, icon, colour in figures
    "same": ("Same class", "green", "same", theme.SAME),
    "different": ("Different classes", "red", "different", theme.DIFFERENT),
    "not sure": ("Not sure", "gray", "unsure", theme.UNSURE),
}


def word(found: Comparison) -> str:
    """The verdict as coloured Markdown with its icon."""
    if found.same is None:
        return ":gray[no threshold, no verdict]"
    said, colour, icon, _ = SAID[_verdict(found)]
    return f":{colour}[{theme.ICONS[icon]} {said}]"


def _verdict(found: Comparison) -> str:
    return found.verdict or ("same" if found.same else "different")


def moved(run: Run, found: Comparison) -> Comparison:
    """The comparison at the threshold that the slider says, which it draws; runs without calibration have none."""
    calibration = cache.trained(run).calibration
    if calibration is None or found.decision is None:
        return found
    reach = calibration.rates["distance"]
    high = float(reach[-1])
    key = f"compare_threshold_{cache.weights_digest(run)}_{calibration.threshold:.6g}"
    threshold = st.slider(
        "Threshold", 0.0, round(high, 3), round(calibration.threshold, 3), 0.001, format="%.3f", key=key,
        help="Up to this distance a pair is called the same. Lower: fewer false accepts, more false rejects. The run's "
        f"own is {show.number(calibration.threshold)}.",
    )  # fmt: skip
    if abs(threshold - calibration.threshold) <= 0.0005:
        threshold = calibration.threshold  # the slider's steps are coarser
    decision = calibration.at(threshold).decide(found.distance)
    return replace(found, threshold=threshold, same=found.distance <= threshold, decision=decision)


def unlike(run: Run, a: Side, b: Side) -> None:
    """A warning where a picture is unlike anything that the network was trained on."""
    strange = [letter for letter, side in (("A", a), ("B", b)) if _unlike(run, side)]
    if strange:
        which = f"Picture {strange[0]} is" if len(strange) == 1 else "Both pictures are"
        st.warning(
            f"{which} unlike anything that this network was trained on: do not rely on the verdict.",
            icon=theme.ICONS["warning"],
        )


def _unlike(run: Run, side: Side) -> bool:
    """Whether a picture is unlike the training; it is looked at once."""
    model, items = cache.trained(run), side.fit(run.spec())
    about = (str(run.folder), items.digests()[0])
    found = state.remembered("unlike", about, model, lambda: model.unlike(items))
    return found is not None and bool(found[0])


def rates(run: Run, found: Comparison) -> None:
    """How often the rule errs, with intervals."""
    decision, calibration = found.decision, cache.trained(run).calibration
    if decision is None or calibration is None:
        return
    with st.grid(2, min_column_width=150, gap="small"):
        for label, rate, (low, high), words in (
            ("False accepts", decision.far, decision.far_interval, "pairs of two classes that are called the same"),
            ("False rejects", decision.frr, decision.frr_interval, "pairs of one class that are called different"),
        ):
            st.metric(label, show.rate(rate), f"{show.rate(low)} to {show.rate(high)}", delta_color="off",
                      delta_arrow="off", border=True,
                      help=f"Of 100 {words}, about so many at this threshold, with a 95% interval.")  # fmt: skip
    learnt = "." if run.config().all_classes else ", which the network has not learnt from."
    st.caption(f"Fitted on {show.plain(calibration.source)} ({show.plain(calibration.intervals_are_over)}){learnt}")


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
    st.markdown(f"{_reason(found)}{_told(found, alike)}")


def _reason(found: Comparison) -> str:
    """Why the verdict is as it is."""
    where = (
        f"Their distance is **{show.number(found.distance)}**, {'below' if found.same else 'above'} the "
        f"threshold of {show.number(found.threshold)}."
    )
    if found.probability is None:
        share = found.distance / found.threshold if found.threshold else float("inf")
        return where + (" It is a close call." if abs(share - 1) < CLOSE else "")
    chance = f"The probability that they are of the same class is **{show.likely(found.probability)}**"
    if found.verdict == "not sure":
        return f"{chance}: too close to call. {where}"
    return f"{chance}. {where}"


def _told(found: Comparison, alike: bool | None) -> str:
    """Whether the verdict is right, where that is known."""
    if alike is None:
        return ""
    are = "both are of one class" if alike else "they are of two classes"
    if found.verdict == "not sure":
        return f" In truth {are}."
    return f" **{'Right' if found.same == alike else 'Wrong'}**: {are}."


def scale(run: Run, found: Comparison) -> None:
    """The distance among those of validation pairs, where the run's card has them."""
    validation = (run.card() or {}).get("distances")
    if not validation or found.threshold is None:
        return
    calibration = cache.trained(run).calibration
    low, high = calibration.band if calibration else (None, None)
    band = (min(low, found.threshold), max(high, found.threshold)) if low is not None and high is not None else None
    show.chart(
        charts.distance_scale(
            validation["edges"],
            validation["same"],
            validation["different"],
            found.threshold,
            found.distance,
            band=band,
            mark=SAID[_verdict(found)][3],
        ),
        f"Histogram of the distances of equal and different validation pairs, with this pair at "
        f"{show.number(found.distance)} and the threshold at {show.number(found.threshold)}.",
        "compare_scale",
    )
    grey = " Grey: not sure." if band else ""
    whose = show.plain(str(validation.get("of") or "validation classes, which the network has not learnt from"))
    st.caption(f"Bars: pairs of {whose}.{grey}")


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
