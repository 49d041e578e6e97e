"""The only place of `st.cache_*`: what is dear to make and the same for everybody.

Models are read-only, in eval mode, keyed by the digests of their weights and their card; data sets and embeddings by
what they are made of, never by Streamlit's own hash of large arrays. Nothing that was uploaded is here.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.parts.epochs_work import Films
from pages.parts.preview_work import Answer, Background, Spoilt
from siamese_core import datasets, forecast, map_jobs, projection
from siamese_core import nearest as nearest_points
from siamese_core import preview as previews
from siamese_core.config import TrainConfig
from siamese_core.datasets import glyphs
from siamese_core.errors import DataError
from siamese_core.files import sha16
from siamese_core.runs import Run
from siamese_core.types import InputSpec, LabelledSet

if TYPE_CHECKING:
    from siamese_core.galleries import Gallery, Searcher
    from siamese_core.retrieval import Distances
    from siamese_core.trained import Trained

MOST_ITEMS = 2000  # of a set that pages embed at once
QUICK = ("digits", "glyphs", "olivetti")  # loaded in a moment, so that their unseen classes may come first
OWN = "Unseen classes of this run"


@dataclass(frozen=True)
class Seen:
    """A small set through a network: embeddings (N, D) and the distances (N, N) between all of them."""

    embeddings: np.ndarray
    distances: np.ndarray
    threshold: float | None


class _Engine:
    """Imports torch beside the pages, so that the first paint need not wait for it, and asks for the device."""

    def __init__(self) -> None:
        self.words = "device unknown"
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._import, daemon=True, name="warm-up")
        self._lock = threading.Lock()

    def start(self) -> None:
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()

    def _import(self) -> None:
        try:
            from siamese_core import device, trained  # noqa: F401 (the import is the point)

            self.words = device.describe()
            datasets.load("digits")  # scikit-learn takes seconds to import, too
        except Exception:
            logging.getLogger("siamese_lab").exception("The device could not be asked for")
        finally:
            self.ready.set()


@st.cache_resource(show_spinner=False)
def _engine() -> _Engine:
    return _Engine()


def warm_up() -> None:
    """Begin to import what computing needs, once a server."""
    _engine().start()


def warm() -> bool:
    """Whether what computing needs is there; asking does not begin it."""
    return _engine().ready.is_set()


def device_words() -> str:
    """What 'auto' computes on; once warm."""
    return _engine().words


def seen_by(run: Run, data: LabelledSet) -> Seen | None:
    """What a run's network makes of a small set, or None while not warm. Raises RunError."""
    if not warm():
        return None
    return _seen(str(run.folder), weights_digest(run), card_digest(run), data.digest, data)


@st.cache_resource(show_spinner=False, max_entries=8)
def _seen(folder: str, digest: str, card: str, of: str, _data: LabelledSet) -> Seen:
    model = _trained(folder, digest, card)
    embeddings = model.embed(_data.items)
    return Seen(embeddings, model.distance_matrix(embeddings, embeddings), model.threshold)


@st.cache_resource(show_spinner=False)
def signs() -> LabelledSet:
    """Six invented characters by three hands each, large: what Home's picture is made of."""
    return glyphs.glyphs(12, 3, 84, seed=0, alphabets=3).classes([2, 5, 7, 8, 10, 11])


@st.cache_data(show_spinner=False, max_entries=200)
def _digest(path: str, size: int, modified: int) -> str:
    return sha16(Path(path))


def weights_digest(run: Run) -> str:
    """The digest of a run's best weights; the file is read again only when it changed. Raises RunError."""
    path = run.weights()
    info = path.stat()
    return _digest(str(path), info.st_size, info.st_mtime_ns)


def card_digest(run: Run) -> str:
    """The digest of a run's card, which holds its threshold; "" while there is none."""
    path = run.folder / "card.json"
    try:
        info = path.stat()
        return _digest(str(path), info.st_size, info.st_mtime_ns)
    except OSError:
        return ""


def version(run: Run) -> str:
    """What tells verdicts of a run from those it gave before: its weights and its card. Raises RunError."""
    return f"{weights_digest(run)}-{card_digest(run)}"


