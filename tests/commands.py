"""What the tests of the command line share: a process, pictures, and the smallest training."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
TINY = [
    "train", "digits", "--extra-classes", "none", "--image-size", "12", "--width", "8", "--embedding-size", "8",
    "--classes-per-batch", "5", "--items-per-class", "3", "--no-class-copies", "--steps-per-epoch", "4",
    "--max-seconds", "0", "--device", "cpu",
]  # fmt: skip


def command(*words: str, **more: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own, which Ctrl-C reaches even where the tests run in the background
    (a shell lets what it starts there ignore it)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "siamese_core", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, **more,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)


def scribble(path: Path, seed: int = 0, size: int = 64) -> Path:
    """A picture of some strokes, written to `path`."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size), 255)
    ImageDraw.Draw(image).line([tuple(p) for p in rng.integers(8, size - 8, size=(6, 2)).tolist()], fill=0, width=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path
