"""A calibration on screen: what it is and was fitted on, and two thresholds beside each other on the same pairs."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.parts import charts_pairs, show, theme
from pages.parts.refit_work import Result
from siamese_core.calibration import Calibration
from siamese_core.calibration_card import Kept

POINTS = {
    "eer": "equal error rates",
    "far": "false accepts at most {0:.3g}%",
    "accuracy": "best accuracy",
    "cost": "costs {0:g} to {1:g}",
}
NOTHING = "–"


def now(found: Kept) -> None:
    """What a run decides by."""
    if found.threshold is None:
        st.markdown("This run has no threshold yet, so it gives distances without verdicts. Fit one below.")
    elif found.calibration is None:
        st.markdown(f"This run has a threshold of **{show.number(found.threshold)}**, but no probabilities and no "
                    "error rates. Fit them below.")  # fmt: skip
    else:
        _figures(found.calibration)
        st.caption(_told(found.calibration, found.fitted_at))


def _figures(found: Calibration) -> None:
    rates = found.rates_at(found.threshold)
    with st.grid(4, min_column_width=125, gap="small"):
        for label, value, between, words in (
            (
                "Threshold",
                show.number(found.threshold),
                POINTS[found.operating_point].format(*_value(found)),
                "Up to this distance a pair is called the same.",
            ),
            ("False accepts", *_rate(rates, "far"), "The share of different pairs that are called the same."),
            ("False rejects", *_rate(rates, "frr"), "The share of same pairs that are called different."),
            (
                "Not sure",
                _doubt(found),
                f"less than {100 * found.certainty:.3g}% sure",
                "Distances at which the answer is 'not sure'.",
            ),
        ):
            st.metric(label, value, between, delta_color="off", delta_arrow="off", border=True, help=words)


def _told(found: Calibration, fitted_at: float | None) -> str:
    """What a calibration was fitted on, and how."""
    when = ""
    if fitted_at:
        then = time.localtime(fitted_at)
        when = f" on {then.tm_mday} {time.strftime('%B %Y', then)}"
    return (
        f"Fitted on {show.plain(found.source)}{when}: {pairs(found)}, 95% intervals "
        f"({show.plain(found.intervals_are_over)}). Probabilities are for use where {100 * found.prior:.3g}% of the "
        "pairs are the same."
    )


def _value(found: Calibration) -> list[float]:
    """The operating point's value as it is said: a rate in percent."""
    return [100.0 * v if found.operating_point == "far" else v for v in found.value]


def result(found: Result, save: Callable[[], None], chart: str | None) -> None:
    """What was fitted, beside what the run decides by now. save: draws the button; chart: its key, or None without."""
    new = found.calibration
    for words in found.warnings:
        st.warning(show.plain(words), icon=theme.ICONS["warning"])
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        if chart:
            with grid.cell():
                _chart(found, chart)
        beside = grid.cell()
        with beside:
            st.markdown(_table(found))
        with beside if chart else grid.cell():
            st.caption(
                f"Both measured on these {pairs(new)}, 95% intervals ({show.plain(new.intervals_are_over)}). The "
                "fitted threshold was chosen on them: on other pairs expect somewhat more errors."
            )
            save()


def _chart(found: Result, key: str) -> None:
    new = found.calibration
    edges, same, different = (list(found.bins[k]) for k in ("edges", "same", "different"))
    show.chart(
        charts_pairs.two_thresholds(edges, same, different, new.threshold, found.now.threshold),
        f"Histogram of the distances of {pairs(new)}, with the fitted threshold at {show.number(new.threshold)} and "
        f"that of now at {show.number(found.now.threshold)}.",
        key,
    )


def pairs(found: Calibration) -> str:
    """How many pairs, in words."""
    return f"{found.same_pairs:,} same and {found.different_pairs:,} different pairs"


def _table(found: Result) -> str:
    """Now beside fitted, as Markdown."""
    before, new = found.now, found.calibration
    after = new.rates_at(new.threshold)
    rows = [("Threshold", show.number(before.threshold), f"**{show.number(new.threshold)}**")]
    for label, name in (("False accepts", "far"), ("False rejects", "frr")):
        rows.append((label, _cell(found.before, name, "{}"), _cell(after, name, "**{}**")))
    rows.append(("Not sure", _doubt(before.calibration), f"**{_doubt(new)}**"))
    return "\n".join(["| | Now | Fitted |", "|:--|:--|:--|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])


def _cell(rates: dict[str, float] | None, name: str, form: str) -> str:
    if rates is None:
        return NOTHING
    value, between = _rate(rates, name)
    return f"{form.format(value)} :small[:gray[{between}]]"


def _rate(rates: dict[str, float], name: str) -> tuple[str, str]:
    return show.rate(rates[name]), f"{show.rate(rates[f'{name}_low'])} to {show.rate(rates[f'{name}_high'])}"


def _doubt(found: Calibration | None) -> str:
    """Where the answer is "not sure"."""
    if found is None:
        return NOTHING
    low, high = found.band
    if low is not None and low < 0.0 and found.rates["distance"][0] > -1e-9:
        low = None  # no pair is so near
    if low is None and high is None:
        return "everywhere"
    low = None if low is None else min(low, found.threshold)  # neither is said where the threshold denies it
    high = None if high is None else max(high, found.threshold)
    if low is None:
        return f"below {show.number(high)}"
    return f"above {show.number(low)}" if high is None else f"{show.number(low)} to {show.number(high)}"
