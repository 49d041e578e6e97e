"""The settings of a calibration as a form, and where its labelled pictures or pairs come from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import cache, pair_files, refit_work, show, state, theme, uploads
from pages.parts.refit_work import Result
from siamese_core.calibration import CERTAINTY, METHODS, Calibration
from siamese_core.runs import Run

Progress = Callable[[str, float], None]

POINTS = {
    "eer": "both errors are equally frequent",
    "far": "false accepts are rare enough",
    "accuracy": "the accuracy is best",
    "cost": "the cost of errors is least",
}
CURVES = {"logistic": "A logistic curve", "isotonic": "A falling staircase"}
ZIP, TABLE = "zip", "table"
STAYS = "Your pictures stay in this browser session and are gone with it."


@dataclass(frozen=True)
class Source:
    """What to fit on: what tells it from others, and how to fit on it with some settings."""

    key: tuple[Any, ...]
    work: Callable[[dict[str, Any], Progress], Result]


def settings(page: str, run: Run, now: Calibration | None) -> dict[str, Any]:
    """Widgets for where the threshold lies and, folded away, the rare ones; as `calibration.fit` takes them.

    They begin as the calibration of now was fitted.
    """

    def key(name: str, value: Any) -> str:
        made = f"{page}_refit_{name}_{run.name}"
        state.default(made, value)
        return made

    chosen = st.selectbox("Put the threshold where", list(POINTS), format_func=POINTS.get, width=300,
                          key=key("point", now.operating_point if now else "eer"))  # fmt: skip
    value = _value(chosen, now.value if now else (), key)
    with st.popover("Rare settings", icon=theme.ICONS["tune"]):
        prior = st.number_input(
            "Same pairs in use, in %", 0.01, 99.99, step=5.0, format="%g",
            key=key("prior", 100.0 * now.prior if now else 50.0),
            help="Of 100 pairs that you will ask about, how many you expect to be the same. Probabilities follow it.",
        )  # fmt: skip
        sure = st.number_input(
            "Sure from, in %", 50.1, 99.9, step=1.0, format="%g",
            key=key("certainty", 100.0 * (now.certainty if now else CERTAINTY)),
            help="An answer that is less probable than this is 'not sure'.",
        )  # fmt: skip
        method = st.selectbox(
            "Probabilities by", METHODS, key=key("method", now.method if now else METHODS[0]), format_func=CURVES.get,
            help="The logistic curve holds better for other pairs; the staircase follows these more closely.",
        )  # fmt: skip
    return {"operating_point": chosen, "value": value, "method": method, "prior": round(float(prior) / 100.0, 6),
            "certainty": round(float(sure) / 100.0, 6)}  # fmt: skip


def _value(point: str, value: tuple[float, ...], key: Callable[[str, Any], str]) -> tuple[float, ...]:
    """Widgets for what an operating point needs, beginning at a value that fits it."""
    if point == "far":
        at = 100.0 * value[0] if len(value) == 1 else 1.0
        most = st.number_input("At most, in %", 0.001, 50.0, step=0.5, format="%g", width=130, key=key("far", at),
                               help="Of 100 different pairs, so many may be called the same.")  # fmt: skip
        return (round(float(most) / 100.0, 8),)
    if point == "cost":
        costs = value if len(value) == 2 else (10.0, 1.0)
        return tuple(
            float(st.number_input(words, 0.01, 1e6, step=1.0, format="%g", width=150, key=key(f"cost_{i}", cost)))
            for i, (words, cost) in enumerate(zip(("False accept costs", "False reject costs"), costs, strict=True))
        )
    return ()


def sources(run: Run) -> dict[str, str]:
    """What a run can be fitted on: key -> words. Its own data set and its test classes are not among them."""
    found: dict[str, str] = {}
    dataset = run.config().dataset
    if len((run.manifest().get("split") or {}).get("validation", ())) > 1 and cache.is_here(dataset):
        found[refit_work.VALIDATION] = "Validation classes of this run"
    found |= {ZIP: "Your pictures: a zip of class folders", TABLE: "Your pairs: a table and a zip"}
    return found | {key: words for key, words in cache.choices(run).items() if key not in ("unseen", dataset)}


def given(source: str, run: Run) -> Source | None:
    """The uploaders that go with a source; None while they are empty."""
    if source == TABLE:
        with st.grid(2, min_column_width=340, gap="small") as grid:
            files = pair_files.table(grid, "evaluate_refit")
        st.caption(STAYS)
        if files is None:
            return None
        return Source((source, *files[0]), functools.partial(_table, run, files))
    if source == ZIP:
        with st.container(border=True):
            ask = show.guarded(uploads.one_file)
            zipped = ask("Zip of class folders", "zip", "evaluate_refit_classes", uploads.MAX_ZIP)
            st.caption(f"One folder a class, as in anna/1.png, anna/2.png, bert/1.png. {STAYS}")
        if zipped is None:
            return None
        return Source((source, zipped.file_id), functools.partial(_zip, run, zipped))
    return Source((source,), lambda how, progress: refit_work.of_data(run, source, how, progress))


def _table(run: Run, files: pair_files.Given, how: dict[str, Any], progress: Progress) -> Result:
    return refit_work.of_table(run, pair_files.content(*files[1]), how, progress)


def _zip(run: Run, file: Any, how: dict[str, Any], progress: Progress) -> Result:
    return refit_work.of_zip(run, file.name, file.getvalue(), how, progress)
