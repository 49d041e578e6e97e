"""What a gallery is made for: gallery.json, read strictly, and the folder it lies in.

gallery.json   this; written once      items.sqlite   names, labels, thumbnails (`store`)
vectors.f32    embeddings, append-only index*, chroma*  what an engine keeps; made again from the vectors at will
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from siamese_core import runs
from siamese_core.calibration import Calibration
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, DataError
from siamese_core.files import read_json, write_json
from siamese_core.modalities.decoding import plain_name
from siamese_core.types import InputSpec, Items

FORMAT = 1
SHELF = ".galleries"  # in the runs folder
FILE = "gallery.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_HEX = re.compile(r"[0-9a-f]{16}")


class Model(Protocol):
    """What a gallery needs of a trained network (`Trained` is one)."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> TrainConfig: ...
    @property
    def spec(self) -> InputSpec: ...
    @property
    def weights_digest(self) -> str: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def calibration(self) -> Calibration | None: ...
    @property
    def distance_module(self) -> Any: ...

    def embed(self, items: Items) -> np.ndarray:
        """Items of length N -> (N, D) float32."""
        ...

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(M, D) and (M, D) embeddings -> (M,) distances."""
        ...

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) embeddings -> (Q, G) distances."""
        ...


@dataclass(frozen=True)
class Manifest:
    """gallery.json. `weights` is the digest of the run's weights, `key` this gallery's own (of no meaning)."""

    format: int
    name: str
    key: str
    created: str
    run: str
    weights: str
    input: dict[str, Any]
    embedding_size: int
    distance: str
    engine: str
    settings: dict[str, Any] = field(default_factory=dict)


def of(model: Model, name: str, engine: str, settings: dict[str, Any]) -> Manifest:
    """The manifest of a new gallery for a run."""
    return Manifest(
        FORMAT, name, secrets.token_hex(8), time.strftime("%Y-%m-%dT%H:%M:%S%z"), model.name, model.weights_digest,
        model.spec.to_json(), int(model.config.embedding_size), model.config.distance, engine, settings,
    )  # fmt: skip


def check_name(text: str) -> str:
    """The name, where it is one and no path: for names from strangers. Raises ConfigError."""
    if not _NAME.fullmatch(text):
        raise ConfigError(
            f"'{plain_name(text)}' cannot be a gallery's name; use letters, digits, '.', '_' and '-', beginning with a "
            "letter or a digit."
        )
    return text


def place(name: str | Path, folder: Path | None = None) -> Path:
    """The folder of a gallery: a path (with a "/" in it, absolute, or a folder that is there), else the gallery of
    this name in the runs folder. Raises ConfigError for a name that cannot be one."""
    text = str(name)
    shelf = (folder or runs.runs_folder()) / SHELF
    if _NAME.fullmatch(text) and (shelf / text / FILE).exists():
        return shelf / text
    path = Path(text).expanduser()
    if path.is_absolute() or "/" in text or "\\" in text or (text and path.is_dir()):
        return path.absolute()
    if not _NAME.fullmatch(text):
        raise ConfigError(
            f"'{plain_name(text)}' cannot be a gallery's name; use letters, digits, '.', '_' and '-', or give a path."
        )
    return shelf / text


def write(folder: Path, manifest: Manifest) -> None:
    """Write gallery.json. Raises OSError."""
    write_json(folder / FILE, asdict(manifest))


def read(folder: Path) -> Manifest:
    """gallery.json of a folder. Raises DataError when it is not there, damaged or of another version."""
    called = plain_name(folder.name)
    try:
        value = read_json(folder / FILE)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"There is no gallery '{called}'; make one with `gallery add`, or check its name.") from None
    except (OSError, ValueError):
        raise DataError(f"The gallery.json of gallery {called} cannot be read; make the gallery anew.") from None
    if isinstance(value, dict) and type(value.get("format")) is int and value["format"] != FORMAT:
        raise DataError(
            f"The gallery {called} has format {value['format']}, but this version of Siamese Lab reads format "
            f"{FORMAT}; open it with the version that made it, or make it anew."
        )
    if not _sound(value):
        raise DataError(f"The gallery.json of gallery {called} is not a gallery's; make the gallery anew.")
    return Manifest(**value)


def _sound(value: Any) -> bool:
    """Whether every field is there and is what it should be, and no other."""
    if not isinstance(value, dict) or set(value) != {f.name for f in fields(Manifest)}:
        return False
    words = ("name", "key", "created", "run", "weights", "distance", "engine")
    if any(not isinstance(value[w], str) or len(value[w]) > 1000 for w in words):
        return False
    if not _HEX.fullmatch(value["key"]) or not isinstance(value["settings"], dict):
        return False
    if type(value["embedding_size"]) is not int or not 1 <= value["embedding_size"] <= 2**16:
        return False
    try:
        InputSpec.from_json(value["input"])
    except (ConfigError, TypeError):
        return False
    return value["format"] == FORMAT
