"""An evaluation against plain loops, and with networks that cannot see."""

from __future__ import annotations

import json

import numpy as np
import pytest

from siamese_core import calibration, curves, evaluation, retrieval, verifier
from siamese_core.errors import DataError
from siamese_core.types import LabelledSet
from tests.embedders import Constant, Numbers, Plain


def scattered(spread: float, classes: int = 6, each: int = 8, groups: bool = True) -> LabelledSet:
    """Classes of points around centres; the first half of them is one group."""
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(classes), each)
    centres = rng.normal(size=(classes, 5))
    values = centres[labels] + spread * rng.normal(size=(len(labels), 5))
    of = (np.arange(classes) >= classes // 2).astype(np.int64) if groups else None
    names = tuple(f"c{i}" for i in range(classes))
    return LabelledSet("points", Numbers(values), labels, names, of, ("left", "right") if groups else ())


def measured(data, model=None, **more):
    return evaluation.measure(model or Plain(), data, run="r", episodes=20, **more)


def test_rates_of_each_class_and_group_are_those_of_its_pairs():
    data = scattered(0.4)
    found = measured(data)
    s = found.scored
    called = s.distances <= found.threshold
    for parts, of in ((found.classes, np.arange(6)), (found.groups, data.class_groups)):
        for i, part in enumerate(parts):
            mine = [p for p in range(len(s)) if i in (of[s.first_identity[p]], of[s.second_identity[p]])]
            same = [p for p in mine if s.same[p]]
            different = [p for p in mine if not s.same[p]]
            assert (part.same_pairs, part.different_pairs) == (len(same), len(different))
            assert part.frr == pytest.approx(np.mean([not called[p] for p in same]))
            assert part.far == pytest.approx(np.mean([called[p] for p in different]))
    assert [p.name for p in found.groups] == ["left", "right"]
    assert sum(p.items for p in found.classes) == len(data) == found.items


def test_distances_belong_to_their_items():
    data = scattered(0.4)
    s = measured(data).scored
    z = data.items.values
    assert np.allclose(s.distances, np.linalg.norm(z[s.first] - z[s.second], axis=1))
    assert (s.same == (data.labels[s.first] == data.labels[s.second])).all()


def test_the_set_is_embedded_once():
    model = Plain()
    data = scattered(0.4)
    measured(data, model)
    assert model.embedded == len(data)


def test_a_run_without_a_threshold_is_judged_where_both_errors_are_equal():
    model = Plain()
    model.threshold = None
    found = measured(scattered(0.4), model)
    assert not found.own_threshold
    assert found.threshold == found.eer[1]
    assert abs(found.far - found.frr) < 0.05
    assert measured(scattered(0.4)).own_threshold


def test_a_constant_network_is_worth_nothing():
    found = measured(scattered(0.4), Constant())
    assert found.auc == 0.5
    assert found.eer[0] == 0.5
    assert found.accuracy == 0.5
    assert found.search is not None
    assert found.search.map_at_r == 0.0
    assert all(cell.accuracy == 0.0 for cell in found.grid)


def test_the_worst_pairs_come_first_and_show_an_item_once():
    found = measured(scattered(0.6))
    d, same = found.scored.distances, found.scored.same
    impostors, genuines = evaluation.worst(found, 5)
    assert d[impostors[0]] == d[~same].min()
    assert d[genuines[0]] == d[same].max()
    assert not same[impostors].any()
    assert same[genuines].all()
    assert (np.diff(d[impostors]) >= 0).all()
    assert (np.diff(d[genuines]) <= 0).all()
    for kind in (impostors, genuines):
        sides = np.concatenate([found.scored.first[kind], found.scored.second[kind]])
        assert len(set(sides.tolist())) == len(sides)


def test_the_grid_has_what_the_data_allows():
    found = measured(scattered(0.1, classes=6, each=4))
    assert {(c.n_way, c.k_shot) for c in found.grid} == {(n, k) for n in (2, 5) for k in (1, 3)}
    assert all(c.low <= c.accuracy <= c.high for c in found.grid)
    assert {c.n_way for c in measured(scattered(0.1, classes=2, groups=False)).grid} == {2}


def test_recall_of_a_class_is_the_share_of_its_items():
    data = scattered(0.8)
    found = measured(data)
    alone = retrieval.measure(Plain(), data.items.values, data.labels)
    assert [p.recall for p in found.classes] == pytest.approx(alone.per_class.tolist())
    assert np.mean([p.recall for p in found.groups]) == pytest.approx(dict(alone.recall)[1])


def test_probabilities_are_of_these_pairs():
    model = Plain()
    model.calibration = calibration.fit(verifier.score(model, scattered(0.4, classes=12)), source="points")
    found = measured(scattered(0.4), model)
    assert found.probability == pytest.approx(model.calibration.probabilities(found.scored.distances, 0.5))
    assert curves.summary(found.probability, found.scored.same)["brier"] < 0.25
    assert measured(scattered(0.4)).probability is None


def test_intervals_hold_their_figures():
    found = measured(scattered(0.5, classes=12))
    for name, (low, high) in found.intervals.items():
        value = found.eer[0] if name == "eer" else getattr(found, name)
        assert low - 2e-3 <= value <= high + 2e-3, name  # areas and crossings are those of binned distances
    assert found.intervals_over == "12 identities"
    assert "pictures" in measured(scattered(0.5, classes=4)).intervals_over
    assert (found.roc.frr_low <= found.roc.frr_high).all()


def test_the_summary_is_plain_json():
    found = evaluation.warned(measured(scattered(0.4, groups=False)), ["Seen before."])
    told = json.loads(json.dumps(evaluation.summary(found)))
    assert told["warnings"] == ["Seen before."]
    assert told["eer"] == found.eer[0]
    assert told["recall"]["1"] == dict(found.search.recall)[1]


def test_one_class_cannot_be_evaluated():
    with pytest.raises(DataError, match="two classes"):
        measured(scattered(0.4, classes=1, groups=False))
