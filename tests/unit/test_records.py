"""What a run's JSON files may say, and what readers make of the rest."""

from __future__ import annotations

import json

import pytest

from siamese_core import records, trained
from siamese_core.errors import ConfigError, RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run
from siamese_core.types import InputSpec


def test_a_status_keeps_what_is_of_its_kind():
    raw = {"state": "running", "pid": "12", "heartbeat": None, "epoch": -3, "step": 7, "seconds": 1.5, "mistake": "yes"}
    assert records.status(raw) == {"state": "running", "step": 7, "seconds": 1.5, "mistake": False}
    assert records.status([1]) == {}


STEP = {"event": "step", "step": 1, "loss": 0.5, "epoch": 1, "seconds": 1}


@pytest.mark.parametrize(
    "value",
    [
        STEP,
        STEP | {"loss": float("nan")},
        STEP | {"histogram": {"low": 0, "same": [1, 2]}},
        {"event": "message", "text": "x"},
    ],
)
def test_events_that_can_be_used(value):
    assert records.event(value)


@pytest.mark.parametrize(
    "value",
    [[], {}, {"event": []}, STEP | {"step": "1"}, STEP | {"step": -1}, STEP | {"loss": None}, STEP | {"loss": 10**400},
     STEP | {"loss": {"a": 1}}, STEP | {"more": [1]}, STEP | {"histogram": ["x"]},
     {"event": "resume"}, {"event": "message", "text": 3}, {"event": "epoch", "step": 3}],
)  # fmt: skip
def test_events_that_cannot(value):
    assert not records.event(value)


CARD = {"threshold": 0.1, "distances": {"edges": [0, 1], "same": [3], "different": [2]}, "validation": {"n_way": 5}}


BEFORE = {"threshold": 0.2, "calibrated_at": 1.7e9}


@pytest.mark.parametrize(
    "card",
    [{}, CARD, CARD | {"threshold": None}, CARD | {"distances": None}, CARD | {"calibrated_at": 1.7e9},
     CARD | {"calibration_before": BEFORE}, CARD | {"calibration_before": None}],
)  # fmt: skip
def test_cards_that_can_be_used(card):
    assert records.card(card)


@pytest.mark.parametrize(
    "change",
    [{"threshold": "0.1"}, {"calibrated_at": 1e12}, {"calibrated_at": "today"}, {"calibration_before": [1]},
     {"calibration_before": BEFORE | {"threshold": "low"}}, {"calibration_before": BEFORE | {"calibrated_at": -1}},
     {"calibration_before": BEFORE | {"accuracy_at_threshold": "x"}},
     {"distances": {"edges": [0, 1]}}, {"distances": CARD["distances"] | {"edges": [1, 0]}},
     {"validation": {"one_shot": "good"}}, {"validation": {"n_way": 2.5}}, {"validation": [1]}],
)  # fmt: skip
def test_cards_that_cannot(change):
    assert not records.card(CARD | change)


@pytest.mark.parametrize("change", [{"split": [1]}, {"split": {"train": [1]}}, {"created_at": "now"}, {"input": 3}])
def test_a_manifest_of_another_kind_is_told(tiny_run, change):
    write_json(tiny_run / "config.json", read_json(tiny_run / "config.json") | change)
    with pytest.raises(RunError, match="not a run's"):
        Run(tiny_run).manifest()


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "null", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_run_whose_files_are_no_records_reads_as_one_without_them(tiny_run, text):
    for name in ("status.json", "card.json", "events.jsonl"):
        (tiny_run / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    run = Run(tiny_run)
    assert run.status().state in ("finished", "stalled")
    assert not run.card()
    assert run.history().steps == []


def test_settings_out_of_range_are_told_before_a_network_is_made(tiny_run):
    manifest = read_json(tiny_run / "config.json")
    write_json(tiny_run / "config.json", manifest | {"config": manifest["config"] | {"width": 10**6}})
    with pytest.raises(RunError, match="between"):
        trained.load(Run(tiny_run))


@pytest.mark.parametrize("change", [{"height": 10**6}, {"width": 2.0}, {"channels": 2}, {"polarity": "x"}, {"kind": 1},
                                    {"crop": "x"}, {"polarity": "photo", "crop": "ink"}, {"crops": "ink"}])  # fmt: skip
def test_an_input_that_cannot_be(change):
    with pytest.raises(ConfigError):
        InputSpec.from_json(InputSpec().to_json() | change)


def test_an_input_from_before_there_was_a_crop():
    old = {"channels": 1, "height": 28, "width": 28, "polarity": "ink", "kind": "image"}
    assert InputSpec.from_json(old) == InputSpec()
    wide = InputSpec(1, 100, 200, "ink", crop="ink")
    assert InputSpec.from_json(wide.to_json()) == wide


def test_a_long_value_does_not_fill_the_message(tiny_run):
    manifest = read_json(tiny_run / "config.json")
    manifest["config"] |= {"epochs": "9" * 5000, "x\n" * 900: 1}
    (tiny_run / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError) as caught:
        Run(tiny_run).config()
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
