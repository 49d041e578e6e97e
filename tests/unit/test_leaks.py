"""Leaks and shortcuts: what was planted is found, and a clean set is clean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from siamese_core import leaks, near_copies, runs, shortcuts
from siamese_core.baseline import Pixels
from siamese_core.datasets import glyphs
from siamese_core.findings import Finding, worst
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet
from tests.embedders import Constant, Numbers, Plain, Random, numbers

SPEC = InputSpec(1, 28, 28, "ink")


@pytest.fixture(scope="module")
def clean() -> dict[str, LabelledSet]:
    """Three parts of invented alphabets: 40 / 20 / 20 classes of 12 pictures."""
    whole = glyphs.glyphs(80, 12, 28, seed=5, alphabets=8)
    order = np.argsort(whole.class_groups, kind="stable")
    return {n: whole.classes(order[s]) for n, s in (("train", slice(0, 40)), ("validation", slice(40, 60)),
                                                    ("test", slice(60, 80)))}  # fmt: skip


def checked(parts: dict[str, LabelledSet], embedder=None, **more) -> tuple[Finding, ...]:
    return leaks.checks(leaks.Sides(parts, SPEC, **more), embedder)


def of(found: tuple[Finding, ...], kind: str) -> Finding:
    """The gravest finding of a kind (they come so)."""
    return next(f for f in found if f.kind == kind)


def with_pictures(part: LabelledSet, at: np.ndarray, pixels: np.ndarray) -> LabelledSet:
    new = part.items.pixels.copy()
    new[at] = pixels
    return part.with_items(ImageItems(new, part.items.spec))


def noisy(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels + np.random.default_rng(2).normal(0, 15, pixels.shape), 0, 255).astype(np.uint8)


def test_a_clean_set_gives_no_problem(clean):
    found = checked(clean, Pixels(SPEC))
    assert worst(found) != "problem", [f for f in found if f.severity == "problem"]
    assert {f.kind for f in found} >= {"classes", "groups", "makers", "duplicates", "near copies", "border",
                                       "statistics", "constant output"}  # fmt: skip
    assert checked(clean, Pixels(SPEC)) == found
    for f in found:
        assert f.sentence[0].isupper() or f.sentence[0].isdigit()
        assert f.sentence.endswith(".")


@pytest.mark.parametrize("change", [noisy, lambda p: near_copies.moved(p, 1, 0)], ids=["noise", "a pixel aside"])
def test_planted_copies_are_a_problem_and_are_shown(clean, change):
    at, source = np.arange(0, 240, 20), np.arange(5, 485, 40)
    test = with_pictures(clean["test"], at, change(clean["train"].items.pixels[source]))
    found = of(checked(clean | {"test": test}), "near copies")
    assert (found.severity, found.details["measured"], found.details["other"]) == ("problem", "test", "train")
    assert 9 <= found.details["standing_out"] <= 14
    assert found.pictures
    for (a, i), (b, j) in found.pictures:
        assert (a, b) == ("test", "train")
        assert j == source[at.tolist().index(i)]


def test_a_class_under_two_names_is_a_problem(clean):
    test, train = clean["test"], clean["train"]
    mine = np.flatnonzero(test.labels == 3)
    test = with_pictures(test, mine, noisy(train.items.pixels[train.labels == 7]))
    assert of(checked(clean | {"test": test}), "near copies").severity == "problem"


def test_exact_copies_are_counted_across_and_under_two_names(clean):
    test = with_pictures(clean["test"], np.array([0, 50, 100]), clean["train"].items.pixels[[9, 8, 7]])
    found = of(checked(clean | {"test": test}), "duplicates")
    assert (found.severity, found.details["count"]) == ("problem", 3)
    assert found.pictures == ((("test", 0), ("train", 9)), (("test", 50), ("train", 8)), (("test", 100), ("train", 7)))
    test = with_pictures(clean["test"], np.array([0]), clean["test"].items.pixels[100:101])
    found = of(checked(clean | {"test": test}), "duplicates")
    assert found.pictures == ((("test", 0), ("test", 100)),)
    assert "two class names" in found.sentence


def test_blank_pictures_are_no_copies(clean):
    blank = np.zeros((2, 1, 28, 28), np.uint8)
    parts = {n: with_pictures(p, np.array([0, 100]), blank) for n, p in clean.items()}
    found = checked(parts)
    assert of(found, "duplicates").severity == "fine"
    assert of(found, "blank").details["count"] == 2


def test_digests_of_training_stand_in_for_its_pictures(clean):
    seen = frozenset(clean["test"].items.digests()[:4])
    found = of(checked({"given": clean["test"]}, seen=seen, missing="It is gone."), "duplicates")
    assert (found.severity, found.details["count"]) == ("problem", 4)
    assert of(checked({"given": clean["test"]}, missing="It is gone."), "not checked").severity == "look"


def test_classes_groups_and_makers_on_both_sides(clean):
    test, train = clean["test"], clean["train"]
    shared = replace(test, class_names=(train.class_names[4], *test.class_names[1:]))
    found = of(checked(clean | {"test": shared}), "classes")
    assert (found.severity, found.details["shared"]) == ("problem", [train.class_names[4]])
    assert found.pictures[0][1] == ("train", int(np.flatnonzero(train.labels == 4)[0]))
    halves = {"train": train.classes(range(0, 40, 2)), "test": train.classes(range(1, 40, 2))}
    found = checked(halves)
    assert of(found, "groups").details["count"] == len(train.group_names)
    assert of(found, "makers").severity == "look"
    assert of(found, "makers").details["count"] == 12 * len(train.group_names)
    others = replace(
        halves["test"], makers=halves["test"].makers + 100 * halves["test"].class_groups[halves["test"].labels]
    )
    assert of(checked(halves | {"test": others}), "makers").details["count"] == 12  # in the first group only
    apart = of(checked(clean), "makers")
    assert (apart.severity, apart.details) == ("fine", {"told": False})
    assert "cannot be told" in apart.sentence


def test_a_writer_and_the_forgeries_of_the_same_writer():
    part = numbers(2, 4)
    parts = {"train": replace(part, class_names=("001", "002")), "test": replace(part, class_names=("003", "001_forg"))}
    found = of(checked(parts), "classes")
    assert (found.severity, found.details["alike"]) == ("look", [["001_forg", "001"]])
    parts["test"] = replace(part, class_names=("003", "s12"))
    parts["train"] = replace(part, class_names=("s1", "s2"))
    assert of(checked(parts), "classes").severity == "fine"


def coloured_border(part: LabelledSet, width: int = 1) -> LabelledSet:
    """Each class with a border of its own grey, as photographs taken at one place have."""
    pixels, grey = part.items.pixels.copy(), (np.random.default_rng(1).permutation(200)[: part.n_classes])[part.labels]
    mask = np.ones(pixels.shape[2:], bool)
    mask[width:-width, width:-width] = False
    pixels[:, 0, mask] = grey[:, None]
    return part.with_items(ImageItems(pixels, part.items.spec))


def test_a_planted_border_is_a_problem(clean):
    found = of(checked({n: coloured_border(p) for n, p in clean.items()}, Pixels(SPEC)), "border")
    assert found.severity == "problem"
    assert found.details["probe"]["auc"] > 0.95
    assert found.details["probe"]["low"] > 0.9
    assert of(checked(clean, Pixels(SPEC)), "border").details["probe"]["auc"] < 0.6


class BorderOnly(Pixels):
    """A network that looks at the border alone."""

    def embed(self, items):
        return items.fitted(self.spec).pixels[:, 0, 0, :].astype(np.float32)


def test_a_network_that_lives_on_the_border_is_told(clean):
    parts = {n: coloured_border(p) for n, p in clean.items()}
    assert of(checked(parts, BorderOnly(SPEC)), "network on the border").severity == "problem"
    assert of(checked(clean, Pixels(SPEC)), "network on the border").severity == "fine"


def test_brightness_alone_is_a_problem(clean):
    def tinted(part):
        level = 0.3 + 0.7 * np.random.default_rng(1).permutation(part.n_classes)[part.labels] / part.n_classes
        pixels = (part.items.pixels * level[:, None, None, None]).astype(np.uint8)
        return part.with_items(ImageItems(np.where(pixels > 0, pixels, (60 * level)[:, None, None, None])
                                          .astype(np.uint8), part.items.spec))  # fmt: skip

    found = of(checked({n: tinted(p) for n, p in clean.items()}, Pixels(SPEC)), "statistics")
    assert found.severity == "problem"


def test_near_copies_inside_classes_are_told(clean):
    test = clean["test"]
    twins = np.arange(0, len(test), 12)
    test = with_pictures(test, np.concatenate([twins + 1, twins + 2]), noisy(test.items.pixels[[*twins, *twins]]))
    found = of(checked(clean | {"test": test}), "near copies in a class")
    assert found.severity == "look"
    assert found.details["share"] >= 0.25
    assert of(checked(clean), "near copies in a class").severity == "fine"


@pytest.mark.parametrize(("embedder", "severity"), [(Constant(), "problem"), (Plain(), "fine")])
def test_a_constant_network_is_told(embedder, severity):
    found = of(checked({"test": numbers()}, embedder), "constant output")
    assert found.severity == severity
    assert ("nearly the same answer" in found.sentence) == (severity == "problem")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_network_without_numbers_is_told():
    class Broken(Plain):
        def embed(self, items: Numbers) -> np.ndarray:
            return np.full((len(items), 2), np.nan, dtype=np.float32)

    found = of(checked({"test": numbers()}, Broken()), "constant output")
    assert found.severity == "problem"
    assert "not all numbers" in found.sentence


def test_a_network_with_few_answers_is_told():
    class Coarse(Plain):
        def embed(self, items: Numbers) -> np.ndarray:
            return (items.values[:, :1] > 0).astype(np.float32)

    found = of(checked({"test": numbers(20)}, Coarse()), "constant output")
    assert found.severity == "problem"
    assert "ties" in found.sentence


def test_a_network_that_does_not_look_is_told(clean):
    found = of(checked(clean, Random()), "constant output")
    assert found.severity == "problem"
    assert "noise" in found.sentence


def test_the_weighted_auc_is_the_plain_one_and_its_interval_holds_it():
    rng = np.random.default_rng(0)
    same = rng.random(500) < 0.5
    d = np.round(rng.normal(size=500) - same, 1)  # ties
    slow = np.mean([(a < b) + 0.5 * (a == b) for a in d[same] for b in d[~same]])
    told = shortcuts.rate(d, same, np.ones((3, 500), dtype=int))
    assert (told.auc, told.low, told.high) == pytest.approx((slow, slow, slow), abs=1e-12)
    times = rng.integers(0, 3, (1, 500))
    often = np.repeat(np.arange(500), times[0])
    assert shortcuts.rate(d, same, np.concatenate([times, times])).low == pytest.approx(
        min(slow, shortcuts.rate(d[often], same[often], np.ones((2, len(often)), int)).auc), abs=1e-12
    )


def test_the_sides_of_a_run(tiny_run):
    run = runs.find(tiny_run)
    own = leaks.sides_of(run)
    assert {n: p.n_classes for n, p in own.parts.items()} == {"train": 6, "validation": 2, "test": 2}
    given = leaks.sides_of(run, "digits")
    assert set(given.parts) == {"train", "validation", "given"}
    found = leaks.checks(given)
    assert of(found, "classes").details["count"] == 6
    assert of(found, "duplicates").details["count"] == len(own.parts["train"])
