"""Bad uploads by number, and the upload layer that they are fed to: what may come out, and what may not."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from pages.parts import charts, frame, uploads
from siamese_core import checkpoint, trained
from siamese_core.datasets import folder
from siamese_core.datasets.archives import unpack
from siamese_core.errors import SiameseError
from siamese_core.modalities.image import from_files
from siamese_core.runs import Run
from siamese_core.types import InputSpec
from tests.fuzz import bad_archives, bad_pictures, bad_records

SEED = 20
SPECS = (InputSpec(1, 28, 28, "ink"), InputSpec(3, 32, 24, "photo"))
RECORDS = ("config.json", "card.json", "status.json", "events.jsonl")
MOST_MEMORY = 450 * 2**20  # bytes that one upload may take at its worst moment; 40 million pixels take 380 MiB
MOST_SECONDS = 10.0  # of processor time for one upload
ZIP_NAME = "up\u202eload/../\n.zip"

Feed = Callable[[], None]


@dataclass(frozen=True)
class _Given:
    """What Streamlit's uploader hands over."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def getvalue(self) -> bytes:
        return self.data


@dataclass
class Found:
    """What came of many uploads: outcomes by kind, and everything that must not have happened, by number."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    most_memory: int = 0
    most_seconds: float = 0.0

    def table(self) -> str:
        """Refused and accepted by kind."""
        rows = [f"{k:28} {c['refused']:6} refused {c['accepted']:6} accepted" for k, c in sorted(self.counts.items())]
        return "\n".join([*rows, f"most memory {self.most_memory >> 20} MiB, most time {self.most_seconds:.2f} s"])


class Layer:
    """The upload layer in a folder of its own, with a sound run in it."""

    def __init__(self, home: Path, run: Path) -> None:
        self.home = home
        self.run = Run(Path(shutil.copytree(run, home / "runs" / "tiny")))
        moments = {"optimiser.0.exp_avg": torch.arange(40.0)}
        checkpoint.save_state(self.run.folder, moments, {"epoch": 1, "step": 10, "best": {"auc": 0.9}})

    def feed(self, number: int, found: Found) -> None:
        """Make the bad upload of this number, give it to everything that takes its kind, and note what happened."""
        rng = np.random.default_rng([SEED, number])
        kind, make = KINDS[number % len(KINDS)]
        for what, feed in make(self, rng):
            self.watch(feed, f"{kind}: {what}" if what else kind, number, found)

    def watch(self, feed: Feed, label: str, number: int, found: Found) -> None:
        """Give one upload, and note what came of it, what it cost and what it left behind."""
        before, _ = files(self.home), _peak()
        base = _peak()
        began = time.process_time()
        counts = found.counts.setdefault(label, Counter())
        try:
            feed()
            counts["accepted"] += 1
        except SiameseError as error:
            counts["refused"] += 1
            if not is_sentence(str(error)):
                found.wrong.append(f"{number} {label}: no plain sentence: {str(error)[:300]!r}")
        except Exception as error:
            counts["broken"] += 1
            found.wrong.append(f"{number} {label}: {type(error).__name__}: {str(error)[:300]} {_where(error)}")
        spent, memory = time.process_time() - began, _peak() - base
        found.most_seconds, found.most_memory = max(found.most_seconds, spent), max(found.most_memory, memory)
        if files(self.home) != before:
            found.wrong.append(f"{number} {label}: files were left behind or changed")
        if memory > MOST_MEMORY or spent > MOST_SECONDS:
            found.wrong.append(f"{number} {label}: took {memory >> 20} MiB and {spent:.1f} s")

    def _picture(self, name: str, data: bytes) -> None:
        sources = uploads.checked([_Given(name, data)])
        for spec in SPECS:
            items = from_files(sources, spec)
            assert items.pixels.shape == (1, spec.channels, spec.height, spec.width)
        small = uploads.thumbnail(*sources[0])
        assert small.mode in ("L", "RGB")
        assert max(small.size) <= 480
        assert np.asarray(small).dtype == np.uint8

    def _examples(self, data: bytes) -> None:
        classes = uploads.classes_of(ZIP_NAME, data, 20)
        sources = [s for given in classes.values() for s in given]
        assert 0 < len(sources) <= uploads.MOST_PICTURES
        from_files(sources[:8], SPECS[0])

    def _to_train(self, data: bytes) -> None:
        """Kept, read as a training would, and deleted."""
        path = uploads.keep_zip(self.home / "runs", ZIP_NAME, data)
        try:
            assert path.is_relative_to(self.home / "runs" / uploads.FOLDER)
            assert path.read_bytes() == data
            found = folder.load(path)
            assert len(found) == len(found.labels) > 0
        finally:
            uploads.drop_zip(path)
            path.parent.parent.rmdir()

    def _unpacked(self, data: bytes) -> None:
        path, target = self.home / "up.zip", self.home / "unpacked" / "here"
        path.write_bytes(data)
        try:
            unpack(path, target)
            assert all(p.resolve().is_relative_to(target.resolve()) for p in target.rglob("*"))
            assert not any(p.is_symlink() for p in target.rglob("*"))
            shutil.rmtree(target)
        finally:
            path.unlink()
            assert not target.exists()
            assert not any(target.parent.glob("*"))
            shutil.rmtree(target.parent, ignore_errors=True)

    def _record(self, name: str, data: bytes) -> None:
        path = self.run.folder / name
        sound, times = path.read_bytes(), path.stat()
        path.write_bytes(data)
        try:
            self._read_run(name)
        finally:
            path.write_bytes(sound)
            os.utime(path, ns=(times.st_mtime_ns, times.st_mtime_ns))

    def _read_run(self, changed: str) -> None:
        run = self.run
        frame.facts(run)
        run.status()
        history, card = run.history(), run.card() or {}
        if changed == "events.jsonl":
            charts.loss_curves(history.steps, history.epochs)
            charts.accuracy_curves(history.epochs, 10)
        if bins := card.get("distances"):
            charts.distance_scale(bins["edges"], bins["same"], bins["different"], 0.1, 0.2)
        if changed == "optimiser.safetensors":
            checkpoint.load_state(run.folder)
        elif changed != "events.jsonl":
            run.config()
            run.spec()
            model = trained.load(run)
            z = model.embed(from_files([("x.png", bad_pictures.good("PNG", 1))], model.spec))
            assert z.shape == (1, 16)


def is_sentence(text: str) -> bool:
    """One line that a person can read, of a length that a notice has."""
    return text.endswith((".", ")")) and text.isprintable() and 10 < len(text) < 700 and "Traceback" not in text


def files(home: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in home.rglob("*") if p.is_file()}


def _peak() -> int:
    """The most memory this process had since it was last asked, in bytes; 0 where the system does not tell."""
    try:
        peak = next(int(x.split()[1]) for x in Path("/proc/self/status").read_text().splitlines() if x[:6] == "VmHWM:")
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, StopIteration):
        return 0
    return peak * 1024


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""


def _pictures(form: str) -> Callable[[Layer, np.random.Generator], list[tuple[str, Feed]]]:
    def make(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
        data = bad_pictures.mutated(form, rng)
        return [("", lambda: layer._picture("p\n.png", data))]

    return make


def _costly(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
    data = bad_pictures.costly(rng)
    return [("", lambda: layer._picture("p.png", data))]


def _zips(
    make: Callable[[np.random.Generator], bytes],
) -> Callable[[Layer, np.random.Generator], list[tuple[str, Feed]]]:
    def feeds(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
        data = make(rng)
        return [
            ("examples", lambda: layer._examples(data)),
            ("to train on", lambda: layer._to_train(data)),
            ("unpacked", lambda: layer._unpacked(data)),
        ]

    return feeds


def _tables(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
    data = bad_records.table(rng)
    return [("as a picture", lambda: layer._picture("rows.csv", data)), ("as a zip", lambda: layer._examples(data))]


def _records(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
    name = RECORDS[int(rng.integers(len(RECORDS)))]
    data = bad_records.record(layer.run.folder / name, rng)
    return [(name, lambda: layer._record(name, data))]


def _weights(layer: Layer, rng: np.random.Generator) -> list[tuple[str, Feed]]:
    name = "best.safetensors" if rng.random() < 0.6 else "optimiser.safetensors"
    data = bad_records.weights(layer.run.folder / name, rng)
    return [(name, lambda: layer._record(name, data))]


KINDS: tuple[tuple[str, Callable[[Layer, np.random.Generator], list[tuple[str, Feed]]]], ...] = (
    ("PNG", _pictures("PNG")), ("JPEG", _pictures("JPEG")), ("zip, spoiled", _zips(bad_archives.mutated)),
    ("GIF", _pictures("GIF")), ("BMP", _pictures("BMP")), ("run's JSON", _records), ("TIFF", _pictures("TIFF")),
    ("WebP", _pictures("WEBP")), ("zip, made to harm", _zips(bad_archives.crafted)), ("PNM", _pictures("PPM")),
    ("costly picture", _costly), ("safetensors", _weights), ("PNG", _pictures("PNG")), ("TIFF", _pictures("TIFF")),
    ("zip, made to harm", _zips(bad_archives.crafted)), ("JPEG", _pictures("JPEG")), ("run's JSON", _records),
    ("WebP", _pictures("WEBP")), ("CSV and text", _tables), ("zip, spoiled", _zips(bad_archives.mutated)),
)  # fmt: skip
