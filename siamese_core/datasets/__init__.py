"""Labelled data sets: one file per source. `load` takes a registered name, a folder, or a zip of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from siamese_core.datasets import digits, folder, glyphs, mednist, olivetti, omniglot, orl, signatures
from siamese_core.errors import DataError
from siamese_core.types import LabelledSet

__all__ = ["BY_HAND", "REGISTRY", "data_root", "load"]

Progress = Callable[[str, float], None]
Loader = Callable[[Path, Progress | None], LabelledSet]

REGISTRY: dict[str, Loader] = {
    "digits": digits.load,
    "glyphs": glyphs.load,
    "omniglot": omniglot.load,
    "omniglot-evaluation": omniglot.evaluation,
    "olivetti": olivetti.load,
    "orl": orl.load,
    "signatures": signatures.load,
    "signatures-evaluation": signatures.evaluation,
    "mednist": mednist.load,
}
BY_HAND = ("orl", "signatures", "signatures-evaluation", "mednist")  # not fetched: `load` says what to put where


def data_root(explicit: str | Path | None = None) -> Path:
    """The folder where data sets live: `explicit`, else $SIAMESE_DATA, else the user's cache folder.

    It need not exist yet.
    """
    chosen = explicit or os.environ.get("SIAMESE_DATA")
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "siamese-lab"


_root = data_root


def load(name_or_path: str, data_root: Path | None = None, *, progress: Progress | None = None) -> LabelledSet:
    """A registered name, a folder of class folders (or of groups of them), or a zip of one -> the set.

    data_root   where registered sets live (see `data_root`); absent ones are fetched into it
    progress    called with (what is being done, fraction done)

    Raises DataError when there is no such set (the valid names are listed) or it cannot be read.
    """
    base = _root(data_root)
    if name_or_path in REGISTRY:
        return REGISTRY[name_or_path](base, progress)
    path = Path(name_or_path).expanduser()
    try:
        if name_or_path and path.is_dir():
            return (signatures.read if signatures.is_layout(path) else folder.load)(path, progress=progress)
        if path.is_file():
            if path.suffix.lower() == ".zip":
                return folder.load(path, progress)
            raise DataError(f"{name_or_path} is a file but no zip; give a folder of class folders, or a zip of one.")
    except (OSError, ValueError) as error:
        raise DataError(f"{name_or_path!r} cannot be opened as a data set: {error}.") from error
    raise DataError(
        f"There is no data set '{name_or_path}'; give {', '.join(REGISTRY)}, or a folder of class folders "
        "(or a zip of one)."
    )
