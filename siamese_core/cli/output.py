"""What the commands print, and how."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any


def say(text: str) -> None:
    """One line on standard error."""
    print(f"siamese: {' '.join(text.split())}", file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """One line of progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def result(value: dict[str, Any], as_json: bool, text: str) -> None:
    """The result on standard output: one JSON object, or the text for people."""
    print(json.dumps(plain(value), allow_nan=False) if as_json else text, flush=True)


def warn(warnings: list[str]) -> None:
    """Warnings on standard error, one line each."""
    for text in warnings:
        say(f"warning: {text}")


def plain(value: Any) -> Any:
    """numpy values and paths as plain JSON values; what is not a finite number becomes null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Ticker:
    """Progress on standard error: one line that rewrites itself on a terminal, silence elsewhere."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._width = 0

    def __call__(self, text: str, fraction: float | None) -> None:
        """Show `text` and how far it is, 0..1, or None where that is not known."""
        if self._on:
            line = text if fraction is None else f"{text} ({fraction:.0%})"
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = len(line)

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    """Rows as aligned text; columns: key -> heading. Numbers get four significant digits."""
    cells = [[_cell(row.get(key)) for key in columns] for row in rows]
    lines = [list(columns.values()), *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def percent(value: float) -> str:
    """0.9123 -> '91.2%'."""
    return f"{100 * value:.1f}%"


def count(number: int, noun: str) -> str:
    """1 -> '1 class', 2,000 -> '2,000 classes'."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
