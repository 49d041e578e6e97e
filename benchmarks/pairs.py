"""Many pairs from a CSV against the bare encoder: `python -m siamese_core bench pairs`.

100,000 pairs among 2,000 pictures of a zip. Scoring them should cost little more than reading the pictures and sending
each through the network once: what comes on top is reading the table, finding the files, the distances and verdicts.
Both sides decode the same files in the same way and take turns, so that the machine's moods fall on both alike; each
time is the least of its rounds. The headline is the bare time over ours: the throughput that is left. Processor time,
of all threads together, is told beside it: other programs disturb it less.
"""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from siamese_core import distances, encoders, pair_scoring, presets
from siamese_core.datasets.picture_files import files_in
from siamese_core.modalities.image import decode, each, fit
from siamese_core.pair_csv import read_pairs
from siamese_core.trained import Trained, batch_of
from siamese_core.types import InputSpec

PICTURES, PAIRS, ROUNDS = 2000, 100_000, 15
SIZES = (("omniglot", "laptop"), ("olivetti", "laptop"))


def run(pictures: int = PICTURES, pairs: int = PAIRS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seconds of both for two presets' networks; the headline is the smaller share of the bare throughput."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(Path(folder), dataset, preset, pictures, pairs, rounds) for dataset, preset in SIZES]
    worst = min(row["share"] for row in rows)
    return {
        "name": "pairs",
        "headline": {"what": "throughput of scoring pairs over the bare encoder's (at least 0.9)", "value": worst},
        "rows": rows,
    }


def _row(folder: Path, dataset: str, preset: str, pictures: int, pairs: int, rounds: int) -> dict[str, Any]:
    config = presets.build(dataset, preset)
    spec = InputSpec(1, config.image_size, config.image_size, "ink" if dataset == "omniglot" else "photo")
    torch.manual_seed(0)
    encoder = encoders.build(config, spec).eval().requires_grad_(False)
    distance = distances.build(config.distance, config.embedding_size).eval().requires_grad_(False)
    parts = {"config": config, "spec": spec, "encoder": encoder, "distance_module": distance, "device": "cpu"}
    model = Trained(**dict.fromkeys(f.name for f in fields(Trained)) | parts | {"threshold": 0.5})
    table, archive = _made(folder / dataset, spec.height, pictures, pairs)
    times: dict[str, list[float]] = {}
    for i in range(rounds + 1):
        for side in ("bare", "ours") if i % 2 else ("ours", "bare"):
            found = _bare(model, archive) if side == "bare" else _ours(model, table, archive)
            for name, seconds in found.items() if i else ():  # the first round is not counted
                times.setdefault(name, []).append(seconds)
    least = {name: min(seconds) for name, seconds in times.items()}
    decode_s, bare_s, ours_s = least["decode"], least["bare"], least["ours"]
    return {
        "network": f"{config.encoder}, {config.width} channels, {spec.height} x {spec.width}",
        "pictures": pictures,
        "pairs": pairs,
        "decode_s": round(decode_s, 3),
        "bare_s": round(bare_s, 3),
        "score_s": round(ours_s, 3),
        "share": round(bare_s / ours_s, 4),
        "share_without_decoding": round((bare_s - decode_s) / (ours_s - decode_s), 4),
        "share_of_processor": round(least["bare_processor"] / least["ours_processor"], 4),
        "pairs_per_second": round(pairs / ours_s),
    }


def _made(folder: Path, side: int, pictures: int, pairs: int) -> tuple[Path, Path]:
    """A table of random pairs and a zip of random pictures, blocks that a PNG packs like a scan."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [f"writer{i % 50:02d}/{i:05d}.png" for i in range(pictures)]
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for name in names:
            out = io.BytesIO()
            blocks = rng.integers(0, 2, (side // 5 + 1, side // 5 + 1), dtype=np.uint8) * 255
            Image.fromarray(blocks.repeat(5, 0).repeat(5, 1)[:side, :side]).save(out, "PNG")
            archive.writestr(name, out.getvalue())
    rows = rng.integers(0, pictures, (pairs, 2))
    lines = (f"{names[a]},{names[b]},{int(a % 50 == b % 50)}\n" for a, b in rows)
    (folder / "pairs.csv").write_text("image_a,image_b,label\n" + "".join(lines))
    return folder / "pairs.csv", folder / "pictures.zip"


def _bare(model: Trained, archive: Path) -> dict[str, float]:
    """Seconds to read all pictures, and to read and encode them with nothing around the network."""
    began, worked = time.perf_counter(), time.process_time()
    with files_in(archive) as files:
        pixels = np.stack(each(partial(_fitted, spec=model.spec), files.sources, ""))
    decoded = time.perf_counter() - began
    size = batch_of(model.spec, model.device)
    with torch.inference_mode():
        for start in range(0, len(pixels), size):
            model.encoder(torch.from_numpy(pixels[start : start + size].astype(np.float32) / 255))
    return {
        "decode": decoded,
        "bare": time.perf_counter() - began,
        "bare_processor": time.process_time() - worked,
    }


def _fitted(source: Any, spec: InputSpec) -> np.ndarray:
    return fit(decode(source.read(2**26), source.name), spec)


def _ours(model: Trained, table: Path, archive: Path) -> dict[str, float]:
    began, worked = time.perf_counter(), time.process_time()
    with files_in(archive) as files:
        found = pair_scoring.score(model, read_pairs(table), files)
    seconds = {"ours": time.perf_counter() - began, "ours_processor": time.process_time() - worked}
    assert found.broken_count == 0
    return seconds
