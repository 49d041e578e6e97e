"""The measured comparisons of benchmarks/: found by file name, run, and checked for their shape.

A benchmark is a file benchmarks/NAME.py with a function
`run() -> {"name", "headline": {"what", "value"}, "rows": [{...}, ...]}`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from siamese_core.errors import ConfigError

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def names(folder: Path = FOLDER) -> list[str]:
    """The benchmarks there are, in order of name."""
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def run(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Run one and return its table. Raises ConfigError for an unknown name, TypeError when a benchmark
    returns something else than it should."""
    found = load(name, folder).run()
    if not isinstance(found, dict) or not {"what", "value"} <= set(found.get("headline", ())) or "rows" not in found:
        raise TypeError(f"benchmarks/{name}.py must return name, headline (what, value) and rows.")
    return {"name": name} | found


def load(name: str, folder: Path = FOLDER) -> Any:
    """A benchmark's module, or a helper's of theirs ("_name"). Raises ConfigError for an unknown name."""
    if name not in names(folder) and not (name.startswith("_") and (folder / f"{name}.py").is_file()):
        known = ", ".join(names(folder)) or f"none: the folder {folder} comes with the source code"
        raise ConfigError(f"There is no benchmark '{name}'; there are: {known}.")
    spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
