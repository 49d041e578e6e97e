"""What people do with a run: call it something else, keep a note in its folder, take its curves along as a table.

A run's name is its folder's, so that renaming touches no file; config.json stays as the training wrote it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from siamese_core import processes, runs
from siamese_core.errors import RunError
from siamese_core.files import write_atomic
from siamese_core.runs import Run

NOTE = "note.txt"
MAX_NOTE = 2000  # characters
_FIRST = ("run", "event", "step", "epoch", "seconds")  # columns of the table of curves


def rename(run: Run, name: str) -> Run:
    """The run under its new name. Raises RunError when it is training, or the name cannot be or is taken."""
    name = name.strip()
    if name == run.name:
        return run
    runs.check_name(name)
    if run.status().active or _still_at_it(run):
        raise RunError(f"Run {run.name} is training; rename it when it has ended.")
    target = run.folder.with_name(name)
    if target.exists():
        raise RunError(f"There is already a run called '{name}'; choose another name.")
    run.manifest()  # never rename a folder that is not a run
    try:
        run.folder.rename(target)
    except OSError as e:
        raise RunError(f"Run {run.name} cannot be renamed: {e.strerror or e}.") from None
    return Run(target)


def _still_at_it(run: Run) -> bool:
    """Whether a worker without a sign of life lives all the same."""
    raw = run.raw_status() or {}
    return run.status().state == "stalled" and processes.alive(raw.get("pid"), raw.get("started"))


def note(run: Run) -> str:
    """What somebody wrote about the run; empty when there is nothing."""
    try:
        return (run.folder / NOTE).read_bytes()[: 4 * MAX_NOTE].decode("utf-8", "replace")[:MAX_NOTE]
    except OSError:
        return ""


def write_note(run: Run, text: str) -> None:
    """Keep a note, or drop it when it is empty. Raises RunError when it is too long or cannot be written."""
    text = _plain(text).strip()
    if len(text) > MAX_NOTE:
        raise RunError(f"The note has {len(text):,} characters, more than the {MAX_NOTE:,} allowed; shorten it.")
    run.manifest()
    try:
        if text:
            write_atomic(run.folder / NOTE, text.encode())
        else:
            (run.folder / NOTE).unlink(missing_ok=True)
    except OSError as e:
        raise RunError(f"The note of run {run.name} cannot be written: {e.strerror or e}.") from None


def _plain(text: str) -> str:
    """The text without control characters and halves of characters; lines stay."""
    text = text.replace("\r\n", "\n").encode("utf-8", "ignore").decode()
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def curves_csv(chosen: Sequence[Run]) -> bytes:
    """Every step and epoch of these runs as a CSV table, in the order of their batches; what a resumed run did
    again stands once."""
    rows: list[dict[str, Any]] = []
    for run in chosen:
        history = run.history()
        for e in sorted([*history.steps, *history.epochs], key=lambda e: e["step"]):
            rows.append({"run": run.name, "event": e["event"]} | {k: v for k, v in e.items() if _is_cell(k, v)})
    found = dict.fromkeys([*_FIRST, *(k for row in rows for k in row)])
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, list(found), restval="")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def _is_cell(key: str, value: Any) -> bool:
    return key != "time" and bool(re.fullmatch(r"[a-z][a-z0-9_]*", key)) and isinstance(value, int | float)
