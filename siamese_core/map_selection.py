"""Some points of a finished map, taken out of it: a table, or their pictures in class folders.

The zip of class folders is what `classify` and the One-shot page read as a support set, and `train` as a data set.
Pictures are as the network saw them, ink as on paper again.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.map_export_table import columns
from siamese_core.pair_scoring import safe_name

MOST_PICTURES = 5000


def counts(found: Mapping[str, np.ndarray], which: np.ndarray) -> list[tuple[str, int, int]]:
    """(class, how many of it are among the points `which`, how many are on the map), the most frequent first."""
    names = [str(n) for n in found["class_names"]]
    mine = np.bincount(found["labels"][which], minlength=len(names))
    all_ = np.bincount(found["labels"], minlength=len(names))
    order = np.argsort(-mine, kind="stable")
    return [(names[c], int(mine[c]), int(all_[c])) for c in order if mine[c]]


def to_csv(found: Mapping[str, np.ndarray], which: np.ndarray) -> str:
    """One row a point of `which`, with the columns of the map's own table (`map_export_table.columns`): the nearest
    other point is told by its index into the data set, as the row's own item is; what was not measured is empty."""
    made = columns(found)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(made)
    for i in which:
        rows.writerow([_cell(values[i]) for values in made.values()])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return safe_name(value)
    if isinstance(value, (np.integer, np.bool_)):
        return str(int(value))
    return f"{value:.6g}" if np.isfinite(value) else ""


def to_zip(found: Mapping[str, np.ndarray], which: np.ndarray, ink: bool) -> bytes:
    """The pictures of the points `which` in class folders, named by their index into the data set; `ink`: the map's
    pixels are ink on 0. Raises DataError when there are none, or too many."""
    if "pixels" not in found or not len(which):
        raise DataError("These points have no pictures to save.")
    if len(which) > MOST_PICTURES:
        raise DataError(f"{len(which):,} pictures are more than the {MOST_PICTURES:,} saved at once; select fewer.")
    folders = class_folders([str(n) for n in found["class_names"]])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PNG is packed already
        for i in which:
            pixels = found["pixels"][i]
            shown = 255 - pixels if ink else pixels
            picture = io.BytesIO()
            Image.fromarray(shown[0] if len(shown) == 1 else shown.transpose(1, 2, 0)).save(picture, "PNG")
            name = f"{folders[int(found['labels'][i])]}/{int(found['indices'][i])}.png"
            archive.writestr(zipfile.ZipInfo(name), picture.getvalue())
    return out.getvalue()


def class_folders(names: list[str]) -> list[str]:
    """A path for every class, each its own, that any system can unpack; "group/class" stays two folders."""
    taken: set[str] = set()
    paths = []
    for name in names:
        path = "/".join(_folder(part) for part in name.split("/") if part) or "class"
        number, whole = 2, path
        while whole.lower() in taken:
            number, whole = number + 1, f"{path} ({number})"
        taken.add(whole.lower())
        paths.append(whole)
    return paths


def _folder(part: str) -> str:
    """A name without what Windows, or a reader of archives, would stumble over."""
    clean = "".join(c if c.isprintable() else "_" for c in part)
    clean = re.sub(r'[<>:"\\|?*]', "_", clean).strip(" .")[:100].rstrip(" .")
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d|__macosx", clean.split(".")[0])
    return f"_{clean}" if not clean or reserved else clean
