"""The only place of `st.cache_*`: what is dear to make and the same for everybody.

Models are read-only, in eval mode, keyed by the digest of their weights; data sets and embeddings by
what they are made of, never by Streamlit's own hash of large arrays. Nothing that was uploaded is here.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from siamese_core import datasets
from siamese_core.errors import DataError
from siamese_core.files import sha16
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

if TYPE_CHECKING:
    from siamese_core.trained import Trained

MOST_ITEMS = 2000  # of a set that pages embed at once
QUICK = ("digits", "glyphs", "olivetti")  # loaded in a moment, so that their unseen classes may come first
OWN = "Unseen classes of this run"


class _Engine:
    """Imports torch beside the pages, so that the first paint need not wait for it, and asks for the device."""

    def __init__(self) -> None:
        self.words: str | None = None
        self.ready = threading.Event()
        threading.Thread(target=self._start, daemon=True, name="warm-up").start()

    def _start(self) -> None:
        try:
            from siamese_core import device, trained  # noqa: F401 (the import is the point)

            self.words = device.describe()
        except Exception:
            logging.getLogger("siamese_lab").exception("The device could not be asked for")
            self.words = "device unknown"
        finally:
            self.ready.set()


@st.cache_resource(show_spinner=False)
def _engine() -> _Engine:
    return _Engine()


def warm_up() -> None:
    """Begin to import what computing needs, once a server."""
    _engine()


def device_words() -> str | None:
    """What 'auto' computes on, or None while that is being found out."""
    return _engine().words


@st.cache_data(show_spinner=False, max_entries=200)
def _digest(path: str, size: int, modified: int) -> str:
    return sha16(Path(path))


def weights_digest(run: Run) -> str:
    """The digest of a run's best weights; the file is read again only when it changed. Raises RunError."""
    path = run.weights()
    info = path.stat()
    return _digest(str(path), info.st_size, info.st_mtime_ns)


def trained(run: Run) -> Trained:
    """A run's network, shared by all sessions. Raises RunError."""
    _engine().ready.wait()
    return _trained(str(run.folder), weights_digest(run))


@st.cache_resource(max_entries=4, show_spinner="Loading the network…")
def _trained(folder: str, digest: str) -> Trained:
    from siamese_core import trained as module

    return module.load(Run(Path(folder)))


def choices(run: Run | None) -> dict[str, str]:
    """Sets to pick examples from without a download: key -> words for the chooser."""
    found = {}
    own = run is not None and bool(_own_parts(run)) and is_here(run.config().dataset)
    if own and run is not None and run.config().dataset in QUICK:
        found["unseen"] = OWN
    offline = {"glyphs": "Glyphs (invented characters)", "digits": "Digits (real scans)"}
    found |= dict(reversed(offline.items())) if found else offline
    if own:
        found.setdefault("unseen", OWN)
    if is_here("omniglot"):
        found["omniglot"] = "Omniglot (handwritten characters)"
    return found


def is_here(dataset: str) -> bool:
    """Whether a set can be loaded at once: offline ones, and those that lie in the data root already."""
    root = datasets.data_root()
    needed = {
        "omniglot": root / "omniglot-py" / "images_background",
        "omniglot-evaluation": root / "omniglot-py" / "images_evaluation",
        "olivetti": root / "olivetti",
    }.get(dataset)
    if needed is not None:
        return needed.exists()
    return dataset in datasets.REGISTRY or Path(dataset).expanduser().exists()


def _own_parts(run: Run) -> list[str]:
    split = run.manifest().get("split") or {}
    return [*split.get("validation", ()), *split.get("test", ())]


def examples(run: Run | None, key: str) -> LabelledSet:
    """A set by its key in `choices`. Raises DataError."""
    if key == "unseen" and run is not None:
        return _unseen(str(run.folder), run.config().dataset, tuple(_own_parts(run)))
    return dataset(key)


@st.cache_resource(max_entries=3, show_spinner="Loading the data set…", show_time=True)
def dataset(name: str) -> LabelledSet:
    """A data set by its name. Raises DataError."""
    return datasets.load(name)


@st.cache_resource(max_entries=3, show_spinner="Loading the classes that the run has not learnt from…", show_time=True)
def _unseen(folder: str, name: str, classes: tuple[str, ...]) -> LabelledSet:
    whole = datasets.load(name)
    index = {c: i for i, c in enumerate(whole.class_names)}
    kept = [index[c] for c in classes if c in index]
    if len(kept) < 2:
        raise DataError(f"The data set {whole.name} no longer has the classes of this run; choose other pictures.")
    return whole.classes(kept)


def part_of(data: LabelledSet, most: int = MOST_ITEMS) -> LabelledSet:
    """Up to `most` items of a set, every class alike, the same ones each time; all classes stay."""
    if len(data) <= most:
        return data
    order = np.random.default_rng(0).permutation(len(data))
    rank = np.empty(len(data), dtype=np.int64)
    for c in range(data.n_classes):
        mine = order[data.labels[order] == c]
        rank[mine] = np.arange(len(mine))
    kept = np.sort(order[np.argsort(rank[order], kind="stable")][:most])
    makers = None if data.makers is None else data.makers[kept]
    return replace(data, items=data.items.select(kept), labels=data.labels[kept], makers=makers)
