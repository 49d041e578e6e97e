"""Run folders: the state table, events that are half written, folders that are half there."""

from __future__ import annotations

import json
import time

import pytest

from siamese_core import datasets, presets, runs
from siamese_core.errors import ConfigError, RunError
from siamese_core.files import write_atomic, write_json
from siamese_core.runs import History, Run, classify

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("status", "alive", "expected"),
    [
        (None, False, "stalled"),
        ({}, True, "stalled"),
        ({"state": "nonsense", "heartbeat": NOW}, True, "stalled"),
        ({"state": "queued", "heartbeat": NOW, "pid": None}, False, "queued"),
        ({"state": "queued", "heartbeat": NOW - 29, "pid": None}, False, "queued"),
        ({"state": "queued", "heartbeat": NOW - 31, "pid": None}, False, "stalled"),
        ({"state": "queued", "heartbeat": NOW, "pid": 5}, True, "queued"),
        ({"state": "queued", "heartbeat": NOW, "pid": 5}, False, "stalled"),
        ({"state": "running", "heartbeat": NOW, "pid": 5}, True, "running"),
        ({"state": "running", "heartbeat": NOW, "pid": 5}, False, "stalled"),
        ({"state": "running", "heartbeat": NOW - 119, "pid": 5}, True, "running"),
        ({"state": "running", "heartbeat": NOW - 121, "pid": 5}, True, "stalled"),
        ({"state": "running", "heartbeat": NOW + 500, "pid": 5}, True, "running"),
        ({"state": "running", "heartbeat": None, "pid": 5}, True, "stalled"),
        *[({"state": s, "heartbeat": 0, "pid": 5}, a, s) for s in runs.TERMINAL for a in (True, False)],
    ],
)
def test_classify_table(status, alive, expected):
    assert classify(status, NOW, alive) == expected


def _run(tmp_path, **settings) -> Run:
    return runs.create(presets.build("digits", **settings), tmp_path)


def test_create_writes_a_queued_run_that_reads_back(tmp_path):
    run = _run(tmp_path, seed=3)
    assert run.status().state == "queued"
    assert run.config() == presets.build("digits", seed=3)
    assert runs.find(run.name, tmp_path) == run
    assert runs.find(str(run.folder), tmp_path / "elsewhere").folder == run.folder


def test_names_are_checked_and_never_overwritten(tmp_path):
    config = presets.build("digits")
    runs.create(config, tmp_path, "mine")
    with pytest.raises(RunError, match="already a run called 'mine'"):
        runs.create(config, tmp_path, "mine")
    for bad in ("../x", "", "a/b", ".hidden", "x" * 81, "starter"):
        with pytest.raises(RunError):
            runs.create(config, tmp_path, bad)
    assert [r.name for r in runs.all_runs(tmp_path)] == ["mine"]


def test_two_runs_in_one_second_get_two_folders(tmp_path):
    assert len({_run(tmp_path).name for _ in range(5)}) == 5


def test_unfinished_last_line_waits_for_its_end(tmp_path):
    run = _run(tmp_path)
    path = run.folder / "events.jsonl"
    path.write_bytes(b'{"event":"step","step":1,"loss":1}\n{"event":"st')
    events, offset = run.events()
    assert [e["step"] for e in events] == [1]
    with path.open("ab") as f:
        f.write(b'ep","step":2,"loss":1}\n')
    events, end = run.events(offset)
    assert [e["step"] for e in events] == [2]
    assert run.events(end) == ([], end)


def test_a_broken_line_in_the_middle_is_passed_over(tmp_path):
    run = _run(tmp_path)
    (run.folder / "events.jsonl").write_bytes(
        b'{"event":"step","step":1,"loss":2}\n\xff\xfe{\n[1]\n{"event":"step","step":2,"loss":1}\n'
    )
    assert [s["step"] for s in run.history().steps] == [1, 2]


def test_resumed_stretches_replace_what_they_repeat():
    h = History().add([{"event": "step", "step": s} for s in (1, 2, 3)])
    h.add([{"event": "epoch", "step": 3, "epoch": 1}, {"event": "resume", "step": 1}, {"event": "step", "step": 2}])
    assert [s["step"] for s in h.steps] == [1, 2]
    assert h.epochs == []


def test_steps_without_a_number_are_passed_over():
    kinds = ("step", "epoch", "resume")
    h = History().add(
        [{"event": "step", "step": 1}, *({"event": k} for k in kinds), *({"event": k, "step": "1"} for k in kinds)]
    )
    assert (h.steps, h.epochs) == ([{"event": "step", "step": 1}], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not a run"),
        (b"", "cannot be read"),
        (b'{"format": 1, "conf', "cannot be read"),
        (b"[]", "is not a run's"),
        (b'{"format": 1}', "is not a run's"),
        (b'{"format": 99, "config": {}}', "format 99"),
        (b'{"format": 1, "config": {"flavour": "red"}}', "no setting called 'flavour'"),
    ],
)
def test_broken_config_says_what_and_what_to_do(tmp_path, content, said):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(RunError, match=said):
        Run(tmp_path).config()


def test_listing_survives_folders_of_every_kind(tmp_path):
    good = _run(tmp_path)
    for name, content in (("empty", None), ("broken", b"{"), ("list", b"[1]")):
        (tmp_path / name).mkdir()
        if content:
            (tmp_path / name / "config.json").write_bytes(content)
    (tmp_path / ".uploads").mkdir()
    names = [r.name for r in runs.all_runs(tmp_path)]
    assert names[0] == good.name
    assert set(names) == {good.name, "broken", "list"}
    assert [r.status().state for r in runs.all_runs(tmp_path)][1:] == ["stalled", "stalled"]


def test_delete_refuses_what_is_active_and_what_is_no_run(tmp_path):
    run = _run(tmp_path)
    with pytest.raises(RunError, match="stop it first"):
        run.delete()
    write_json(run.folder / "status.json", {"state": "finished", "heartbeat": time.time()})
    run.delete()
    assert not run.folder.exists()
    (tmp_path / "photos").mkdir()
    with pytest.raises(RunError, match="not a run"):
        Run(tmp_path / "photos").delete()
    assert (tmp_path / "photos").exists()


def test_a_damaged_run_can_be_deleted_and_one_that_is_gone_is_told(tmp_path):
    run = _run(tmp_path)
    (run.folder / "config.json").write_bytes(b'{"format": 1, "conf')
    write_json(run.folder / "status.json", {"state": "finished"})
    run.delete()
    assert not run.folder.exists()
    with pytest.raises(RunError, match="not a run"):
        run.delete()


def test_a_card_of_another_shape_reads_as_missing(tmp_path):
    run = _run(tmp_path)
    write_json(run.folder / "card.json", {"threshold": 1.0, "validation": [1]})
    assert run.card() is None
    write_json(run.folder / "card.json", {"threshold": 1.0})
    assert run.card() == {"threshold": 1.0}


def test_find_lists_what_there_is(tmp_path):
    run = _run(tmp_path)
    with pytest.raises(RunError, match=run.name):
        runs.find("nothing", tmp_path)


def test_atomic_write_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "card.json"
    write_json(path, {"a": 1})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"half")
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]


def test_every_preset_is_valid_for_every_data_set():
    for name in presets.PRESETS:
        for dataset in (*datasets.REGISTRY, "some/folder"):
            assert presets.build(dataset, name).problems() == []
        assert presets.about(name).endswith(".")
    with pytest.raises(ConfigError, match="quick"):
        presets.build("digits", "slow")
