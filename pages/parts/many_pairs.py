"""Many pairs at once: a table of pairs and a zip of pictures, or two zips, scored beside the page."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from pages.parts import cache, charts_pairs, gather, later, many_work, pair_files, refit, show, state, theme, uploads
from pages.parts.many_work import Result
from siamese_core.modalities.decoding import plain_name
from siamese_core.pair_scoring import VERDICTS, PairScores, safe_name
from siamese_core.runs import Run

KINDS = {"table": "A table and a zip", "zips": "Two zips, paired by name"}
BY_NAME = "Pictures of equal names are pairs: anna.png in the one with anna.png or anna.jpg in the other."
MOST_LINES = 1000  # of the table on the page
COLUMNS = {"row": "Row", "image_a": "Picture A", "image_b": "Picture B", "distance": "Distance", "verdict": "Verdict",
           "probability": "Probability", "label": "Label", "note": "Note"}  # fmt: skip


def draw(run: Run) -> None:
    """The whole way from the files to the scores. Raises RunError."""
    kind = st.segmented_control("Files", list(KINDS), default="table", key="compare_many_kind", required=True,
                                format_func=KINDS.get, label_visibility="collapsed")  # fmt: skip
    with st.grid(2, min_column_width=340, gap="small") as grid:
        given = pair_files.table(grid, "compare_many") if kind == "table" else _zips(grid)
    st.caption(gather.STAYS if kind == "table" else f"{BY_NAME} {gather.STAYS}")
    about = given and ("many", cache.version(run), *given[0])
    asked = st.button("Score the pairs", type="primary", key="compare_many_score", icon=theme.ICONS["measure"],
                      disabled=about is None)  # fmt: skip
    if given is None:
        st.info("Give both files, then press Score the pairs: distances, verdicts and a file of them appear here.",
                icon=theme.ICONS["upload"])  # fmt: skip
        return
    if asked:
        later.start(about, functools.partial(many_work.scored, cache.trained(run), pair_files.content(*given[1])))
    scored_as = cache.weights_digest(run), *given[0]
    kept_as, found = state.lab().answers.get("many", (None, None))
    before: Result | None = found if kept_as == scored_as else None
    if before and not asked and not later.known(about):  # only the threshold has changed since they were scored
        content = pair_files.content(*given[1])
        later.start(about, functools.partial(many_work.judged_anew, cache.trained(run), before, content))
    if found := later.outcome(about):
        state.lab().answers["many"] = scored_as, found
    elif later.active(about):
        found = before
    if found:
        _result(found, run, str(given[1][0].name), about)


def _zips(grid: Any) -> pair_files.Given | None:
    found = []
    for i, word in enumerate(("First", "Second")):
        with grid.cell(), st.container(border=True):
            key = f"compare_many_zip_{i}"
            found.append(show.guarded(uploads.one_file)(f"{word} zip of pictures", "zip", key, uploads.MAX_ZIP))
    return pair_files.both(found[0], found[1], True, "same")


def _result(found: Result, run: Run, name: str, about: tuple[Any, ...]) -> None:
    scores = found.scores
    if not len(scores):
        st.warning(f"None of the {scores.broken_count:,} rows can be scored.", icon=theme.ICONS["warning"])
        _broken(scores, found.folders, expanded=True)
        return
    with st.grid(2, min_column_width=420, gap=("medium", "large")) as grid:
        with grid.cell():
            _chart(found)
        with grid.cell():
            _figures(scores)
    refit.to_pairs(run, scores, name, about)
    _broken(scores, found.folders)
    _pairs(found)


def _chart(found: Result) -> None:
    scores = found.scores
    counts = [c.tolist() for c in found.counts]
    figure = charts_pairs.spread(found.edges.tolist(), *counts, scores.threshold)
    by = "by label " if sum(counts[1]) + sum(counts[2]) else ""
    show.chart(
        figure,
        f"Histogram {by}of the distances of {len(scores):,} pairs, from {show.number(found.edges[0])} to "
        f"{show.number(found.edges[-1])}, with the threshold at {show.number(scores.threshold)}.",
        "compare_many_chart",
    )
    if by:
        st.caption("Bars: labelled pairs, each side as a share of its own.")


def _figures(scores: PairScores) -> None:
    """How many got which verdict, and how often it was right."""
    figures = scores.accuracy()
    with st.container(horizontal=True, gap="medium"):
        st.metric("Pairs", f"{len(scores):,}", width="content")
        if scores.threshold is not None:
            for verdict, word in (("same", "Same"), ("different", "Different"), ("not sure", "Not sure")):
                if verdict != "not sure" or scores.count(verdict):
                    st.metric(word, f"{scores.count(verdict):,}", width="content")
        if figures:
            st.metric("Right", show.percent(figures["accuracy"]), width="content",
                      help="The 95% interval takes every pair for a new one; where pairs share pictures, the truth is "
                      "less certain than it says.")  # fmt: skip
    if figures:
        low, high = figures["interval"]
        st.caption(
            f"Right: of {figures['pairs']:,} labelled pairs, 95% interval {low:.1%} to {high:.1%}. "
            f"{figures['missed']:,} of {figures['same']:,} same pairs were missed, {figures['accepted']:,} of "
            f"{figures['different']:,} different ones accepted.{_left_out(figures)}"
        )
    elif scores.threshold is None:
        st.caption("This run has no threshold, so there are no verdicts; smaller distances mean more alike.")
    if scores.broken_count:
        st.caption(f"{_rows(scores.broken_count)} could not be scored and are listed below.")
    st.download_button("Download the scores", functools.partial(many_work.as_csv, scores), "scores.csv", "text/csv",
                       key="compare_many_download", icon=theme.ICONS["download"], on_click="ignore",
                       help="Every scored pair: row, pictures, distance, verdict, label and note.")  # fmt: skip


def _left_out(figures: dict[str, Any]) -> str:
    parts = []
    if figures["alike"]:
        parts.append(f"{figures['alike']:,} with the same picture on both sides")
    if figures["unsure"]:
        parts.append(f"{figures['unsure']:,} not sure")
    return f" Left out: {' and '.join(parts)}." if parts else ""


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _broken(scores: PairScores, folders: bool, expanded: bool = False) -> None:
    if not scores.broken_count:
        return
    with st.expander(f"Rows that could not be scored: {scores.broken_count:,}", expanded, icon=theme.ICONS["warning"]):
        st.dataframe(
            {"Row": [b.row for b in scores.broken], "What is wrong": [b.why for b in scores.broken]},
            hide_index=True, height="content" if len(scores.broken) <= 8 else 320,
            column_config={"Row": st.column_config.NumberColumn(width=72, format="%d"),
                           "What is wrong": st.column_config.TextColumn(width=800)},
        )  # fmt: skip
        first = f"The first {len(scores.broken):,}. " if scores.broken_count > len(scores.broken) else ""
        st.caption(f"{first}{'Rows are counted in the order of all names.' if folders else 'Row 1 is the header.'}")


def _pairs(found: Result) -> None:
    """The pairs in the order that is chosen: the first ones as pictures, more of them as a table."""
    scores = found.scores
    order = st.segmented_control("Order", list(found.orders), default=next(iter(found.orders)), required=True,
                                 key=f"compare_many_order_{'_'.join(found.orders)}", format_func=many_work.ORDERS.get,
                                 label_visibility="collapsed")  # fmt: skip
    chosen = found.orders[order]
    with st.grid(3, min_column_width=240, gap="small", border=True) as grid:
        for i in found.shown[order]:
            with grid.cell():
                _pair(found, int(i))
    lines = scores.table(chosen[:MOST_LINES])
    kept = [c for c in COLUMNS if any(line[c] is not None for line in lines)]
    st.dataframe(
        {COLUMNS[c]: [_cell(c, line[c]) for line in lines] for c in kept},
        hide_index=True, height="content" if len(lines) <= 10 else 400,
        column_config={
            "Row": st.column_config.NumberColumn(width=72, format="%d"),
            "Distance": st.column_config.NumberColumn(width="small", format="%.4f"),
            "Probability": st.column_config.NumberColumn(width="small", format="percent"),
        },
    )  # fmt: skip
    if len(chosen) > MOST_LINES:
        st.caption(f"The first {MOST_LINES:,} of {len(chosen):,}; the download has all of them.")


def _cell(column: str, value: Any) -> Any:
    """A value as the table on the page shows it: words that no spreadsheet computes, none where there are none."""
    if isinstance(value, str):
        return safe_name(plain_name(value) if column.startswith("image") else value)
    return "" if value is None and column in ("label", "note", "verdict") else value


def _pair(found: Result, i: int) -> None:
    """One pair as pictures, with its verdict."""
    scores = found.scores
    names = [scores.names[int(side[i])] for side in (scores.first, scores.second)]
    with st.container(horizontal=True, gap="xsmall"):
        for place, letter in enumerate("AB"):
            picture = found.pictures.get(int((scores.first, scores.second)[place][i]))
            if picture is not None:
                show.picture(picture, f"Picture {letter} of row {scores.rows[i]}, {names[place]}", side=96)
    verdict, label = VERDICTS[scores.verdicts[i]], int(scores.same[i])
    colour = {"same": "green", "different": "red"}.get(verdict, "gray")
    said = f" · :{colour}[{verdict}]" if verdict else ""
    told = f" · labelled {VERDICTS[label]}" if label >= 0 else ""
    st.markdown(f"Row {scores.rows[i]} · {show.number(float(scores.distances[i]))}{said}{told}")
    st.caption(f"{show.plain(plain_name(names[0]))} and {show.plain(plain_name(names[1]))}")
