"""Zip files from strangers, read safely.

The whole directory of the archive is judged before anything is decompressed: entries that point
outside, links, archives inside, passwords, too many entries, too much data, a ratio that only a
decompression bomb has, or a kind of packing that cannot be unpacked piece by piece (only the usual
"deflate" can) are each refused in one sentence. Sizes that lie are caught while reading.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

from siamese_core.errors import DataError
from siamese_core.modalities.decoding import plain_name

Progress = Callable[[str, float], None]

MAX_ENTRIES = 20_000
MAX_TOTAL = 2 * 2**30
MAX_FILE = 256 * 2**20
MAX_NAME = 1000  # characters of a path inside, and
MAX_DEPTH = 100  # folders in it; no file system goes much further
MAX_RATIO = 200
RATIO_FROM = 32 * 2**20  # a small file may compress as well as it likes
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_SIGNATURES = (b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0")
_BLOCK = 2**20
_ENTRY = b"PK\x01\x02"  # each entry of the directory begins so


class SafeZip:
    """A zip file whose directory has been judged; nothing of it is on the disk.

    names       the files inside, "/" between folders; folders and hidden files left out
    read(...)   one file's bytes; threads may share a SafeZip
    """

    def __init__(self, path: Path, max_entries: int = MAX_ENTRIES, max_total: int = MAX_TOTAL) -> None:
        """Raises DataError, one sentence, when the archive is damaged or must not be trusted."""
        self.label = plain_name(path.name)
        if isinstance(path, Path) and path.exists() and not path.is_file():
            raise DataError(f"{path} is no file; give a zip file.")  # a pipe or a device would be waited for
        try:
            self._few(path, max_entries)
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise DataError(f"There is no file {path}.") from error
        except DataError:
            raise
        except Exception as error:  # sizes and offsets that cannot be raise whatever comes
            raise DataError(f"{self.label} is not a zip file, or a damaged one; make it again.") from error
        try:
            self._entries = self._judged(max_total)
        except DataError:
            self.close()
            raise

    @property
    def names(self) -> list[str]:
        """Names of the files, in the archive's order."""
        return list(self._entries)

    def read(self, name: str, limit: int = MAX_FILE) -> bytes:
        """One file's first `limit` bytes. Raises DataError when it is damaged or an archive itself."""
        blocks = []
        for block in self.blocks(name):
            blocks.append(block)
            limit -= len(block)
            if limit <= 0:
                break
        whole = b"".join(blocks)
        return whole[:limit] if limit < 0 else whole

    def blocks(self, name: str) -> Iterator[bytes]:
        """One file's bytes in blocks of 1 MiB, so that it never lies in memory as a whole."""
        info = self._entries[name]
        left = info.file_size
        try:
            with self._zip.open(info) as file:
                while block := file.read(_BLOCK):
                    if left == info.file_size and block.startswith(_SIGNATURES):
                        raise self._refused(f"holds an archive inside, '{plain_name(name)}'; unpack that one first")
                    left -= len(block)
                    if left < 0:
                        raise self._refused(f"holds '{plain_name(name)}', which is larger than it says")
                    yield block
        except DataError:
            raise
        except Exception as error:  # each way of packing has errors of its own, down to a seek before the file
            raise self._refused(f"is damaged at '{plain_name(name)}'; make it again") from error

    def close(self) -> None:
        """Lets go of the file."""
        self._zip.close()

    def __enter__(self) -> SafeZip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refused(self, why: str) -> DataError:
        return DataError(f"The zip file {self.label} {why}.")

    def _few(self, path: Path, most: int) -> None:
        """Counts the entries before zipfile makes an object of each, which may be millions."""
        found, tail = 0, b""
        with open(path, "rb") if isinstance(path, Path) else nullcontext(path) as file:
            file.seek(0)
            while block := file.read(_BLOCK):
                found += (tail + block).count(_ENTRY)
                tail = block[1 - len(_ENTRY) :]
        if found > most:
            raise self._refused(f"has {found:,} entries, more than the {most:,} allowed; make it smaller")

    def _judged(self, max_total: int) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        total = sum(i.file_size for i in infos)
        packed = sum(i.compress_size for i in infos)
        if total > max_total:
            raise self._refused(
                f"would take {total / 2**30:.1f} GiB unpacked, more than the {max_total / 2**30:.0f} GiB allowed"
            )
        if total > RATIO_FROM and total > MAX_RATIO * max(1, packed):
            raise self._refused("is compressed beyond reason, as only a decompression bomb is, and is not opened")
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = self._safe_name(info)
            if not name or info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
                continue
            if name in entries:
                raise self._refused(f"holds two files called '{plain_name(name)}'; make it again")
            entries[name] = info
        return entries

    def _safe_name(self, info: zipfile.ZipInfo) -> str:
        """The entry's name with "/" between folders, after everything about it was judged."""
        name = info.orig_filename.replace("\\", "/")
        if len(name) > MAX_NAME or name.count("/") > MAX_DEPTH:
            raise self._refused(f"holds '{plain_name(name)}', whose path is too long; put it into fewer folders")
        parts = [p for p in name.split("/") if p not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name or (parts and ":" in parts[0]):
            raise self._refused(f"has an entry that points outside of it, '{plain_name(name)}', and is not opened")
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refused(f"holds a link, '{plain_name(name)}'; put the file itself there instead")
        if info.flag_bits & 0x1:
            raise self._refused("is locked with a password; make it without one")
        if name.lower().endswith(_ARCHIVES):
            raise self._refused(f"holds an archive inside, '{plain_name(name)}'; unpack that one first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._refused(
                f"holds '{plain_name(name)}' packed in an unusual way; make it with the usual 'deflate'"
            )
        if info.file_size > MAX_FILE:
            raise self._refused(f"holds '{plain_name(name)}' of more than {MAX_FILE >> 20} MiB, which is no picture")
        return "/".join(parts)


def read_zip(path: Path, max_entries: int = MAX_ENTRIES) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each file of a zip, in its order; nothing is written to the disk. Raises DataError."""
    with SafeZip(path, max_entries) as archive:
        for name in archive.names:
            yield name, archive.read(name)


def unpack(
    path: Path, target: Path, *, inside: str = "", max_entries: int = 100_000, progress: Progress | None = None
) -> None:
    """Unpacks a zip (of `inside` it, only that folder) to `target`, whole or not at all.

    Raises DataError when the zip must not be trusted, lacks the folder, or the disk is full; then
    nothing is left behind.
    """
    prefix = f"{inside}/" if inside else ""
    with SafeZip(path, max_entries) as archive:
        names = [n for n in archive.names if n.startswith(prefix)]
        if not names:
            raise DataError(f"The zip file {archive.label} has no folder '{inside}' with files.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        except OSError as error:
            raise DataError(f"The folder {target.parent} cannot be written: {error.strerror}.") from error
        try:
            whole = work / "whole"
            for done, name in enumerate(names):
                _write(archive, name, whole / name[len(prefix) :])
                if progress and done % 200 == 0:
                    progress(f"Unpacking {archive.label}", done / len(names))
            _publish(whole, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _write(archive: SafeZip, name: str, file: Path) -> None:
    blocks = archive.blocks(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            for block in blocks:
                out.write(block)
    except OSError as error:
        raise DataError(f"{archive.label} cannot be unpacked to {file.parent}: {error.strerror}.") from error


def _publish(whole: Path, target: Path) -> None:
    """One atomic rename; if another process was quicker, its folder stays."""
    try:
        os.rename(whole, target)
    except OSError as error:
        if not target.is_dir():
            raise DataError(f"The folder {target} cannot be written: {error.strerror}.") from error
