"""The one place of colours, sizes and the chart template. The same things have the same colours
everywhere, in both themes (Okabe-Ito, readable for the colour-blind). `.streamlit/config.toml` carries
the same values for Streamlit's own widgets.
"""

from __future__ import annotations

from typing import Any

# For lines and areas. Words, in figures too, keep the text's own colour or one of Streamlit's text colours
# (:green[...]), which are chosen for each theme: these cannot be read on both grounds.
TWIN_A = "#0072B2"
TWIN_B = "#E69F00"
SAME = "#009E73"
DIFFERENT = "#D55E00"
UNSURE = "#7A8793"
BASELINE = "#7A8793"  # published lines, chance, thresholds: dashed
TRAINING = "#56B4E9"
VALIDATION = "#CC79A7"
ONE_SHOT = "#978B00"

# For classes, groups and runs, in this order; three marker shapes carry them to 21 things. Grey is for the rest.
PALETTE = (TWIN_A, TWIN_B, SAME, VALIDATION, TRAINING, DIFFERENT, ONE_SHOT)
SYMBOLS = ("circle", "diamond", "square")
FAINT = "rgba(122, 135, 147, 0.28)"
GRID = "rgba(122, 135, 147, 0.22)"
CLEAR = "rgba(0, 0, 0, 0)"
# For numbers, from low to high: the high ones stand out on either ground.
RAMP_LIGHT = ("#C9DCEA", "#5FA3CF", "#0072B2", "#4B3A8C", "#2A0F45")
RAMP_DARK = ("#24435A", "#2F7FB5", "#56B4E9", "#E6C35C", "#FFF3C4")

ICONS = {
    "home": ":material/home:",
    "train": ":material/model_training:",
    "runs": ":material/stacked_line_chart:",
    "compare": ":material/compare_arrows:",
    "evaluate": ":material/fact_check:",
    "one_shot": ":material/looks_one:",
    "search": ":material/image_search:",
    "map": ":material/scatter_plot:",
    "start": ":material/play_arrow:",
    "stop": ":material/stop:",
    "resume": ":material/resume:",
    "delete": ":material/delete:",
    "repeat": ":material/replay:",
    "shuffle": ":material/shuffle:",
    "upload": ":material/upload:",
    "device": ":material/memory:",
    "same": ":material/check_circle:",
    "different": ":material/cancel:",
    "unsure": ":material/help:",
    "warning": ":material/warning:",
    "measure": ":material/monitoring:",
    "mend": ":material/build:",
    "add": ":material/add:",
    "swap": ":material/swap_horiz:",
    "note": ":material/edit_note:",
    "rename": ":material/drive_file_rename_outline:",
    "download": ":material/download:",
    "table": ":material/table_view:",
    "look": ":material/visibility:",
    "tune": ":material/tune:",
    "save": ":material/save:",
    "undo": ":material/undo:",
    "beside": ":material/balance:",
}

# A run's state: the word's colour in Streamlit's markdown, and its icon.
STATES: dict[str, tuple[str, str]] = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "running": ("blue", ":material/autorenew:"),
    "stalled": ("orange", ":material/pause_circle:"),
    "stopped": ("gray", ":material/stop_circle:"),
    "failed": ("red", ":material/error:"),
    "finished": ("green", ":material/check_circle:"),
}


def colour_of(index: int) -> str:
    """The palette's colour for the n-th thing; it repeats after seven."""
    return PALETTE[index % len(PALETTE)]


def symbol_of(index: int) -> str:
    """The marker's shape for the n-th thing: it changes each time the colours repeat."""
    return SYMBOLS[index // len(PALETTE) % len(SYMBOLS)]


def ink(dark: bool) -> str:
    """The text's colour, for outlines and rings in figures."""
    return "#E8EDF1" if dark else "#0B151C"


def faded(colour: str, alpha: float) -> str:
    """'#RRGGBB' with an opacity, for bands and fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def layout(height: int = 260, **more: Any) -> dict[str, Any]:
    """The layout every chart starts from: no background of its own, room for words, a quiet grid."""
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True, "title": {"standoff": 8}}
    base: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 26, "b": 8},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": 13},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "xaxis": axis,
        "yaxis": axis,
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return base
