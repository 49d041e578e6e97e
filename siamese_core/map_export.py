"""A finished map as a file: the ending says of which kind.

csv, parquet and npz are tables (`map_export_table`), zip is for TensorBoard's projector (`map_export_projector`), svg
and png are pictures (`map_export_drawing`), and html is a page that moves (`map_export_page`).
"""

from __future__ import annotations

from pathlib import Path

from siamese_core import (
    map_export_drawing,
    map_export_page,
    map_export_projector,
    map_export_table,
    projections,
)
from siamese_core.errors import ConfigError, DataError
from siamese_core.files import write_atomic
from siamese_core.map_export_table import Found

# Kind -> what it is, as said by the command line and the page.
KINDS = {
    "csv": "table",
    "html": "interactive page",
    "svg": "drawing",
    "png": "picture",
    "npz": "NumPy arrays",
    "parquet": "table with vectors",
    "zip": "files for TensorBoard's projector",
}
WITH_VECTORS = {"csv": False, "npz": True, "parquet": True}  # unless told otherwise; the others have no choice


def check(path: Path, vectors: bool | None = None) -> str:
    """The kind of file, by its ending. vectors: whether the embedding's numbers are asked for; None: as usual for the
    kind. Raises ConfigError for another ending, a kind that has no such choice, a folder that is not there, and for
    Parquet where nothing can write it."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in KINDS:
        known = ", ".join(f".{k}" for k in list(KINDS)[:-1]) + f" or .{list(KINDS)[-1]}"
        raise ConfigError(f"A map is written as {known}, not as '{path.name}'; change the file's ending.")
    if vectors is False and kind == "zip":
        raise ConfigError("The projector's files are made of the vectors; leave out --no-vectors.")
    if vectors and kind not in WITH_VECTORS and kind != "zip":
        raise ConfigError(f"A {KINDS[kind]} (.{kind}) holds no vectors; write .npz, .parquet, .csv or .zip for them.")
    if kind == "parquet":
        map_export_table.need_parquet()
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} to write {path.name} into; make it first.")
    return kind


def title_of(run: str, data: str | None, part: str | None, method: str, epoch: int | None = None) -> str:
    """What a map is called: its run (and epoch of it), its data (a name or a path, of which the last part; None: the
    run's own classes of that part) and its method."""
    run = run if epoch is None else f"{run}, epoch {epoch}"
    what = f"its {part or 'test'} classes" if data is None else Path(data).name or data
    return f"{run}: {what} by {projections.TITLES.get(method, method)}"


def write(path: Path, found: Found, title: str, ink: bool = False, vectors: bool | None = None) -> str:
    """Write a map as `map_jobs.result` gives it; the kind of file. Raises ConfigError as `check` does, DataError when
    the file cannot be written."""
    kind = check(path, vectors)
    data = make(kind, found, title, ink, vectors)
    try:
        write_atomic(path, data)
    except OSError as e:
        raise DataError(f"{path} cannot be written: {e.strerror or e}.") from None
    return kind


def make(kind: str, found: Found, title: str, ink: bool = False, vectors: bool | None = None) -> bytes:
    """The bytes of a file of this kind. ink: the map's pictures are ink on 0, which is shown on paper. Raises
    ConfigError for a kind that there is none of, DataError for what the map does not hold."""
    chosen = WITH_VECTORS.get(kind, False) if vectors is None else vectors
    if chosen and "embeddings" not in found:
        raise DataError("This map holds no embeddings; make it again, or write it without vectors.")
    if kind == "csv":
        return map_export_table.to_csv(found, chosen).encode("utf-8")
    if kind == "npz":
        return map_export_table.to_npz(found, title, chosen)
    if kind == "parquet":
        return map_export_table.to_parquet(found, title, chosen)
    if kind == "zip":
        return map_export_projector.to_zip(found, title, ink)
    if kind == "svg":
        return map_export_drawing.to_svg(found, title).encode("utf-8")
    if kind == "png":
        return map_export_drawing.to_png(found)
    if kind == "html":
        return map_export_page.to_html(found, title, ink).encode("utf-8")
    raise ConfigError(f"There is no kind of file called '{kind}'; a map is written as {', '.join(KINDS)}.")
