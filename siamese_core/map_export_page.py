"""A finished map as an interactive page: one file that needs nothing else, and sends nothing anywhere.

It moves, turns in 3-D, shows names and pictures, shows only some classes, finds them, and is light or dark. With
scripts switched off it is a still picture. Words from users travel as JSON or are escaped; the page's own policy
allows this one script alone and no request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import map_export_drawing as drawing
from siamese_core import sprites
from siamese_core.map_export_table import Found, columns, shown, text
from siamese_core.svg import DIFFERENT, SAME, words

ASSETS = Path(__file__).parent / "map_page"
SCRIPTS = ("camera", "colours", "paint", "view", "hand", "page")
PARTS = ("Learnt from", "Validation", "Test", "Another set")  # by the codes of `split`
NAMES = {"error": "Map error", "nearest_distance": "Distance to the nearest"}
MOST_PICTURES = 2000  # points; of larger maps no pictures travel
MOST_COLUMNS = 12  # of numbers
STILL = 5000  # points, up to which the still picture is SVG; above, a PNG
TOLD = {"index", "item", "label", "group", "split", "x", "y", "z", "error", "nearest_index"}
LOOK = {
    "palette": list(drawing.COLOURS),
    "most": drawing.MOST,
    "grey": drawing.GREY,
    "ramp": {
        "light": ["#C9DCEA", "#5FA3CF", "#0072B2", "#4B3A8C", "#2A0F45"],
        "dark": ["#24435A", "#2F7FB5", "#56B4E9", "#E6C35C", "#FFF3C4"],
    },
}
FAR = {  # by the map's method
    "tsne": "Near points are alike to the network; distances between far clusters mean little.",
    "umap": "Near points are alike to the network; distances between far clusters mean little.",
    "pacmap": "Near points are alike to the network; distances between far clusters are rough.",
    "pca": "The directions are those along which the embeddings differ most; points that lie together here may still "
    "be far apart along others.",
}
HOW = (
    "Drag to {drag}, wheel or two fingers to zoom; point at a mark to see what it is. Keyboard: arrows {keys}, "
    "plus and minus zoom, 0 shows all, Enter tells the point nearest the middle."
)


def to_html(found: Found, title: str, ink: bool = False) -> str:
    """The page of a map as `map_jobs.result` gives it. ink: its pictures are ink on 0, which is shown on paper."""
    style = (ASSETS / "page.css").read_text("utf-8")
    script = (
        '(() => {\n"use strict";\n' + "\n".join((ASSETS / f"{s}.js").read_text("utf-8") for s in SCRIPTS) + "})();\n"
    )
    parts = {
        "title": words(text(title)),
        "about": words(_about(found)),
        "label": words(f"Map of {_counts(found)}"),
        "how": words(
            HOW.format(drag="turn (with Shift, to move)", keys="turn")
            if "z" in found
            else HOW.format(drag="move", keys="move")
        ),
        "still": _still(found, title),
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "data": _json(packed(found, ink)),
    }
    template = (ASSETS / "page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], template)  # once: no part is looked into


def packed(found: Found, ink: bool) -> dict[str, Any]:
    """What travels in the page: columns by which points can be coloured, the first the classes, and arrays of little-
    endian numbers in base64 (positions as float32)."""
    labels, names = found["labels"], [shown(n) for n in found["class_names"]]
    described: list[dict[str, Any]] = [{"key": "class", "name": "Class", "kind": "class", "names": names}]
    arrays = {axis: found[axis].astype("<f4") for axis in ("x", "y", "z") if axis in found}
    arrays |= {"ids": found["indices"].astype("<u4"), "class": labels.astype("<u4" if len(names) > 65535 else "<u2")}
    groups = [shown(n) for n in found.get("group_names", ())]
    if len(groups) > 1:
        described.append({"key": "group", "name": "Group", "kind": "class", "names": [*groups, "(none)"]})
        arrays["group"] = np.where(found["groups"] < 0, len(groups), found["groups"]).astype("<u4")
    if "split" in found:
        unseen = found["split"] != 0
        if len(np.unique(found["split"])) > 1:
            described.append({"key": "part", "name": "Learnt from or not", "kind": "class", "names": list(PARTS)})
            arrays["part"] = np.clip(found["split"], 0, 3).astype("u1")
        if unseen.any() and not unseen.all():
            arrays["unseen"] = unseen.astype("u1")
    if "nearest" in found:
        right = {"key": "right", "name": "Nearest is right or wrong", "kind": "class", "names": ["Wrong", "Right"]}
        described.append(right | {"colours": [DIFFERENT, SAME]})
        arrays["right"] = (labels[found["nearest"].astype(int)] == labels).astype("u1")
        arrays["nearest"] = found["nearest"].astype("<u4")
    numbers = {k: v for k, v in columns(found).items() if k == "error" or k not in TOLD}
    for key, values in list(numbers.items())[:MOST_COLUMNS]:
        if np.isfinite(values).any():
            name = NAMES.get(key, key.replace("_", " ").capitalize())
            described.append({"key": f"own_{key}", "name": name, "kind": "number"})
            arrays[f"own_{key}"] = values.astype("<f4")
    by = "group" if "group" in arrays and len(np.unique(labels)) > drawing.MOST else "class"
    return {
        "count": len(labels), "by": by, "columns": described, "look": LOOK, "picture": _pictures(found, ink),
        "arrays": {k: [v.dtype.str[1:], base64.b64encode(v.tobytes()).decode("ascii")] for k, v in arrays.items()},
    }  # fmt: skip


def _pictures(found: Found, ink: bool) -> dict[str, Any] | None:
    if "pixels" not in found or not 0 < len(found["x"]) <= MOST_PICTURES:
        return None
    sheet = sprites.sheet(np.asarray(found["pixels"]), ink)
    png = base64.b64encode(sheet.png).decode("ascii")
    return {"png": png, "across": sheet.across, "width": sheet.width, "height": sheet.height}


def _still(found: Found, title: str) -> str:
    """The map without scripts: the SVG, or of many points a PNG."""
    if len(found["x"]) <= STILL:
        return drawing.to_svg(found, title).partition("\n")[2]  # without the line that is XML's alone
    png = base64.b64encode(drawing.to_png(found)).decode("ascii")
    return f'<img alt="{words(text(title))}" src="data:image/png;base64,{png}">'


def _counts(found: Found) -> str:
    points, classes = len(found["x"]), len(np.unique(found["labels"]))
    return f"{points:,} point{'s' * (points != 1)} of {classes:,} class{'es' * (classes != 1)}"


def _about(found: Found) -> str:
    """What this is, and how far to believe it where that is known."""
    said = f"{_counts(found)}. {FAR.get(str(found.get('method', '')), FAR['tsne'])}"
    if "split" in found and (found["split"] == 0).any() and (found["split"] != 0).any():
        said += " Outlined points are of classes that the network has not learnt from."
    if int(found.get("k", np.array(0))) > 0:
        trust, continuity = float(found["trustworthiness"]), float(found["continuity"])
        said += (f" Trustworthiness {trust:.3f} (1: no neighbours here that are none in truth), "
                 f"continuity {continuity:.3f} (1: no true neighbours torn apart).")  # fmt: skip
    return said


def _json(value: Any) -> str:
    """JSON that ends no script element."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode("utf-8")).digest()).decode("ascii")
