"""A finished map as a table: CSV, Parquet, or NumPy's arrays (NPZ), with the embedding's own numbers or without."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from siamese_core import __version__
from siamese_core.errors import ConfigError
from siamese_core.pair_scoring import safe_name

SPLIT = ("train", "validation", "test", "none")  # by the codes of `split`
ABOUT = ("method", "engine", "seconds", "perplexity", "trustworthiness", "continuity", "k", "measured")  # of the map
NO_COLUMNS = {"x", "y", "z", "labels", "indices", "groups", "split", "error", "centre", "nearest"}  # told otherwise

Found = Mapping[str, np.ndarray]


def text(value: object) -> str:
    """Any name as text that every kind of file can hold: what is no character (of a file's name) becomes '?'."""
    return str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def shown(name: object) -> str:
    """A class's or a group's name as people read it: data and files have '_' where a space is meant."""
    written = text(name)
    return " ".join(written.replace("_", " ").split()) or written


def item_names(found: Found) -> list[str]:
    """A name for every point: its class and its number within the class, from 1."""
    counted: dict[int, int] = {}
    names = []
    for label in found["labels"].astype(int):
        counted[label] = counted.get(label, 0) + 1
        names.append(f"{found['class_names'][label]} #{counted[label]}")
    return names


def columns(found: Found) -> dict[str, Any]:
    """What is known of M points, by column, each of length M: index into the data, item ("class #3": the third of its
    class here), label (the class), group and split where they are known, x, y (and z in 3-D), error (0 to 1, NaN where
    it was not measured), the index of the nearest other point in the original space where it is known, and any other
    number that the map holds of a point. Words are lists, numbers arrays."""
    names = [text(n) for n in found["class_names"]]
    labels = found["labels"].astype(int)
    count = len(labels)
    made: dict[str, Any] = {"index": found["indices"].astype(np.int64), "item": [text(n) for n in item_names(found)]}
    made["label"] = [names[c] for c in labels]
    groups = [text(n) for n in found.get("group_names", ())]
    if groups:
        made["group"] = [groups[g] if 0 <= g < len(groups) else "" for g in found["groups"].astype(int)]
    if "split" in found:
        made["split"] = [SPLIT[s] for s in np.clip(found["split"], 0, 3).astype(int)]
    made |= {axis: found[axis].astype(np.float64) for axis in ("x", "y", "z") if axis in found}
    made["error"] = found.get("error", np.full(count, np.nan)).astype(np.float64)
    if "nearest" in found:
        made["nearest_index"] = made["index"][found["nearest"].astype(int)]
    for key, values in found.items():
        if key not in NO_COLUMNS and key not in made and values.shape == (count,) and values.dtype.kind in "fiub":
            made[key] = values
    return made


def about(found: Found, title: str) -> dict[str, str | float]:
    """What made the map and how far to believe it; what is not known is left out."""
    told: dict[str, str | float] = {"title": text(title), "version": __version__}
    for key in ABOUT:
        if key in found:
            value = found[key].item()
            if isinstance(value, str) or np.isfinite(value):
                told[key] = value
    return told


def to_csv(found: Found, vectors: bool = False) -> str:
    """One row a point with `columns`; what was not measured is empty, and no name is a formula to a spreadsheet.
    vectors: the embedding's numbers after them as e0, e1, ... (six significant digits)."""
    made = columns(found)
    cells = [
        [safe_name(v) for v in values] if isinstance(values, list) else _written(key, values)
        for key, values in made.items()
    ]
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    if not vectors:
        rows.writerow(list(made))
        rows.writerows(zip(*cells, strict=True))
        return out.getvalue()
    z = found["embeddings"]
    rows.writerow([*made, *(f"e{d}" for d in range(z.shape[1]))])
    for row, numbers in zip(zip(*cells, strict=True), z, strict=True):
        rows.writerow([*row, *(f"{v:.6g}" for v in numbers.tolist())])
    return out.getvalue()


def to_parquet(found: Found, title: str, vectors: bool = True) -> bytes:
    """One row a point with `columns`; what was not measured is null. vectors: a column `embedding`, a list of D
    float32 in every row. What made the map is in the file's metadata under "siamese_lab". Raises ConfigError without
    pyarrow."""
    need_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = {
        key: pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else pa.array(values, pa.string())
        for key, values in columns(found).items()
    }
    if vectors:
        z = np.ascontiguousarray(found["embeddings"], dtype=np.float32)
        made["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(z.reshape(-1)), z.shape[1])
    table = pa.table(made).replace_schema_metadata({"siamese_lab": json.dumps(about(found, title))})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def to_npz(found: Found, title: str, vectors: bool = True) -> bytes:
    """`columns` as arrays (words as fixed-width unicode; no pickles), what made the map as single values, and with
    `vectors` the embeddings (M, D) float32."""
    arrays: dict[str, np.ndarray] = {
        key: np.array(values, dtype=np.str_) if isinstance(values, list) else values
        for key, values in columns(found).items()
    }
    arrays |= {key: np.array(value) for key, value in about(found, title).items()}
    if vectors:
        arrays["embeddings"] = np.asarray(found["embeddings"], dtype=np.float32)
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def need_parquet() -> None:
    """Raises ConfigError when Parquet cannot be written here."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ConfigError("Parquet needs the package pyarrow; install it, or write .csv or .npz instead.") from None


def _written(key: str, values: np.ndarray) -> list[str]:
    """Numbers as text: whole ones whole, others with six significant digits, four of an error; empty where none."""
    if values.dtype.kind in "iub":
        return [str(int(v)) for v in values]
    digits = 4 if key == "error" else 6
    return [f"{v:.{digits}g}" if np.isfinite(v) else "" for v in values.tolist()]
