"""How a one-shot task is decided: the rule, when a query is none of these, and test-time augmentation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import cache, show, state, theme
from siamese_core import class_rules, open_set
from siamese_core import one_shot as core
from siamese_core.one_shot import Classifier, Ranked, Support
from siamese_core.runs import Run

RULES = {
    "auto": "Automatic",
    "nearest": "Nearest support picture",
    "prototype": "Class prototypes",
    "head": "Adapted head",
}
RATES = {"never": None, "2%": 0.02, "5%": 0.05, "10%": 0.1, "20%": 0.2, "30%": 0.3}
USUAL = "10%"
ABOUT_RULES = (
    "Nearest support picture: a class is as far as its nearest example. Class prototypes: as far as the mean of its "
    "examples. Adapted head: a small classifier is fitted to the examples. Automatic: the one that names most of the "
    "support set's own pictures rightly when they are left out."
)
ABOUT_NONE = (
    "A query that is too far from every class is none of these. The lower the share of foreign pictures that may be "
    "named all the same, the more pictures of the classes are refused as well."
)
ABOUT_MOVED = (
    "Each picture is looked at seven times, slightly turned and shifted, and the mean is used: eight times the work."
)


@dataclass(frozen=True)
class Decided:
    """The controls: a rule, the false accept rate of "none of these" or None, and whether views are averaged."""

    rule: str
    rate: float | None
    augment: bool


def controls(run: Run) -> Decided:
    """Ask how to decide."""
    able = can_refuse(run)
    rule = st.selectbox("Rule", list(RULES), key="one_shot_rule", format_func=RULES.get, help=ABOUT_RULES, width=205,
                        bind="query-params")  # fmt: skip
    state.default("one_shot_reject", state.asked("one_shot_reject") or USUAL)
    rate = st.selectbox(
        "None of these", list(RATES), key="one_shot_reject", help=ABOUT_NONE, width=185, bind="query-params",
        disabled=not able, format_func=lambda r: "never" if r == "never" else f"{r} of foreign named",
    )  # fmt: skip
    augment = st.toggle("Average moved copies", key="one_shot_augment", help=ABOUT_MOVED, bind="query-params")
    return Decided(rule, RATES[rate] if able else None, augment)


def can_refuse(run: Run) -> bool:
    """Whether the run can say that a query is none of these. Raises RunError or DataError."""
    model = cache.trained(run)
    return model.calibration is not None or open_set.of_card(model.card) is not None


def classifier(run: Run, support: Support, decided: Decided) -> Classifier:
    """The support set through the network, kept for as long as nothing of it changes. Raises DataError."""
    model = cache.trained(run)
    pictures = hashlib.sha256("".join(support.items.digests()).encode() + support.labels.tobytes()).hexdigest()
    about = (cache.version(run), pictures, support.class_names, decided.rule, decided.augment)
    made = state.remembered(
        "one_shot_classifier", about, model, lambda: core.prepare(model, support, decided.rule, decided.augment), 4
    )
    return made  # type: ignore[no-any-return]


def told(of: Classifier, decided: Decided, run: Run) -> None:
    """How it was decided, in words."""
    words = [f"Rule: {class_rules.TITLES[of.rule]}."] if decided.rule != "auto" else [of.choice.reason]
    if decided.rate is not None and (refused := of.rejection(decided.rate)) is not None:
        words.append(_refusing(refused))
    elif not can_refuse(run):
        words.append("This run is not calibrated, so it cannot say that a query is none of these; see Evaluate, "
                     "Threshold and probabilities.")  # fmt: skip
    st.caption(show.plain(" ".join(words)))


def _refusing(refused: open_set.Rejection) -> str:
    """The bound with its two error rates."""
    words = (
        f"None of these: beyond distance {show.number(refused.bound)}. About {show.percent(refused.rate)} of foreign "
    )
    if refused.by == "pairs":
        return (
            f"{words}pictures are named all the same at most, reckoned from pairs of {refused.source}, which are too "
            "few for tasks with foreign queries."
        )
    lost = "" if refused.frr is None else f", and {show.percent(refused.frr)} of those that belong here are refused"
    seen = f"seen on {refused.source}; other kinds of picture may differ"
    return f"{words}pictures are named all the same{lost} ({seen})."


def repeats(found: Sequence[Ranked], support: Support) -> None:
    """Say which queries the support set holds already."""
    same = [(q, answer.same_as) for q, answer in enumerate(found) if answer.same_as is not None]
    if len(same) == 1:
        of = show.plain(show.class_name(support.class_names[int(support.labels[same[0][1]])]))
        st.warning(f"Query {same[0][0] + 1} is the same picture as an example of '{of}': its answer proves nothing.",
                   icon=theme.ICONS["warning"])  # fmt: skip
    elif same:
        numbers = ", ".join(str(q + 1) for q, _ in same[:8]) + (", …" if len(same) > 8 else "")
        st.warning(f"{len(same)} queries ({numbers}) are the same pictures as examples of the support set: their "
                   "answers prove nothing.", icon=theme.ICONS["warning"])  # fmt: skip
