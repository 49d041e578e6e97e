"""The list of runs, and which of them are looked at."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.parts import forms, show, state, theme
from siamese_core import upkeep
from siamese_core.errors import SiameseError
from siamese_core.runs import Run

SHOWN = 6  # runs that are compared before some are chosen
ROW, MOST = 35, 214  # pixels: a row of the list, and the list
Row = dict[str, Any]


def read(mine: Sequence[Run]) -> tuple[dict[str, Row], dict[str, str]]:
    """What the list says of each run, by name; and why the others cannot be read."""
    rows, damaged = {}, {}
    for run in mine:
        try:
            run.config()
            rows[run.name] = _row(run)
        except Exception as error:
            if not (run.folder / "config.json").exists():
                continue  # deleted in this moment
            if not isinstance(error, SiameseError):
                logging.getLogger("siamese_lab").exception("A run cannot be read")
            damaged[run.name] = str(error) if isinstance(error, SiameseError) else "Its files are not a run's."
    return rows, damaged


def tell(damaged: dict[str, str]) -> None:
    """One notice for all runs that cannot be read."""
    if len(damaged) == 1:
        ((name, why),) = damaged.items()
        st.error(f"**{show.plain(name)}** is left out here. {show.plain(why)}", icon=theme.ICONS["warning"])
    elif damaged:
        names = ", ".join(f"**{show.plain(n)}**" for n in damaged)
        st.error(f"{len(damaged)} runs cannot be read and are left out here: {names}. Delete them, or put their files "
                 "back.", icon=theme.ICONS["warning"])  # fmt: skip


def _row(run: Run) -> Row:
    card, manifest, status = run.card() or {}, run.manifest(), run.status()
    seen, config = card.get("validation") or {}, manifest["config"]
    return {
        "Run": run.name,
        "State": [status.state],
        "One-shot": _percent(seen.get("one_shot")),
        "Ways": seen.get("n_way") if isinstance(seen.get("n_way"), int) else None,
        "Pair accuracy": _percent(seen.get("pair_accuracy")),
        "Data": str(config.get("dataset", "")).rsplit("/", 1)[-1],
        "Loss": forms.word(config.get("loss")),
        "Created": time.strftime("%d %b, %H:%M", time.localtime(float(manifest.get("created_at") or 0))),
        "Note": upkeep.note(run).split("\n")[0],
    }


def _percent(value: Any) -> float | None:
    return 100.0 * value if isinstance(value, int | float) and 0 <= value <= 1 else None


def table(rows: Sequence[Row], current: str | None) -> list[str]:
    """Draw the list; the names of the runs to look at: those chosen in it, else the first few and the current one."""
    names = [row["Run"] for row in rows]
    key = f"runs_table_{zlib.crc32(chr(0).join(names).encode()):08x}"  # rows are known by number: other rows, other key
    rate = st.column_config.ProgressColumn(format="%.1f%%", min_value=0.0, max_value=100.0, width=110)
    pill = st.column_config.MultiselectColumn(
        options=list(theme.STATES), color=[colour for colour, _ in theme.STATES.values()], width=90
    )
    has_notes = any(row["Note"] for row in rows)
    st.dataframe(
        list(rows), hide_index=True, key=key, on_select=lambda: _choose(key, names), selection_mode="multi-row",
        height=min(ROW * (len(rows) + 1) + 3, MOST), placeholder="–",
        column_order=[c for c in rows[0] if c != "Note" or has_notes],
        column_config={"One-shot": rate, "Pair accuracy": rate, "State": pill,
                       "Note": st.column_config.TextColumn(width=140)},
        alt="List of runs with their state, data, loss and accuracies",
    )  # fmt: skip
    return _picked(key, names) or first(names, current)


def first(names: Sequence[str], current: str | None) -> list[str]:
    """The first few runs, the current one among them."""
    found = list(names[:SHOWN])
    return found if current in found or current not in names else [current, *found[:-1]]


def _picked(key: str, names: Sequence[str]) -> list[str]:
    chosen = (state.get(key) or {}).get("selection", {}).get("rows", [])
    return [names[i] for i in sorted(chosen) if i < len(names)]


def _choose(key: str, names: Sequence[str]) -> None:
    """One row alone is the current run."""
    if len(picked := _picked(key, names)) == 1:
        state.choose_run(picked[0])
