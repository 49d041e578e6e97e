"""The laboratory on the One-shot page: accuracy against the number of classes and examples, and what is hard."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts import cache, charts_shots, deciding, later, show, theme
from siamese_core import laboratory
from siamese_core.laboratory import Hard, Laboratory
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

MOST_ITEMS = 3000
SIDE = 44  # of an example of a hard class, in pixels
RULES = {k: v for k, v in deciding.RULES.items() if k != "auto"}


def panel(run: Run) -> None:
    """The controls, and what was measured with them."""
    sets = cache.choices(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("From", list(sets), key="lab_set", format_func=sets.get, width=280, bind="query-params")
        rule = st.selectbox("Rule", list(RULES), key="lab_rule", format_func=RULES.get, width=215,
                            help=deciding.ABOUT_RULES, bind="query-params")  # fmt: skip
        data = cache.part_of(cache.examples(run, chosen), MOST_ITEMS)
        within = data.class_groups is not None and st.toggle(
            "Classes of one group", key="lab_within", bind="query-params",
            help="Each task takes its classes from one group (one alphabet), which are harder to tell apart.",
        )  # fmt: skip
        about = ("laboratory", cache.version(run), data.digest, rule, within)
        st.button("Measure", type="primary", key="lab_start", icon=theme.ICONS["measure"], on_click=_start,
                  args=(about, run, data, rule, within))  # fmt: skip
    found = later.outcome(about)
    if found is not None:
        _draw(found, data)
    elif not later.known(about):
        show.empty("Press **Measure**: random tasks of every size are solved, by the network and by plain pixels, and "
                   "you see how accuracy falls with more classes and rises with more examples. It takes some "
                   "seconds.")  # fmt: skip


@show.told_later
def _start(about: object, run: Run, data: LabelledSet, rule: str, within: bool) -> None:
    model = cache.trained(run)
    later.start(about, lambda progress: laboratory.study(  # type: ignore[arg-type]
        model, data, rule=rule, within_groups=within, progress=progress))  # fmt: skip


def _draw(found: Laboratory, data: LabelledSet) -> None:
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            st.markdown("**Accuracy**", help="Random tasks: name a query's class among so many, from so many examples "
                        "of each. Below each figure its 95% interval.")  # fmt: skip
            show.chart(charts_shots.heat(found.cells, theme.ink(show.dark())), _alt(found), "lab_heat")
            group = ", classes of one group a task" if found.within_groups else ""
            st.caption(f"{found.episodes} tasks each of {found.classes} classes of {show.plain(data.name)}{group}. The "
                       "intervals are over tasks.")  # fmt: skip
        with grid.cell():
            st.markdown("**More classes make it harder**", help="Dotted: plain pixels, without any network, on the "
                        "very same tasks. Bands: 95% intervals.")  # fmt: skip
            show.chart(charts_shots.against(found.cells, "n_way"), "Accuracy against the number of ways, with chance "
                       "and plain pixels.", "lab_ways")  # fmt: skip
        with grid.cell():
            st.markdown("**More examples make it easier**")
            show.chart(charts_shots.against(found.cells, "k_shot"), "Accuracy against the number of shots, with chance "
                       "and plain pixels.", "lab_shots")  # fmt: skip
    largest, fewest = max(c.n_way for c in found.cells), min(c.k_shot for c in found.cells)
    st.markdown(
        f"**The hardest classes, {largest}-way {fewest}-shot**",
        help="How often their queries were named rightly, with 95% intervals, and what they were called most often "
        "instead: the second picture.",
    )
    with st.grid(3, min_column_width=260, gap="small") as grid:
        for hard in found.hardest:
            with grid.cell():
                _hard(hard, data)
    if not found.hardest:
        st.caption("Every query of every class was named rightly.")


def _hard(hard: Hard, data: LabelledSet) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name in (hard.name, hard.instead):
            if name is not None:
                i = int(np.flatnonzero(data.labels == data.class_names.index(name))[0])
                show.picture(data.items.natural(i), f"A picture of {name}", None, SIDE)  # type: ignore[attr-defined]
        rate = f"{show.plain(show.class_name(hard.name))}: **{show.percent(hard.accuracy)}**"
        lines = [rate, f":small[{hard.queries} queries, {hard.low:.0%} to {hard.high:.0%}]"]
        if hard.instead is not None:
            often = "once" if hard.times == 1 else f"{hard.times} times"
            lines.append(f":small[{often} called {show.plain(show.class_name(hard.instead))}]")
        st.markdown("  \n".join(lines))


def _alt(found: Laboratory) -> str:
    told = [f"{c.n_way}-way {c.k_shot}-shot {c.accuracy:.0%} (plain pixels {c.pixels:.0%})" for c in found.cells]
    return f"Accuracy by number of ways and shots: {'; '.join(told)}."
