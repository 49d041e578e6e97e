"""What people hand over. Every byte is from a stranger: sizes are checked here too (the widget's limit is
only the browser's), the content decides what a file is, and nothing is written to the disk but an archive
to train on, which the training process must be able to read.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from siamese_core.datasets.archives import SafeZip
from siamese_core.errors import DataError, RunError
from siamese_core.files import write_atomic
from siamese_core.modalities.image import decode, plain_name
from siamese_core.runs import Run, all_runs

PICTURES = ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "pgm", "ppm", "pbm"]
MOST_PICTURES = 400
MAX_PICTURE = 20 * 2**20
MAX_TOGETHER = 200 * 2**20
MAX_ZIP = 200 * 2**20
FOLDER = ".uploads"

Source = tuple[str, bytes]


class Named(io.BytesIO):
    """Bytes with a file's name, so that an archive or a table can be read where it lies: in memory."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def pictures(label: str, key: str, many: bool = False) -> None:
    """An uploader for pictures, under a heading that says its label; what it holds is for `checked` to judge."""
    st.file_uploader(label, PICTURES, accept_multiple_files=many, key=key, label_visibility="collapsed",
                     max_upload_size=MAX_PICTURE >> 20)  # fmt: skip


def checked(files: Sequence[Any]) -> list[Source]:
    """Uploaded files as (name, bytes), after their sizes and number were judged here. Raises DataError."""
    if len(files) > MOST_PICTURES:
        raise DataError(f"{len(files)} pictures are more than the {MOST_PICTURES} allowed at once; give fewer.")
    for f in files:
        if f.size > MAX_PICTURE:
            raise DataError(f"{plain_name(f.name)} is larger than {MAX_PICTURE >> 20} MB; make the picture smaller.")
    if sum(f.size for f in files) > MAX_TOGETHER:
        raise DataError(f"These pictures are more than {MAX_TOGETHER >> 20} MB together; give fewer or smaller ones.")
    return [(f.name, f.getvalue()) for f in files]


def thumbnail(name: str, data: bytes, side: int = 480) -> Any:
    """A picture as it was given, turned upright, not larger than needed on a page. Raises DataError."""
    image = decode(data, name)
    image.thumbnail((side, side))
    return image


def zipped_classes(label: str, key: str, most: int) -> dict[str, list[Source]]:
    """An uploader for a zip of class folders; {class: its pictures}, at most `most` of each. Raises DataError."""
    given = one_file(label, "zip", key, MAX_ZIP)
    return classes_of(given.name, given.getvalue(), most) if given is not None else {}


def one_file(label: str, ending: str, key: str, most: int) -> Any:
    """An uploader for one file of at most so many bytes; what was uploaded, or None. Raises DataError."""
    given = st.file_uploader(label, ending, key=key, max_upload_size=most >> 20)
    if given is not None and given.size > most:
        raise DataError(f"{plain_name(given.name)} is larger than {most >> 20} MB; give a smaller one.")
    return given


def classes_of(name: str, data: bytes, most: int) -> dict[str, list[Source]]:
    """The class folders of a zip in memory: a picture's class is the folder it lies in, called by its own name,
    or by the whole path where two folders have the same. Raises DataError."""
    found: dict[str, list[Source]] = {}
    suffixes = tuple(f".{p}" for p in PICTURES)
    left, together = MOST_PICTURES, MAX_TOGETHER
    with SafeZip(Named(data, name)) as archive:  # type: ignore[arg-type]
        for path in archive.names:
            folder, _, file = path.rpartition("/")
            if not file.lower().endswith(suffixes):
                continue
            if not folder:
                raise DataError(
                    f"{plain_name(file)} in the zip lies in no class folder; put it into one, as in cat/1.png."
                )
            mine = found.setdefault(folder, [])
            if len(mine) >= most:
                continue
            content = archive.read(path, MAX_PICTURE + 1)
            left, together = left - 1, together - len(content)
            if left < 0:
                raise DataError(f"The zip {plain_name(name)} holds more than {MOST_PICTURES} pictures to compare with.")
            if len(content) > MAX_PICTURE:
                raise DataError(
                    f"{plain_name(file)} in the zip is larger than {MAX_PICTURE >> 20} MB; make it smaller."
                )
            if together < 0:
                raise DataError(
                    f"The pictures in {plain_name(name)} are more than {MAX_TOGETHER >> 20} MB together; give fewer."
                )
            mine.append((file, content))
    if not found:
        raise DataError(f"The zip {plain_name(name)} holds no class folders with pictures, as in cat/1.png.")
    own = [folder.rsplit("/", 1)[-1] for folder in found]
    return {(n if own.count(n) == 1 else folder): v for n, (folder, v) in zip(own, found.items(), strict=True)}


def keep_zip(runs: Path, name: str, data: bytes) -> Path:
    """Save an archive to train on below the runs folder, by its digest; the path. Raises DataError."""
    if len(data) > MAX_ZIP:
        raise DataError(f"{plain_name(name)} is larger than {MAX_ZIP >> 20} MB; give a smaller one.")
    with SafeZip(Named(data, name)):  # type: ignore[arg-type]
        pass
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).stem).strip("-")[:40] or "pictures"
    path = runs / FOLDER / hashlib.sha256(data).hexdigest()[:16] / f"{stem}.zip"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_atomic(path, data)
    except OSError as error:
        raise DataError(f"The archive cannot be saved in {runs}: {error.strerror or error}.") from None
    return path


def drop_zip(path: Path) -> None:
    """Delete an uploaded archive."""
    shutil.rmtree(path.parent, ignore_errors=True)


def drop_unused(folder: Path, dataset: str) -> None:
    """Delete what a run was trained on if it is an uploaded archive that no run in the folder needs any more."""
    path = Path(dataset)
    if path in (folder / FOLDER).glob("*/*.zip") and not any(_learnt_from(r, dataset) for r in all_runs(folder)):
        drop_zip(path)


def _learnt_from(run: Run, dataset: str) -> bool:
    try:
        return run.config().dataset == dataset
    except RunError:
        return False
