"""What was measured of a run, on screen: the figures, and one view at a time of where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import beside_view, charts, charts_rates, show, theme
from siamese_core import curves, evaluation
from siamese_core.evaluation import Evaluation
from siamese_core.paired import Paired
from siamese_core.types import LabelledSet

SHEET = 72  # of a picture among mistakes, in pixels


def draw(found: Sequence[Evaluation], data: LabelledSet, difference: Paired | None = None) -> None:
    """The whole evaluation, of one run or of two on the same pairs; `data` is what it was measured on."""
    first = found[0]
    for text in _warnings(found):
        st.warning(show.plain(text), icon=":material/warning:")
    for one in found:
        _headline(one, named=len(found) > 1)
    if difference is not None:
        beside_view.draw(difference, first.run, found[1].run)
    shown = "Grey and shaded" if difference is None else "Grey, shaded, and lines through dots"
    st.caption(
        f"{len(first.scored):,} pairs, half of them the same, of {first.items:,} pictures in "
        f"{len(first.class_names):,} classes of {show.plain(first.data)}. {shown}: 95% intervals ("
        f"{show.plain(first.intervals_over)})."
    )
    views = {"Errors": _errors, "Mistakes": _mistakes, "Classes": _classes, "Search and one-shot": _search}
    if any(f.probability is not None for f in found):
        views["Probabilities"] = _probabilities
    view = st.segmented_control("View", list(views), default="Errors", key="evaluate_view", required=True,
                                label_visibility="collapsed")  # fmt: skip
    views[view](found, data)


def _warnings(found: Sequence[Evaluation]) -> list[str]:
    """Each once; what is not said of all runs is said of its own."""
    of_all = [w for w in found[0].warnings if all(w in f.warnings for f in found)]
    return list(dict.fromkeys(of_all + [f"{f.run}: {w}" for f in found for w in f.warnings if w not in of_all]))


def _headline(found: Evaluation, named: bool) -> None:
    if named:
        st.markdown(f"**{show.plain(found.run)}**")
    eer, _ = found.eer
    at = f"at the threshold {show.number(found.threshold)}"
    figures = (
        ("Equal error rate", eer, "eer", "Where the threshold is such that both kinds of error are equally frequent."),
        ("AUC", found.auc, "auc", "How often a pair of one class is nearer than a pair of two classes. Chance: 50%."),
        ("False accepts", found.far, "far", f"The share of pairs of two classes that are called the same, {at}."),
        ("False rejects", found.frr, "frr", f"The share of pairs of one class that are called different, {at}."),
    )
    with st.grid(4, min_column_width=190, gap="small"):
        for label, value, key, words in figures:
            between = found.intervals.get(key)
            st.metric(label, show.rate(value), border=True, help=words,
                      delta=f"{show.rate(between[0])} to {show.rate(between[1])}" if between else None,
                      delta_color="off", delta_arrow="off")  # fmt: skip


def _errors(found: Sequence[Evaluation], data: LabelledSet) -> None:
    rates = {f.run: f.rates for f in found}
    bands = {f.run: (f.roc.far, f.roc.frr_low, f.roc.frr_high) for f in found if f.roc is not None}
    first, whose = found[0], _whose(found)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            st.markdown(f"**How the distances{whose} lie**", help="The less the two hills overlap, the fewer errors.")
            bins = curves.histogram(first.scored)
            show.chart(
                charts.distance_scale(bins["edges"], bins["same"], bins["different"], first.threshold, height=320),
                "Histogram of the distances of same and different pairs, with the threshold.", "evaluate_scores",
            )  # fmt: skip
        with grid.cell():
            st.markdown(
                f"**Errors{whose} as the threshold moves**",
                help="A low threshold refuses too many same pairs; a high one accepts too many different ones.",
            )
            show.chart(charts_rates.by_threshold(first.rates, first.threshold, first.bands),
                       "False accept and false reject rates against the threshold.", "evaluate_moving")  # fmt: skip
        with grid.cell():
            st.markdown("**ROC**", help="Every threshold is a point: up is good, right is bad.")
            show.chart(charts_rates.roc(rates, first.threshold, bands),
                       f"Receiver operating characteristic, area {first.auc:.3f}.", "evaluate_roc")  # fmt: skip
        with grid.cell():
            st.markdown("**DET**", help="Both error rates, with room for small ones: down and left is good.")
            show.chart(charts_rates.det(rates, first.threshold, bands),
                       f"Detection error trade-off, equal error rate {first.eer[0]:.1%}.", "evaluate_det")  # fmt: skip
        with grid.cell():
            st.markdown("**Precision and recall**", help="Of the pairs that are called the same, how many are.")
            show.chart(charts_rates.precision_recall(rates), "Precision against recall.", "evaluate_pr")
        with grid.cell():
            st.markdown(f"**At the threshold{whose}**")
            _confusion(first)


def _whose(found: Sequence[Evaluation], word: str = "of") -> str:
    """Of which run a part is that shows the first one only, where there are two."""
    return f" {word} {show.plain(found[0].run)}" if len(found) > 1 else ""


def _confusion(found: Evaluation) -> None:
    counts = curves.confusion(found.scored, found.threshold)
    same, different = found.scored.n_same, found.scored.n_different
    rows = [
        "| | called the same | called different |\n|:--|--:|--:|",
        f"| **{same:,} same pairs** | :green[{counts['accepted_same']:,}] | :red[{counts['refused_same']:,}] |",
        f"| **{different:,} different pairs** | :red[{counts['accepted_different']:,}] | "
        f":green[{counts['refused_different']:,}] |",
    ]
    st.markdown("\n".join(rows))
    whose = "the run's own" if found.own_threshold else "where both errors are equal here, as the run has none"
    st.caption(f"The threshold of {show.number(found.threshold)} is {whose}.")


def _mistakes(found: Sequence[Evaluation], data: LabelledSet) -> None:
    first = found[0]
    impostors, genuines = evaluation.worst(first)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        for title, words, which, wrong in (
            ("Two classes, most alike", "The nearest pairs of two different classes.", impostors, "accepted"),
            ("One class, least alike", "The farthest pairs of one class.", genuines, "refused"),
        ):
            with grid.cell():
                st.markdown(f"**{title}{_whose(found, 'to')}**", help=words)
                for p in which:
                    _pair(first, data, int(p), wrong)


def _pair(found: Evaluation, data: LabelledSet, p: int, wrong: str) -> None:
    scored = found.scored
    if scored.first is None or scored.second is None:
        return
    a, b = int(scored.first[p]), int(scored.second[p])
    names = [show.class_name(data.class_names[int(data.labels[i])]) for i in (a, b)]
    distance = float(scored.distances[p])
    mistaken = (distance <= found.threshold) != bool(scored.same[p])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for i, name in zip((a, b), names, strict=True):
            show.picture(data.items.natural(i), f"A picture of {name}", None, SHEET)  # type: ignore[attr-defined]
        said = " and ".join(dict.fromkeys(show.plain(n) for n in names))
        told = f":red[wrongly {wrong}]" if mistaken else ":green[still right]"
        st.markdown(f"{said}  \n:small[distance {show.number(distance)}, {told}]", width="stretch")


def _classes(found: Sequence[Evaluation], data: LabelledSet) -> None:
    first = found[0]
    for title, parts in (("Groups", first.groups), ("Classes", first.classes)):
        if not parts:
            continue
        st.markdown(f"**{title}, the hardest{_whose(found, 'for')} first**")
        show.chart(charts_rates.parts(parts), f"Error rates of the hardest {title.lower()}.", f"evaluate_{title}")
        if len(parts) > 15:
            st.caption(f"The 15 hardest of {len(parts)}.")


def _search(found: Sequence[Evaluation], data: LabelledSet) -> None:
    if len(found) > 1:
        _recalls(found)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        if len(found) == 1:
            with grid.cell():
                _recalls(found)
        for i, f in enumerate(found):
            if not f.grid:
                continue
            with grid.cell():
                name = f" of {show.plain(f.run)}" if len(found) > 1 else ""
                st.markdown(f"**One-shot accuracy{name}**",
                            help="Random tasks: one of so many classes, from so many examples each.")  # fmt: skip
                ink = theme.ink(show.dark())
                show.chart(charts_rates.grid(f.grid, ink), "Accuracy by number of ways and shots, with 95% intervals.",
                           f"evaluate_grid_{i}")  # fmt: skip
                st.caption(
                    f"With 95% intervals over {f.grid[0].episodes} tasks each. Chance is one in the number of ways."
                )


def _recalls(found: Sequence[Evaluation]) -> None:
    st.markdown("**Search**", help="Each picture asks for the nearest of all others.")
    rows = ["| Run | " + " | ".join(f"among {k}" for k, _ in _recall(found[0])) + " | MAP@R |",
            "|:--|" + "--:|" * (len(_recall(found[0])) + 1)]  # fmt: skip
    for f in found:
        rates = [show.rate(r) for _, r in _recall(f)] + [show.rate(f.search.map_at_r if f.search else None)]
        rows.append(f"| {show.plain(f.run)} | " + " | ".join(rates) + " |")
    st.markdown("\n".join(rows))
    st.caption("How often one of the same class is among the nearest 1, 5 or 10. MAP@R looks at as many places as the "
               "class has other pictures.")  # fmt: skip


def _probabilities(found: Sequence[Evaluation], data: LabelledSet) -> None:
    told = {f.run: curves.reliability(f.probability, f.scored.same) for f in found if f.probability is not None}
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Does a probability mean what it says?**",
                    help="Of all pairs that were told 80%, four of five should be the same.")  # fmt: skip
        show.chart(charts_rates.reliability(told), "Reliability diagram.", "evaluate_reliability")
    with right:
        st.markdown("**How far off, in numbers**", help="Over all pairs that were measured.")
        rows = ["| Run | ECE | Brier score | Skill |\n|:--|--:|--:|--:|"]
        for f in found:
            if f.probability is None:
                rows.append(f"| {show.plain(f.run)} | not calibrated | – | – |")
                continue
            s = curves.summary(f.probability, f.scored.same)
            rows.append(f"| {show.plain(f.run)} | {s['ece']:.3f} | {s['brier']:.3f} | {s['brier_skill']:.0%} |")
        st.markdown("\n".join(rows))
        st.caption("ECE, the expected calibration error: how far told and true lie apart on average, in 15 bins of "
                   "equally many pairs. Brier score: the mean squared error of the probability; 0 is perfect, 0.25 is "
                   "what always saying 50% gets. Skill: how much of that is saved; below 0% it is worse.")  # fmt: skip


def _recall(found: Evaluation) -> tuple[tuple[int, float], ...]:
    return found.search.recall if found.search else ()