def trained(run: Run) -> Trained:
    """A run's network, which decides as its card says, shared by all sessions. Raises RunError."""
    warm_up()
    _engine().ready.wait()
    return _trained(str(run.folder), weights_digest(run), card_digest(run))


@st.cache_resource(max_entries=4, show_spinner="Loading the network…")
def _trained(folder: str, digest: str, card: str) -> Trained:
    from siamese_core import trained as module

    return module.load(Run(Path(folder)))


def searcher(run: Run, gallery: Gallery) -> Searcher:
    """A gallery ready to be searched by its run, shared by all sessions; it sees what is added and removed. Raises
    DataError and ConfigError as `Gallery.searcher`."""
    return _searcher(str(gallery.folder), gallery.manifest.key, version(run), gallery, trained(run))


@st.cache_resource(show_spinner="Opening the gallery…", max_entries=2)
def _searcher(folder: str, key: str, of: str, _gallery: Gallery, _model: Trained) -> Searcher:
    return _gallery.searcher(_model)


def sample(searcher: Searcher, most: int) -> np.ndarray:
    """(M, D) embeddings of a gallery: all, or `most` of them drawn by chance; read again when it has changed."""
    return _sample(searcher.version, most, searcher)


@st.cache_resource(show_spinner=False, max_entries=2)
def _sample(of: str, most: int, _searcher: Searcher) -> np.ndarray:
    searcher, ids = _searcher, _searcher.ids()
    if len(ids) > most:
        ids = np.sort(np.random.default_rng(0).choice(ids, most, replace=False))
    return searcher.embeddings(ids)


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
        "orl": root / "orl_faces",
        "signatures": root / "signatures_dutch" / "train",
        "signatures-evaluation": root / "signatures_dutch" / "test",
        "mednist": root / "mednist" / "resized",
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
def dataset(name: str, _progress: Callable[[str, float], None] | None = None) -> LabelledSet:
    """A data set by its name. Raises DataError."""
    return datasets.load(name, progress=_progress)


@st.cache_resource(max_entries=3, show_spinner="Loading the classes that the run has not learnt from…", show_time=True)
def _unseen(folder: str, name: str, classes: tuple[str, ...]) -> LabelledSet:
    whole = datasets.load(name)
    index = {c: i for i, c in enumerate(whole.class_names)}
    kept = [index[c] for c in classes if c in index]
    if len(kept) < 2:
        raise DataError(f"The data set {whole.name} no longer has the classes of this run; choose other pictures.")
    return whole.classes(kept)


def test_classes(run: Run) -> LabelledSet:
    """The classes that a run has kept apart for measuring it. Raises DataError."""
    return _unseen(str(run.folder), run.config().dataset, tuple((run.manifest().get("split") or {}).get("test", ())))


def validation_classes(run: Run) -> LabelledSet:
    """The classes that a run's best weights and its first threshold were chosen on. Raises DataError."""
    names = tuple((run.manifest().get("split") or {}).get("validation", ()))
    return _unseen(str(run.folder), run.config().dataset, names)


def part_of(data: LabelledSet, most: int = MOST_ITEMS) -> LabelledSet:
    """Up to `most` items of a set, every class alike, the same ones each time; all classes stay."""
    return previews.thinned(data, most)


@st.cache_resource(show_spinner=False)
def films() -> Films:
    """Trainings as films, and the pictures that their points are of; only sets that are here are read."""
    return Films(lambda name: dataset(name) if name in datasets.REGISTRY else datasets.load(name))


def watched_pictures(run: Run, items: np.ndarray | None) -> Answer | None:
    """The pictures of a film's points as one sheet, None in the answer without them; None: wait. Fetches nothing."""
    return films().sheet(run, items) if is_here(run.config().dataset) else Answer()


# ---- what a training will be fed and cost: worked out beside the pages ----


@st.cache_resource(show_spinner=False)
def _previews() -> Background:
    return Background(4)


@st.cache_resource(show_spinner=False)
def _speeds() -> Background:
    return Background(60)


def preview(config: TrainConfig) -> Answer | None:
    """The data as these settings will feed it (a Preview), or None while it is being read. Never fetches any."""

    def work(progress: Callable[[str, float], None]) -> previews.Preview:
        registered = config.dataset in datasets.REGISTRY
        load = dataset if registered else datasets.load
        whole = load(config.dataset, **{"_progress" if registered else "progress": progress})
        found = previews.look(whole, config, progress)
        _engine().ready.wait()  # the pictures will be augmented
        return found

    return _previews().ask(_preview_key(config), work)


