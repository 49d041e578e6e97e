"""Hundreds of spoiled run archives: each becomes a run that works, or one sentence, and nothing of it stays."""

from __future__ import annotations

import io
import json
import pickle
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from siamese_core import archive, trained, upkeep
from siamese_core.errors import SiameseError
from siamese_core.runs import Run

pytestmark = pytest.mark.slow
EACH = 25  # archives a way of spoiling
Rng = np.random.Generator
Files = dict[str, bytes]

ODD: list[Any] = [
    None, True, -1, 0, 1.5, 10**400, 1e300, float("nan"), float("inf"), "", "x" * 30_000, "y" * 9_000, "two\nlines",
    "\ud800", "\0", "~nobody/x", "<script>", "=1+1", "../..", [], {}, [[]], [None] * 100, {"": {}}, {"event": "step"},
    "2026", -(2**70),
]  # fmt: skip
NAMES = [
    "../config.json", "/etc/passwd", "tiny/../../x", "C:/x", "tiny/status.json", "tiny/best.safetensors.zip", "tiny",
    "tiny/snapshots/1.safetensors", "tiny/snapshots/00009.safetensors", "tiny/config.json/x", "other/config.json",
    "tiny//config.json", "tiny\\note.txt", "./config.json", "tiny/CONFIG.JSON", ".hidden", "tiny/x.pkl", "\u202e", " ",
]  # fmt: skip


def zipped(files: Files, kind: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def flipped(data: bytes, rng: Rng, most: int = 12) -> bytes:
    out = bytearray(data)
    for at in rng.integers(0, max(1, len(out)), rng.integers(1, most + 1)):
        if out:
            out[at] = rng.integers(256)
    return bytes(out)


def some(files: Files, rng: Rng, suffix: str = "") -> str:
    return str(rng.choice([n for n in files if n.endswith(suffix)]))


def flip_packed(files: Files, rng: Rng) -> bytes:
    kind = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    return flipped(zipped(files, int(kind)), rng)


def flip_directory(files: Files, rng: Rng) -> bytes:
    data = zipped(files)
    at = data.index(b"PK\x01\x02")
    return data[:at] + flipped(data[at:], rng, 6)


def cut(files: Files, rng: Rng) -> bytes:
    data = zipped(files)
    return data[: rng.integers(len(data))] if rng.random() < 0.7 else data[rng.integers(200) :]


def flip_member(files: Files, rng: Rng) -> bytes:
    name = some(files, rng)
    head = files[name][:800]  # where the structure is
    return zipped(files | {name: flipped(head, rng) + files[name][800:]})


def cut_member(files: Files, rng: Rng) -> bytes:
    name = some(files, rng)
    return zipped(files | {name: files[name][: rng.integers(len(files[name]) + 1)]})


def rename(files: Files, rng: Rng) -> bytes:
    name, new = some(files, rng), str(rng.choice(NAMES))
    keep = dict(files) if rng.random() < 0.5 else {k: v for k, v in files.items() if k != name}
    return zipped(keep | {new: files[name]})


def twice(files: Files, rng: Rng) -> bytes:
    out = io.BytesIO(zipped(files))
    with zipfile.ZipFile(out, "a") as z, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        z.writestr(some(files, rng), b"{}")
    return out.getvalue()


def huge(files: Files, rng: Rng) -> bytes:
    data = bytearray(zipped(files))
    at = data.index(b"PK\x01\x02") + int(rng.choice([20, 24]))  # packed or whole size of the first entry
    struct.pack_into("<I", data, at, int(rng.choice([2**31, 2**32 - 2, 2**28 - 1, 2**24])))
    return bytes(data)


def way(files: Files, rng: Rng) -> bytes:
    data = bytearray(zipped(files, zipfile.ZIP_DEFLATED))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # another compression in each header
        struct.pack_into("<H", data, data.index(mark) + at, int(rng.choice([12, 14, 93, 99, 0])))
    return bytes(data)


def other_pack(files: Files, rng: Rng) -> bytes:
    return zipped(files, int(rng.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])))


def bomb(files: Files, rng: Rng) -> bytes:
    return zipped(files | {some(files, rng): bytes(int(rng.integers(2**20, 2**22)))}, zipfile.ZIP_DEFLATED)


def unpickled(files: Files, rng: Rng) -> bytes:
    name = some(files, rng) if rng.random() < 0.7 else "tiny/weights.pkl"
    return zipped(files | {name: pickle.dumps({"encoder": [1.0] * 10}, int(rng.integers(0, 6)))})


def odd_json(files: Files, rng: Rng) -> bytes:
    """One value of a JSON file, at any depth, is something else."""
    name = some(files, rng, ".json")
    value = json.loads(files[name])
    part = value
    while True:
        key: Any = rng.choice(list(part)) if isinstance(part, dict) else int(rng.integers(len(part)))
        if not isinstance(part[key], dict | list) or not part[key] or rng.random() < 0.25:
            break
        part = part[key]
    part[key] = ODD[rng.integers(len(ODD))]
    return zipped(files | {name: json.dumps(value).encode()})


def odd_event(files: Files, rng: Rng) -> bytes:
    lines = files["tiny/events.jsonl"].splitlines()
    event = json.loads(lines[rng.integers(len(lines))])
    event[str(rng.choice(list(event)))] = ODD[rng.integers(len(ODD))]
    more = json.dumps(event).encode() + b"\n"
    return zipped(files | {"tiny/events.jsonl": files["tiny/events.jsonl"] + more})


