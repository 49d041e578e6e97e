"""Episodes are fair, ties never win, makers are kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import one_shot, open_set
from siamese_core.errors import ConfigError, DataError
from siamese_core.one_shot import Sampler, Support, classify, episodes, sample_episode
from tests.embedders import Constant, Numbers, Plain, Random, numbers


def support(values=((0.0,), (1.0,), (5.0,), (6.0,)), labels=(0, 0, 1, 1), names=("low", "high")):
    return Support(Numbers(np.array(values)), np.array(labels), names)


def test_the_nearest_example_decides():
    found = classify(Plain(), support(), Numbers(np.array([[1.4], [4.0]])))
    assert [r.label for r in found] == ["low", "high"]
    assert found[0].classes == ("low", "high")
    np.testing.assert_allclose(found[0].distances, [0.4, 3.6], atol=1e-6)
    assert [r.nearest for r in found] == [1, 2]


def test_nearest_and_prototype_can_differ():
    s = support(values=((0.0,), (10.0,), (6.0,), (6.0,)))
    query = Numbers(np.array([[9.0]]))
    assert classify(Plain(), s, query)[0].label == "low"
    by_mean = classify(Plain(), s, query, "prototype")[0]
    assert by_mean.label == "high"
    np.testing.assert_allclose(by_mean.distances, [3.0, 4.0])
    assert by_mean.nearest == 1  # the nearest example, whatever the rule


def test_a_tie_between_classes_has_no_label():
    found = classify(Plain(), support(), Numbers(np.array([[3.0], [0.5]])))
    assert found[0].tied
    assert found[0].label is None
    assert not found[1].tied  # two examples of one class are no tie
    assert found[1].label == "low"


def test_support_sets_are_checked():
    with pytest.raises(DataError, match="4 examples but 3"):
        support(labels=(0, 0, 1))
    with pytest.raises(DataError, match="'high'"):
        support(labels=(0, 0, 0, 0))
    with pytest.raises(DataError, match="two classes"):
        support(labels=(0, 0, 0, 0), names=("low",))
    with pytest.raises(ConfigError, match="nearest, prototype, head or auto"):
        classify(Plain(), support(), Numbers(np.zeros((1, 1))), "majority")
    assert classify(Plain(), support(), Numbers(np.zeros((0, 1)))) == []


@pytest.mark.parametrize(("ways", "shots", "queries"), [(2, 1, 1), (5, 1, 3), (8, 4, 6)])
def test_an_episode_is_well_formed(ways, shots, queries):
    data = numbers(classes=8, per_class=10)
    task = sample_episode(data, ways, shots, queries, np.random.default_rng(0))
    assert len(set(task.classes.tolist())) == ways
    assert len(task.support) == ways * shots
    assert len(task.queries) == ways * queries
    np.testing.assert_array_equal(data.labels[task.support], task.classes[task.support_ways])
    np.testing.assert_array_equal(data.labels[task.queries], task.classes[task.query_ways])
    both = np.concatenate([task.support, task.queries])
    assert len(set(both.tolist())) == len(both)


def test_support_and_query_come_from_different_makers():
    data = numbers(classes=6, per_class=12, makers=4)
    sampler = Sampler(data, 5, 2, 3)
    for seed in range(50):
        task = sampler.draw(np.random.default_rng(seed))
        for way in range(5):
            drawn = set(data.makers[task.support[task.support_ways == way]])
            asked = set(data.makers[task.queries[task.query_ways == way]])
            assert not drawn & asked


def test_one_maker_for_all_is_no_obstacle():
    data = numbers(classes=4, per_class=5, makers=1)
    assert episodes(Plain(), data, n_episodes=5)["accuracy"] == 1.0


def test_within_groups_stays_within_one_group():
    data = numbers(classes=12, groups=3)
    sampler = Sampler(data, None, within_groups=True)
    assert sampler.n_way == 4
    seen = set()
    for seed in range(40):
        groups = set(data.class_groups[sampler.draw(np.random.default_rng(seed)).classes].tolist())
        assert len(groups) == 1
        seen |= groups
    assert seen == {0, 1, 2}
    crossed = {
        len(set(data.class_groups[Sampler(data, 4).draw(np.random.default_rng(s)).classes].tolist())) for s in range(40)
    }
    assert max(crossed) > 1


def test_groups_that_are_too_small_are_left_out_and_counted():
    data = numbers(classes=7, groups=3)  # groups of 3, 2 and 2 classes
    found = episodes(Plain(), data, 3, n_episodes=3, within_groups=True)
    assert found["groups_left_out"] == 2


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"n_way": 9}, "9 ways .* 9 classes .* there are 8"),
        ({"n_way": 1}, "at least 2 ways"),
        ({"k_shot": 10}, "11 items"),
        ({"k_shot": 0}, "at least one shot"),
        ({"n_episodes": 0}, "at least 1"),
        ({"within_groups": True}, "no groups"),
    ],
)
def test_impossible_tasks_are_refused(changes, what):
    with pytest.raises(ConfigError, match=what):
        episodes(Plain(), numbers(), **changes)


def test_a_good_embedding_is_always_right_and_each_item_is_embedded_once():
    plain, data = Plain(), numbers(spread=0.01)
    found = episodes(plain, data, n_episodes=50)
    assert found["accuracy"] == 1.0
    assert found["n_way"] == 8
    assert found["chance"] == pytest.approx(1 / 8)
    assert plain.embedded == len(data)


def test_a_constant_embedding_is_never_right():
    found = episodes(Constant(), numbers(), n_episodes=50)
    assert found["accuracy"] == 0.0
    assert episodes(Constant(), numbers(), n_episodes=50, rule="prototype")["accuracy"] == 0.0


def test_a_random_embedding_is_at_chance():
    found = episodes(Random(), numbers(classes=5, per_class=40), 5, n_episodes=800)
    assert found["accuracy"] == pytest.approx(0.2, abs=0.03)


def test_more_shots_help_by_the_prototype_rule():
    data = numbers(classes=6, per_class=20, spread=12.0)
    one = episodes(Plain(), data, k_shot=1, n_episodes=300, rule="prototype")["accuracy"]
    ten = episodes(Plain(), data, k_shot=10, n_episodes=300, rule="prototype")["accuracy"]
    assert ten > one + 0.1


def test_the_interval_is_that_of_the_normal_approximation():
    values = np.array([0.0, 1.0] * 50)
    low, high = one_shot.interval(values)
    assert high - low == pytest.approx(2 * 1.96 * np.std(values, ddof=1) / 10, rel=1e-3)
    assert one_shot.interval(np.array([1.0, 1.0])) == (1.0, 1.0)
    assert one_shot.interval(np.array([0.7])) == (0.0, 1.0)
    assert one_shot.interval(np.array([0.0, 0.0, 0.0, 0.1]))[0] == 0.0


def test_the_same_seed_gives_the_same_figures():
    data = numbers(spread=8.0)
    a, b, c = (episodes(Plain(), data, n_episodes=40, seed=s) for s in (0, 0, 1))
    assert a == b
    assert a["accuracy"] != c["accuracy"]


class Calibrated(Plain):
    """A plain embedder with the bounds of a card: 5-way 1-shot and 5-shot."""

    def __init__(self, bound: float = 1.0) -> None:
        super().__init__()
        rows = tuple(
            open_set.Row(score, False, 2, 1, tuple(bound * (1 + r) for r in open_set.RATES), (0.1,) * 9, 0.9)
            for score in open_set.SCORES
        )
        self.card = {open_set.KEY: open_set.OpenSet(rows, 9, 0, 50, "9 validation classes", "x").to_json()}


def test_what_is_too_far_is_none_of_these_and_a_tie_is_a_tie():
    classifier = one_shot.prepare(Calibrated(), support(), "nearest")
    found = classifier.answer(Numbers(np.array([[1.4], [3.0], [20.0], [0.5]])), reject=0.5)
    assert [(r.label, r.why) for r in found] == [
        ("low", None), (None, "none of these"), (None, "none of these"), ("low", None),
    ]  # fmt: skip
    assert [r.score for r in found] == pytest.approx([0.4, 2.0, 14.0, 0.5])
    assert found[2].foreign == 1.0
    assert [r.classes[0] for r in found[:3:2]] == ["low", "high"]  # the ranking stays
    near = one_shot.prepare(Calibrated(9.0), support(), "nearest").answer(Numbers(np.array([[3.0]])), reject=0.5)
    assert (near[0].label, near[0].why) == (None, "tie")
    without = classifier.answer(Numbers(np.array([[20.0]])))
    assert (without[0].label, without[0].why) == ("high", None)


def test_a_head_refuses_by_the_prototypes():
    classifier = one_shot.prepare(Calibrated(), support(), "head")
    found = classifier.answer(Numbers(np.array([[0.5], [40.0]])), reject=0.5)
    assert [r.why for r in found] == [None, "none of these"]
    assert found[1].score == pytest.approx(40 - 5.5)


def test_a_run_without_bounds_refuses_nothing():
    classifier = one_shot.prepare(Plain(), support())
    assert classifier.rejection(0.1) is None
    assert classifier.answer(Numbers(np.array([[900.0]])), reject=0.1)[0].label == "high"
    with pytest.raises(ConfigError, match="false accept rate"):
        classifier.answer(Numbers(np.array([[1.0]])), reject=7.0)


def test_a_query_that_is_an_example_is_told():
    found = one_shot.prepare(Plain(), support(), "prototype").answer(Numbers(np.array([[5.0], [5.1]])))
    assert [r.same_as for r in found] == [2, None]


def test_an_example_of_two_classes_is_a_tie_whatever_the_rule():
    doubled = support(values=((0.0,), (5.0,), (5.0,), (6.0,)))
    for rule in ("nearest", "prototype", "head"):
        found = one_shot.prepare(Plain(), doubled, rule).answer(Numbers(np.array([[5.0]])))[0]
        assert (found.label, found.why, found.tied) == (None, "tie", True)


def test_each_class_has_its_nearest_example():
    found = one_shot.prepare(Plain(), support(), "prototype").answer(Numbers(np.array([[5.9]])))[0]
    assert (found.classes, found.examples) == (("high", "low"), (3, 1))
    assert found.nearest == 3


def test_many_queries_are_answered_as_one_by_one():
    rng = np.random.default_rng(0)
    queries = rng.normal(3, 4, size=(50, 1))
    for rule in ("nearest", "prototype", "head"):
        classifier = one_shot.prepare(Calibrated(), support(), rule)
        together = classifier.answer(Numbers(queries), reject=0.3)
        alone = [classifier.answer(Numbers(queries[i : i + 1]), reject=0.3)[0] for i in range(50)]
        assert [r.label for r in together] == [r.label for r in alone]
        np.testing.assert_allclose([r.score for r in together], [r.score for r in alone], atol=1e-5)


def test_a_support_set_that_breaks_the_network_is_one_sentence():
    class Broken(Plain):
        def embed(self, items):
            return np.full((len(items), 2), np.nan, dtype=np.float32)

    with pytest.raises(DataError, match="not finite"):
        one_shot.prepare(Broken(), support())