def preview_progress(config: TrainConfig) -> tuple[str, float]:
    """What is being done for a preview, and how much of it is done."""
    return _previews().progress(_preview_key(config))


def _preview_key(config: TrainConfig) -> tuple[object, ...]:
    return (config.dataset, _signature(config.dataset), config.seed, config.hold_out, config.picture,
            config.colour, config.crop, config.extra_classes)  # fmt: skip


def _signature(dataset: str) -> tuple[int, ...]:
    """What changes when a folder or archive does, as far as can be told in a moment."""
    path = Path(dataset).expanduser()
    if dataset in datasets.REGISTRY or not path.exists():
        return ()
    folders = [path, *itertools.islice((p for p in path.glob("*/") if p.is_dir()), 2000)]
    times = [p.stat().st_mtime_ns for p in folders]
    return (path.stat().st_size, len(folders), max(times))


def speed(config: TrainConfig, spec: InputSpec, busy: Callable[[], bool]) -> Answer | None:
    """How quickly this machine trains with these settings (a Speed, or None in it), or None while it is measured.

    While the machine is `busy` with a training, only what is known already is told, and nothing is measured.
    """
    key = (spec, *(getattr(config, name) for name in forecast.SPEED))
    if busy():
        return _speeds().answers.get(key)

    def work(_: Callable[[str, float], None]) -> forecast.Speed | None:
        found = forecast.measure_apart(config, spec)
        if busy():  # a training was started meanwhile: half of the machine was measured
            raise Spoilt
        return found

    return _speeds().ask(key, work)


# ---- finished maps ----


@dataclass(frozen=True)
class Mapped:
    """A finished map: its arrays as `map_jobs.result` gives them, and a digest of them."""

    found: dict[str, np.ndarray]
    digest: str


def finished_map(job: Path) -> Mapped:
    """A finished map, read once. Raises RunError when it is not finished or damaged."""
    try:
        made = (job / "points.npz").stat().st_mtime_ns
    except OSError:
        made = 0  # `result` says what is wrong
    return _finished_map(str(job), made)


@st.cache_resource(show_spinner=False, max_entries=4)
def _finished_map(job: str, made: int) -> Mapped:
    found = map_jobs.result(Path(job))
    found["embeddings"] = np.array(found["embeddings"])  # in memory: every click compares with all of them
    return Mapped(found, f"{Path(job).name}-{made:x}")


@st.cache_resource(show_spinner=False)
def _nearest() -> Background:
    return Background(8)


def nearest(run: Run, mapped: Mapped) -> Answer | None:
    """Every point's nearest neighbour by the run's own distance (a Nearest), or None while they are being found.
    Raises RunError."""
    if not warm():
        return None
    model = _compares(run, mapped)

    def work(progress: Callable[[str, float], None]) -> nearest_points.Nearest:
        return nearest_points.each(model, mapped.found["embeddings"], mapped.found["labels"], progress)

    return _nearest().ask(mapped.digest, work)


def nearest_progress(mapped: Mapped) -> tuple[str, float]:
    """How far the finding of nearest neighbours is."""
    return _nearest().progress(mapped.digest)


def neighbours(run: Run, mapped: Mapped, point: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The true neighbours of a point and their distances, as `projection.neighbours`. Raises RunError."""
    return _neighbours(mapped.digest, point, count, _compares(run, mapped), mapped.found["embeddings"])


def _compares(run: Run, mapped: Mapped) -> Distances:
    """What compares the embeddings of a map: of an epoch, no network is kept."""
    model = trained(run)
    if "epoch" not in mapped.found:
        return model
    from siamese_core.distances import Unlearned

    return Unlearned(model.config.distance)


@st.cache_resource(show_spinner=False, max_entries=200)
def _neighbours(of: str, point: int, count: int, _model: Distances, _z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return projection.neighbours(_model, _z, point, count)


@st.cache_resource(show_spinner=False, max_entries=12)
def map_bytes(digest: str, kind: str, _pack: Callable[[], bytes]) -> bytes:
    """What `_pack` makes of the map with this digest for the browser, made once."""
    return _pack()