def deep(files: Files, rng: Rng) -> bytes:
    n = int(rng.choice([7, 50, 3000, 200_000]))
    name = str(rng.choice(["tiny/config.json", "tiny/card.json", "tiny/events.jsonl"]))
    return zipped(files | {name: b'{"a":' * n + b"0" + b"}" * n + b"\n"})


def odd_weights(files: Files, rng: Rng) -> bytes:
    name = some(files, rng, ".safetensors")
    table = load(files[name])
    key = str(rng.choice(list(table)))
    t = table.pop(key)
    match rng.integers(7):
        case 0 | 1:
            t = t.clone().double() if t.is_floating_point() else t.clone()
            t.view(-1)[0] = float(rng.choice([np.nan, np.inf, -np.inf])) if t.is_floating_point() else -1
            t = t.float() if rng.random() < 0.7 else t
        case 2:
            t = t.unsqueeze(0) if rng.random() < 0.5 else t.flatten()
        case 3:
            t = t.to([torch.float16, torch.bfloat16, torch.int8, torch.float64, torch.bool][rng.integers(5)])
        case 4:
            t = t * float(rng.choice([-1, 0, 1e30, -1e30])) if t.is_floating_point() else t - 5
        case 5:
            key = str(rng.choice(["", "encoder", "encoder.blocks.9.conv.weight", "x" * 500, "__metadata__"]))
        case 6:
            t = t[:0] if t.ndim else t
    try:
        data = save(table | {key: t.contiguous()}, metadata={"format": "siamese-lab-1"})
    except Exception:  # a table that cannot even be written
        data = b""
    return zipped(files | {name: data})


SPOILERS = (
    flip_packed, flip_directory, cut, flip_member, cut_member, rename, twice, huge, way, other_pack, bomb, unpickled,
    odd_json, odd_json, odd_event, deep, odd_weights, odd_weights,
)  # fmt: skip


@pytest.fixture
def files(tiny_run: Path) -> Files:
    """The files of a packed run."""
    now = {"step": 1, "epoch": 1, "epochs": 2, "seconds": 0.5, "progress": 0.5, "loss": 3.0}
    events = [{"event": "message", "text": "Starting."}, {"event": "start", "epochs": 2, "steps_per_epoch": 1},
              {"event": "step", **now}, {"event": "epoch", **now, "one_shot": 0.5, "n_way": 2, "best": True},
              {"event": "resume", "step": 1}, {"event": "end", "state": "finished"}]  # fmt: skip
    (tiny_run / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    card = json.loads((tiny_run / "card.json").read_text())
    card["distances"] = {"edges": [0.0, 0.5, 1.0], "same": [3, 1], "different": [1, 3]}
    (tiny_run / "card.json").write_text(json.dumps(card))
    (tiny_run / "note.txt").write_text("A note.")
    (tiny_run / "snapshots").mkdir()
    whole = {"embeddings": torch.zeros(5, 16).half(), "labels": torch.arange(5), "probe": torch.arange(5)}
    (tiny_run / "snapshots" / "00001.safetensors").write_bytes(save(whole))
    out = io.BytesIO()
    archive.pack(Run(tiny_run), out)
    with zipfile.ZipFile(out) as z:
        return {n: z.read(n) for n in z.namelist()}


def works(run: Run) -> None:
    """Everything that the pages ask of a run."""
    assert run.status().state == "finished"
    run.config().check()
    model = trained.load(run)
    z = model.encoder(torch.zeros(2, model.spec.channels, model.spec.height, model.spec.width)).numpy()
    assert np.isfinite(model.distances(z[:1], z[1:])).all()
    card = run.card() or {}
    json.dumps([card, run.manifest()], allow_nan=False, ensure_ascii=False).encode()
    assert isinstance(card.get("threshold"), int | float | None)
    history = run.history()
    assert all(np.isfinite([s["step"], s["loss"], s["seconds"]]).all() for s in history.steps)
    upkeep.curves_csv([run]).decode()
    assert len(upkeep.note(run)) <= upkeep.MAX_NOTE
    known = {*archive.KEPT, "snapshots"}
    assert {p.name for p in run.folder.iterdir()} <= known


@pytest.mark.parametrize("spoil", dict.fromkeys(SPOILERS), ids=lambda f: f.__name__)
def test_a_spoiled_archive_is_a_run_or_one_sentence(spoil, files, tmp_path):
    folder = tmp_path / "imports"
    refused = 0
    for seed in range(EACH * SPOILERS.count(spoil)):
        given = io.BytesIO(spoil(files, np.random.default_rng([SPOILERS.index(spoil), seed])))
        given.name = "run.zip"
        try:
            run, said = archive.unpack(given, folder), "a run of its own"
        except SiameseError as error:
            run, said = None, str(error)
        assert "\n" not in said
        assert 10 < len(said) < 700
        if run is not None:
            assert run.folder.parent == folder
            works(run)
            run.delete()
        refused += run is None
        assert not folder.exists() or not list(folder.iterdir())
        assert not (tmp_path / "out.txt").exists()
    assert refused or spoil in (odd_event, other_pack)
