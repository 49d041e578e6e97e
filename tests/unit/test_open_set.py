""" "None of these": bounds that hold what they promise, and cards that cannot be trusted."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from siamese_core import open_set, open_set_fit, runs
from siamese_core.errors import ConfigError, DataError
from siamese_core.open_set import RATES, OpenSet, Row
from siamese_core.open_set_tasks import Tasks
from tests.embedders import Constant, Plain, Random, numbers


def made(ways=(5, 20), shots=(1, 5)) -> OpenSet:
    """Bounds that rise with the rate, fall with the ways and rise with the shots."""
    rows = [
        Row(score, augmented, n, k, tuple((1 + r) * k / n for r in RATES), tuple(1 - r for r in RATES), 0.9)
        for score in open_set.SCORES
        for augmented in (False, True)
        for n in ways
        for k in shots
    ]
    return OpenSet(tuple(rows), 30, 2, 50, "30 validation classes of marks", "abc")


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3])
def test_a_bound_lets_in_the_share_it_promises(rate):
    rng = np.random.default_rng(0)
    promised = []
    for _ in range(200):
        row = open_set.row("nearest", False, 5, 1, rng.normal(0, 1, 400), rng.normal(2, 1, 400))
        bound = row.bounds[RATES.index(rate)]
        promised.append((rng.normal(2, 1, 2000) <= bound).mean())
    assert np.mean(promised) == pytest.approx(rate, abs=0.12 * rate + 0.002)


def test_a_row_is_what_a_slow_loop_counts():
    rng = np.random.default_rng(1)
    known, foreign = rng.normal(0, 1, 50), rng.normal(1, 1, 60)
    row = open_set.row("nearest", False, 5, 1, known, foreign)
    for rate, bound, frr in zip(RATES, row.bounds, row.frr, strict=True):
        assert sum(f <= bound for f in foreign) <= rate * 61
        assert frr == pytest.approx(sum(k > bound for k in known) / 50, abs=1e-4)
    pairs = [(k < f) + 0.5 * (k == f) for k in known for f in foreign]
    assert row.auroc == pytest.approx(np.mean(pairs), abs=1e-4)


def test_a_collapsed_network_lets_nobody_in():
    row = open_set.row("nearest", False, 5, 1, np.zeros(50), np.zeros(50))
    assert row.auroc == 0.5
    assert set(row.frr) == {1.0}
    assert max(row.bounds) < 0


def test_too_few_queries_make_no_bound():
    assert open_set.row("nearest", False, 5, 1, np.zeros(50), np.zeros(open_set.FEWEST - 1)) is None


def test_between_what_was_played_the_bound_lies_between():
    known = made()
    at = {n: known.rejection("nearest", False, n, 1, 0.1).bound for n in (5, 10, 20)}
    assert at[5] == pytest.approx(1.1 / 5)
    assert at[20] == pytest.approx(1.1 / 20)
    assert at[10] == pytest.approx((at[5] + at[20]) / 2)  # 10 is midway between 5 and 20 in logarithms
    assert known.rejection("nearest", False, 3, 1, 0.1).bound == at[5]
    shots = [known.rejection("nearest", False, 5, k, 0.1).bound for k in (1, 2.5, 5, 50)]
    assert shots[0] < shots[1] < shots[2] == shots[3]


def test_more_classes_than_were_played_are_met_with_more_care():
    known = made()
    usual, more = (known.rejection("nearest", False, n, 1, 0.2) for n in (20, 40))
    assert more.bound == pytest.approx(known.rejection("nearest", False, 20, 1, 0.1).bound)
    assert more.bound < usual.bound
    assert more.rate == 0.2


def test_the_share_of_foreign_queries_is_the_bound_read_backwards():
    known = made()
    for rate in (0.05, 0.1, 0.5):
        bound = known.rejection("prototype", True, 20, 1, rate).bound
        assert known.foreign(np.array([bound]), "prototype", True, 20, 1)[0] == pytest.approx(rate)
    found = known.foreign(np.array([-1.0, 99.0]), "prototype", True, 20, 1)
    assert found.tolist() == [RATES[0], 1.0]


def test_what_a_card_has_comes_back_and_nothing_else():
    value = made().to_json()
    assert OpenSet.from_json(value) == made()
    assert open_set.of_card({}) is None
    spoilt = [
        lambda v: v.pop("rows"),
        lambda v: v.update(more=1),
        lambda v: v.update(format=2),
        lambda v: v.update(rates=[0.1]),
        lambda v: v.update(source=3),
        lambda v: v.update(classes=-1),
        lambda v: v.update(rows=v["rows"] + v["rows"][:1]),
        lambda v: v["rows"][0].update(score="head"),
        lambda v: v["rows"][0].update(extra=1),
        lambda v: v["rows"][0].update(n_way=True),
        lambda v: v["rows"][0].update(bounds=v["rows"][0]["bounds"][::-1]),
        lambda v: v["rows"][0].update(bounds=[float("nan")] * len(RATES)),
        lambda v: v["rows"][0].update(frr=[2.0] * len(RATES)),
        lambda v: v["rows"][0].update(auroc="0.9"),
    ]
    for spoil in spoilt:
        other = copy.deepcopy(value)
        spoil(other)
        with pytest.raises(DataError, match="calibrate the run again"):
            OpenSet.from_json(other)


@pytest.mark.parametrize("rate", [0, 1, -0.1, 0.9, float("nan"), "much"])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ConfigError, match="false accept rate"):
        made().rejection("nearest", False, 5, 1, rate)


def test_pairs_are_met_with_as_much_care_as_there_are_pictures():
    from siamese_core import trained

    calibration = trained.load(runs.STARTER).calibration
    one, many = (open_set.from_pairs(calibration, n, 0.1) for n in (1, 50))
    assert calibration.rates_at(one.bound)["far"] <= 0.1
    assert calibration.rates_at(many.bound)["far"] <= 0.1 / 50
    assert many.bound < one.bound
    assert (many.by, many.frr) == ("pairs", None)


def test_a_task_with_foreign_queries_is_well_formed():
    data = numbers(classes=14, per_class=8, groups=2, makers=4)
    tasks = Tasks(data, 5, 2)
    for seed in range(30):
        task = tasks.draw(np.random.default_rng(seed))
        inside = data.labels[task.support].reshape(5, 2)
        assert (inside[:, 0] == inside[:, 1]).all()
        np.testing.assert_array_equal(data.labels[task.known], inside[:, 0])
        assert not set(data.labels[task.foreign]) & set(inside[:, 0])
        assert set(data.class_groups[data.labels[task.foreign]]) == {task.group} == set(data.class_groups[inside[:, 0]])
        asked = set(data.makers[task.known]) | set(data.makers[task.foreign])
        assert not asked & set(data.makers[task.support])
        every = np.concatenate([task.support, task.known, task.foreign])
        assert len(set(every.tolist())) == len(every)


def test_groups_that_are_too_small_take_foreign_queries_from_anywhere():
    tasks = Tasks(numbers(classes=9, groups=3), 4, 1)
    assert not tasks.within
    with pytest.raises(ConfigError, match="10 classes"):
        Tasks(numbers(classes=9), 9, 1)


def measured(embedder, data, **more):
    embedder.card = more.pop("card", {})
    return open_set_fit.measure(embedder, data, 5, 1, 60, **more)


def test_a_good_network_parts_known_from_foreign_and_a_blind_one_does_not():
    data = numbers(classes=12, per_class=8, spread=0.3)
    known = open_set_fit.fit(Plain(), numbers(classes=12, per_class=8, spread=0.3, seed=9), "others", progress=None)
    good = measured(Plain(), data, card={open_set.KEY: known.to_json()})
    assert good["auroc"] > 0.99
    assert good["far"] <= 0.3
    assert good["frr"] <= 0.2
    assert good["accepted_right"] >= 0.8
    blind = measured(Random(), numbers(classes=12, per_class=20))
    assert blind["auroc"] == pytest.approx(0.5, abs=0.06)
    low, high = blind["interval"]
    assert low < 0.5 < high
    assert blind["far"] is None
    assert "calibrate" in blind["warnings"][0]
    still = measured(Constant(), data)
    assert (still["auroc"], still["accuracy"]) == (0.5, 0.0)


@pytest.fixture
def plain_views(monkeypatch):
    monkeypatch.setattr(open_set_fit, "Averaged", lambda embedder: embedder)  # vectors cannot be moved about


pytestmark = pytest.mark.usefixtures("plain_views")


def test_too_few_classes_make_no_bounds():
    assert open_set_fit.fit(Plain(), numbers(classes=2), "two") is None
    found = open_set_fit.fit(Plain(), numbers(classes=4), "four")
    assert {r.n_way for r in found.rows} == {2}


def test_settings_that_cannot_be():
    data = numbers(classes=12)
    for wrong, word in (({"rule": "auto"}, "rule"), ({"rate": 2.0}, "rate")):
        with pytest.raises(ConfigError, match=word):
            measured(Plain(), data, **wrong)
    with pytest.raises(ConfigError, match="at least 2 ways"):
        open_set_fit.measure(Plain(), data, 1)


def test_a_runs_card_has_its_bounds_and_travels_with_them(tiny_run, tmp_path, monkeypatch):
    from siamese_core import archive, datasets, one_shot, trained
    from siamese_core.errors import RunError
    from siamese_core.files import read_json, write_json
    from siamese_core.runs import Run
    from siamese_core.views import Averaged

    monkeypatch.setattr(open_set_fit, "Averaged", Averaged)
    monkeypatch.setattr(open_set_fit, "MOST_ITEMS", 60)
    run = Run(tiny_run)
    threshold = run.card()["threshold"]
    found = open_set_fit.of_validation(run, datasets.load("digits").classes(range(6)), trained.load(run))
    assert run.card()["threshold"] == threshold
    assert {(r.n_way, r.augmented) for r in found.rows} == {(2, False), (2, True), (5, False), (5, True)}
    support = one_shot.Support(datasets.load("digits").items.select(np.arange(2)), np.arange(2), ("a", "b"))
    assert one_shot.prepare(trained.load(run), support).known == found
    for name, spoil in (("good", {}), ("bad", {open_set.KEY: {"rows": []}})):
        write_json(tiny_run / "card.json", read_json(tiny_run / "card.json") | spoil)
        with (tmp_path / f"{name}.zip").open("wb") as out:
            archive.pack(run, out)
    assert open_set.of_card(archive.unpack(tmp_path / "good.zip", tmp_path / "in").card()) == found
    with pytest.raises(RunError, match="none of these"):
        archive.unpack(tmp_path / "bad.zip", tmp_path / "in")
    open_set_fit.save(run, None)
    assert open_set.KEY not in run.card()
