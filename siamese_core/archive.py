"""A run as one file: a zip of the files that its uses need, made and read here.

What resuming needs stays at home, and so does what belongs to one machine (the status with its process,
the log): a run that was imported has ended. A file from elsewhere is never trusted and nothing of it is unpickled;
it becomes a run whole, or nothing of it stays.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
import zipfile
from pathlib import Path
from typing import IO, cast

from siamese_core import runs, upkeep
from siamese_core.datasets.archives import SafeZip
from siamese_core.errors import ConfigError, RunError
from siamese_core.modalities.decoding import plain_name
from siamese_core.runs import Run

_MB = 2**20
MAX_PACKED = 200 * _MB
MAX_TOTAL = 512 * _MB
MAX_ENTRIES = 1000
KEPT = {  # the most that each may take, in bytes
    "config.json": 4 * _MB,
    "card.json": 4 * _MB,
    "events.jsonl": 32 * _MB,
    "best.safetensors": 256 * _MB,
    "reference.safetensors": 32 * _MB,
    "train_digests.txt": 64 * _MB,
    upkeep.NOTE: 4 * upkeep.MAX_NOTE,
}
NEEDED = ("config.json", "best.safetensors")
SNAPSHOT = re.compile(r"snapshots/\d{5,6}\.safetensors")
MAX_SNAPSHOT = 16 * _MB
# Files of a run that a zip made by hand may hold: no use has need of them, or they are one machine's own.
LEFT = {"status.json", "stop", "worker.log", "last.safetensors", "optimiser.safetensors", "optimiser.json"}


def pack(run: Run, out: IO[bytes]) -> None:
    """Write the run as a zip with one folder of its name. Raises RunError when it has no weights, or is training."""
    run.manifest()
    run.weights()
    if run.status().active:
        raise RunError(f"Run {run.name} is training; download it when it has ended.")
    paths = [p for p in (run.folder / name for name in KEPT) if p.is_file()]
    paths += [p for p in sorted(run.folder.glob("snapshots/*")) if SNAPSHOT.fullmatch(f"snapshots/{p.name}")]
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for path in paths:
                inside = f"{run.name}/{path.relative_to(run.folder).as_posix()}"
                if path.name == "events.jsonl" and path.stat().st_size > KEPT["events.jsonl"]:
                    packed.writestr(inside, _thinned(path))
                else:
                    weights = path.suffix == ".safetensors"  # hardly become smaller
                    packed.write(path, inside, zipfile.ZIP_STORED if weights else None)
    except OSError as e:
        raise RunError(f"Run {run.name} cannot be packed: {e.strerror or e}.") from None


def _thinned(path: Path) -> bytes:
    """The events of a training of many hours with fewer of its steps, so that a reader takes them."""
    every = 1 + path.stat().st_size // (KEPT["events.jsonl"] // 2)
    with path.open("rb") as f:
        return b"".join(line for i, line in enumerate(f) if b'"event": "step"' not in line or i % every == 0)


def copy(run: Run, folder: Path, name: str) -> Run:
    """A run of one's own with the files that its uses need, under another name in the runs folder.

    Raises RunError when the name cannot be or is taken, it has no weights, is training, or cannot be written.
    """
    refuse_copy(folder, name)
    run.manifest()
    run.weights()
    if run.status().active:
        raise RunError(f"Run {run.name} is training; copy it when it has ended.")
    target, work = folder / name, folder / f".copy-{uuid.uuid4().hex[:12]}"
    try:
        work.mkdir(parents=True)
        for file in (p for p in (run.folder / kept for kept in KEPT) if p.is_file()):
            shutil.copy(file, work / file.name)
        os.rename(work, target)
    except OSError as e:
        raise RunError(f"Run {run.name} cannot be copied to {folder}: {e.strerror or e}.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Run(target)


def refuse_copy(folder: Path, name: str) -> None:
    """Raises RunError when a run in this folder cannot get this name."""
    runs.check_name(name)
    if (folder / name).exists():
        raise RunError(f"There is already a run called '{name}'; choose another name.")


def unpack(file: Path | IO[bytes], folder: Path) -> Run:
    """Make a run in the runs folder of a packed one: a path, or an open file with a name.

    The run keeps its name, with a number behind it when that is taken. Raises DataError or RunError, one sentence, when
    the file is too large, damaged, or anything in it is not a run's; then nothing of it stays.
    """
    label = plain_name(Path(str(file.name)).name)
    if (size := _size(file)) > MAX_PACKED:
        raise RunError(f"{label} has {size / _MB:.0f} MB, more than the {MAX_PACKED // _MB} MB allowed for a run.")
    work = folder / f".import-{uuid.uuid4().hex[:12]}"
    with SafeZip(cast(Path, file), MAX_ENTRIES, MAX_TOTAL) as packed:
        try:
            members, name = _members(packed)
            run = Run(work / name)
            run.folder.mkdir(parents=True)
            _write(packed, members, run.folder)
            from siamese_core import archive_checks  # torch, which packing can do without

            archive_checks.check(run)
            return _publish(run, folder)
        except (RunError, ConfigError) as e:
            words = " ".join(str(e).split())  # may quote what the file says
            raise RunError(f"{label} cannot be imported: {words[:500]}") from None
        except OSError as e:
            raise RunError(f"{label} cannot be imported to {folder}: {e.strerror or e}.") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _size(file: Path | IO[bytes]) -> int:
    if isinstance(file, Path):
        return file.stat().st_size if file.exists() else 0
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _members(packed: SafeZip) -> tuple[dict[str, str], str]:
    """Which entry becomes which file, and the run's name: the folder's around the files, else the zip's."""
    top = {n.split("/")[0] for n in packed.names}
    around = next(iter(top)) if len(top) == 1 and not top & KEPT.keys() else ""
    members = {}
    for entry in packed.names:
        name = entry.removeprefix(f"{around}/") if around else entry
        if name in KEPT or SNAPSHOT.fullmatch(name):
            members[name] = entry
        elif name not in LEFT:
            raise RunError(f"it holds '{plain_name(entry)}', which is no file of a run.")
    for name in NEEDED:
        if name not in members:
            raise RunError(f"it has no {name}, so it is not a trained run.")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", around or packed.label.removesuffix(".zip")).strip("-._")[:70]
    return members, stem or "imported"


def _write(packed: SafeZip, members: dict[str, str], folder: Path) -> None:
    for name, entry in members.items():
        left = KEPT.get(name, MAX_SNAPSHOT)
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as out:
            for block in packed.blocks(entry):
                left -= len(block)
                if left < 0:
                    raise RunError(f"its {name} is larger than a run's can be.")
                out.write(block)


def _publish(run: Run, folder: Path) -> Run:
    """Move a run that was found good to its place, under a free name."""
    for i in range(1, 10_000):
        target = folder / (run.name if i == 1 else f"{run.name}-{i}")
        if target.exists() or target.name == "starter":
            continue
        try:
            os.rename(run.folder, target)
        except OSError:
            if not target.exists():
                raise
        else:
            return Run(target)
    raise RunError(f"there are too many runs called '{run.name}'; rename some of them.")
