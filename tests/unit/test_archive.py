"""A run as one file: what goes in, what comes out, what is refused."""

from __future__ import annotations

import io
import json
import pickle
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from siamese_core import archive, datasets, runs, trained
from siamese_core.errors import DataError, RunError
from siamese_core.files import write_json
from siamese_core.runs import STARTER, Run
from tests.ready import make_it_see_faces

EVENTS = [
    {"event": "message", "text": "Starting."},
    {"event": "start", "epochs": 2, "steps_per_epoch": 1, "device": "cpu"},
    {"event": "step", "step": 1, "epoch": 1, "epochs": 2, "seconds": 0.5, "loss": 3.0},
    {"event": "epoch", "step": 1, "epoch": 1, "epochs": 2, "seconds": 0.5, "loss": 3.0, "one_shot": 0.5, "n_way": 2},
]

SQUARE_MEAN = {"embeddings": torch.zeros(5, 16).half(), "mean": torch.zeros(2, 2)}


@pytest.fixture
def full_run(tiny_run: Path) -> Run:
    """A run with everything that a training may leave in its folder."""
    (tiny_run / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    (tiny_run / "note.txt").write_text("Wider than the first.\nBetter?")
    (tiny_run / "snapshots").mkdir()
    embeddings = torch.zeros(5, 16).half()
    usual = {"mean": torch.zeros(6), "precision": torch.eye(6), "usual": torch.ones(2)}
    (tiny_run / "reference.safetensors").write_bytes(save({"embeddings": embeddings, **usual}))
    whole = {"labels": torch.arange(5), "probe": torch.arange(5)}
    (tiny_run / "snapshots" / "00001.safetensors").write_bytes(save({"embeddings": embeddings, **whole}))
    status = {"format": 1, "state": "stopped", "pid": 1, "reason": ""}
    write_json(tiny_run / "status.json", status)
    for name in ("worker.log", "stop", "optimiser.safetensors", ".worker.lock"):
        (tiny_run / name).write_bytes(b"this machine's own")
    return Run(tiny_run)


def packed(run: Run, name: str = "run.zip") -> io.BytesIO:
    out = io.BytesIO()
    archive.pack(run, out)
    out.name = name
    return out


def members(run: Run) -> dict[str, bytes]:
    with zipfile.ZipFile(packed(run)) as z:
        return {n: z.read(n) for n in z.namelist()}


def zipped(files: dict[str, bytes], name: str = "run.zip", **more: int) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", more.get("kind", zipfile.ZIP_STORED)) as z:
        for inside, data in files.items():
            z.writestr(inside, data)
    out.name = name
    return out


def everything(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_a_run_comes_back_as_it_was_and_has_ended(full_run, tmp_path):
    copy = archive.unpack(packed(full_run), tmp_path / "elsewhere")
    kept = [n for n in everything(full_run.folder) if n.split("/")[0] not in (*archive.LEFT, ".worker.lock")]
    assert everything(copy.folder) == kept
    for name in kept:
        if (path := copy.folder / name).is_file():
            assert path.read_bytes() == (full_run.folder / name).read_bytes(), name
    assert copy.name == "tiny"
    assert copy.status().state == "finished"
    assert everything(tmp_path / "elsewhere")[0] == "tiny"
    items = datasets.load("digits").items.select(np.arange(4))
    assert np.array_equal(trained.load(copy).embed(items), trained.load(full_run).embed(items))


def test_a_taken_name_gets_a_number(full_run, runs_folder):
    names = [archive.unpack(packed(full_run), runs_folder).name for _ in range(2)]
    assert names == ["tiny-2", "tiny-3"]
    assert sorted(p.name for p in runs_folder.iterdir()) == ["tiny", "tiny-2", "tiny-3"]


def test_a_zip_made_by_hand_is_read(full_run, tmp_path):
    flat = {n.split("/", 1)[1]: d for n, d in members(full_run).items()}
    flat |= {"status.json": b'{"state": "running", "pid": 1}', "worker.log": b"words", ".worker.lock": b""}
    copy = archive.unpack(zipped(flat, "my best (1).zip"), tmp_path / "other")
    assert copy.name == "my-best-1"
    assert copy.status().state == "finished"
    path = tmp_path / "starter.zip"
    path.write_bytes(zipped(flat).getvalue())
    assert archive.unpack(path, tmp_path / "other").name == "starter-2"


def test_what_cannot_be_packed_is_told(full_run, tmp_path):
    write_json(full_run.folder / "status.json", {"state": "queued", "heartbeat": 4e9, "pid": None})
    with pytest.raises(RunError, match="is training"):
        packed(full_run)
    (full_run.folder / "best.safetensors").unlink()
    with pytest.raises(RunError, match="no trained weights"):
        packed(full_run)
    with pytest.raises(RunError, match="not a run"):
        packed(Run(tmp_path / "nothing"))


def test_a_very_long_trainings_steps_are_thinned(full_run, monkeypatch, tmp_path):
    lines = [json.dumps(EVENTS[2] | {"step": s}) for s in range(1, 200)] + [json.dumps(EVENTS[3] | {"step": 200})]
    (full_run.folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setitem(archive.KEPT, "events.jsonl", 8000)
    history = archive.unpack(packed(full_run), tmp_path / "other").history()
    assert 20 < len(history.steps) < 80
    assert [e["step"] for e in history.epochs] == [200]


def broken(name: str, data: bytes):
    return lambda files: files | {f"tiny/{name}": data}


def changed(name: str, **changes: object):
    def change(files):
        value = json.loads(files[f"tiny/{name}"])
        for path, new in changes.items():
            *above, last = path.split("__")
            part = value
            for key in above:
                part = part[key]
            part[last] = new
        return files | {f"tiny/{name}": json.dumps(value).encode()}

    return change


def weights(edit):
    def change(files):
        table = load(files["tiny/best.safetensors"])
        edit(table)
        data = save({k: v.contiguous() for k, v in table.items()}, metadata={"format": "siamese-lab-1"})
        return files | {"tiny/best.safetensors": data}

    return change


def put(key: str, tensor):
    return lambda table: table.__setitem__(key, tensor(table[key]))


def without(name: str):
    return lambda files: {k: v for k, v in files.items() if k != f"tiny/{name}"}


def calibrated():
    """What the starter's card says of its calibration."""
    return json.loads((STARTER / "card.json").read_text())["calibration"]


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
SPOILED = {
    "no config": (without("config.json"), "has no config.json"),
    "no weights": (without("best.safetensors"), "has no best.safetensors"),
    "a stranger": (broken("run.py", b"import os"), "'tiny/run.py', which is no file of a run"),
    "a pickle beside": (broken("model.pkl", pickle.dumps({})), "no file of a run"),
    "a pickle as weights": (broken("best.safetensors", pickle.dumps({"a": 1})), "cut short or damaged"),
    "outside": (lambda f: f | {"../out.txt": b"x"}, "points outside"),
    "an archive": (broken("best.safetensors", b"PK\x03\x04 and so on"), "holds an archive inside"),
    "deep": (broken("config.json", DEEP), "not readable JSON"),
    "rather deep": (changed("config.json", more=json.loads('{"a":' * 20 + "1" + "}" * 20)), "values that no run has"),
    "not a number": (changed("card.json", threshold=float("nan")), "card.json is not readable"),
    "endless": (lambda f: f | {"tiny/card.json": b'{"threshold": 1e999}'}, "values that no run has"),
    "half a character": (changed("config.json", data__about="\ud800"), "values that no run has"),
    "threshold": (changed("card.json", threshold="low"), "card.json is not a run's"),
    "rate": (changed("card.json", validation__one_shot=7), "card.json is not a run's"),
    "ways": (changed("card.json", validation__n_way=2.5), "card.json is not a run's"),
    "bins": (changed("card.json", distances={"edges": [0, 1], "same": [1, 2], "different": [1]}), "not a run's"),
    "calibration": (changed("card.json", calibration={"threshold": 1.0}), "a missing key"),
    "no calibration": (changed("card.json", calibration=[1]), "not an object"),
    "two thresholds": (lambda f: changed("card.json", calibration=calibrated())(f), "two different"),
    "another version": (changed("config.json", format=9), "format 9"),
    "unknown setting": (changed("config.json", config__flavour="red"), "'flavour'"),
    "enormous": (changed("config.json", config__width=1000), "Width is"),
    "wide input": (changed("config.json", input__height=10**6), "no picture can have"),
    "split": (changed("config.json", split__test=[1]), "not a run.s"),
    "home of nobody": (changed("config.json", config__dataset="~no-such-user/x"), "data set that cannot be"),
    "time": (changed("config.json", created_at=1e17), "not a run.s"),
    "nan": (weights(put("encoder.head.bias", lambda t: t / 0)), "not numbers"),
    "negative variance": (weights(put("encoder.blocks.0.norm.running_var", lambda t: -t - 1)), "not numbers"),
    "shape": (weights(put("encoder.head.bias", lambda t: t[:-1])), r"should be \(16,\)"),
    "kind": (weights(put("encoder.head.bias", lambda t: t.half())), "does not fit its network"),
    "one too many": (weights(lambda t: t.update(more=torch.zeros(1))), "'more' is not part"),
    "digests": (broken("train_digests.txt", b"../../etc/passwd\n"), "not a list of digests"),
    "long note": (broken("note.txt", b"x" * 2001), "2,001 characters"),
    "note": (broken("note.txt", b"\xff\xfe"), "not plain text"),
    "usual": (broken("reference.safetensors", save(SQUARE_MEAN)), "does not fit"),
    "sample": (broken("reference.safetensors", save({"embeddings": torch.zeros(5, 8).half()})), "does not fit"),
    "snapshot": (broken("snapshots/00001.safetensors", save({"embeddings": torch.full((5, 16), torch.inf).half()})),
                 "not numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_not_a_run_is_refused_whole(name, full_run, tmp_path):
    spoil, said = SPOILED[name]
    files = spoil(members(full_run))
    with pytest.raises((RunError, DataError), match=said) as told:
        archive.unpack(zipped(files), tmp_path / "other")
    assert "\n" not in str(told.value)
    assert str(told.value).startswith(("run.zip cannot be imported", "The zip file run.zip"))
    assert everything(tmp_path / "other") == []


def test_sizes_are_checked_here(full_run, tmp_path, monkeypatch):
    big = members(full_run) | {"tiny/note.txt": b"x" * 9000}
    with pytest.raises(RunError, match="larger than"):
        archive.unpack(zipped(big), tmp_path / "other")
    bomb = members(full_run) | {"tiny/events.jsonl": b"\0" * 40_000_000}
    with pytest.raises(DataError, match="bomb"):
        archive.unpack(zipped(bomb, kind=zipfile.ZIP_DEFLATED), tmp_path / "other")
    monkeypatch.setattr(archive, "MAX_PACKED", 1000)
    with pytest.raises(RunError, match="more than"):
        archive.unpack(packed(full_run), tmp_path / "other")
    assert everything(tmp_path / "other") == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_links_and_doubles_are_refused(full_run, tmp_path):
    files = members(full_run)
    for note, said in ((zipfile.ZipInfo("tiny/note.txt"), "holds a link"), ("tiny/config.json", "two files")):
        data = zipped({k: v for k, v in files.items() if k != "tiny/note.txt"})
        if isinstance(note, zipfile.ZipInfo):
            note.create_system, note.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(data, "a") as z:
            z.writestr(note, b"/etc/passwd")
        with pytest.raises(DataError, match=said):
            archive.unpack(data, tmp_path / "other")
    assert everything(tmp_path / "other") == []


def test_events_that_are_not_sound_are_left_out(full_run, tmp_path):
    good = b"".join(json.dumps(e).encode() + b"\n" for e in EVENTS)
    bad = [
        b'{"event":"step","step":"2","epoch":1,"seconds":1,"loss":1}',
        b'{"event":"step","step":2,"epoch":1,"seconds":1}',
        b'{"event":"step","step":2,"epoch":1,"seconds":1,"loss":NaN}',
        b'{"event":"epoch","step":2,"epoch":1,"seconds":1,"loss":1,"one_shot":"=1+1"}',
        b'{"event":"resume"}',
        b'{"event":"message","text":["x"]}',
        b"[1]",
        b"\xff",
    ]
    files = members(full_run) | {"tiny/events.jsonl": good + b"\n".join(bad) + b'\n{"event":"step","st'}
    copy = archive.unpack(zipped(files), tmp_path / "other")
    assert (copy.folder / "events.jsonl").read_bytes() == good
    assert runs.find(copy.folder).history().epochs == [EVENTS[3]]


def test_a_run_that_looks_at_faces_travels_to_where_none_can_be_found(full_run, no_opencv, tmp_path):
    make_it_see_faces(full_run.folder)
    found = archive.unpack(packed(full_run), tmp_path / "elsewhere")
    assert found.spec().crop == "face"
    trained.load(found)
    manifest = json.loads(members(full_run)["tiny/config.json"])
    for change in ({"polarity": "ink"}, {"crop": "nose"}):
        bad = manifest | {"input": manifest["input"] | change}
        with pytest.raises((RunError, DataError), match="crop"):
            archive.unpack(zipped(members(full_run) | {"tiny/config.json": json.dumps(bad).encode()}), tmp_path / "bad")
