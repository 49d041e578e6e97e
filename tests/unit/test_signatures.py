"""Signatures: the published layout, writers kept whole, forgeries nobody's class, the two protocols."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from siamese_core import datasets, metrics, presets, probe, samplers, signature_protocol, verifier
from siamese_core.datasets import signatures
from siamese_core.datasets.splits import split_by_class
from siamese_core.errors import ConfigError, DataError
from siamese_core.modalities.image import decode, fit
from siamese_core.types import InputSpec, LabelledSet
from tests.embedders import Constant, Numbers, Plain
from tests.pictures import cross, encoded


def write_writers(root: Path, writers: int = 3, genuine: int = 4, forged: int = 2, published: bool = True) -> Path:
    """Writers w0, w1, ... with crosses for signatures, in one of the two layouts."""
    number = 0
    for w in range(writers):
        for kind, count in (("genuine", genuine), ("forged", forged)):
            name = (f"w{w}" + ("_forg" if kind == "forged" else "")) if published else f"w{w}/{kind}"
            (root / name).mkdir(parents=True)
            for i in range(count):
                number += 1
                ending = "PNG" if i % 2 else "png"
                picture = cross(40 + number % 3, at=8 + number % 20)
                (root / name / f"{i}.{ending}").write_bytes(encoded(picture))
    return root


def writers_of_numbers(genuine: list[np.ndarray], forged: list[np.ndarray]) -> LabelledSet:
    """A set of plain vectors: each writer's genuine and forged ones."""
    parts = [part for pair in zip(genuine, forged, strict=True) for part in pair]
    n = len(genuine)
    return LabelledSet(
        name="hands",
        items=Numbers(np.concatenate(parts)),  # type: ignore[arg-type]
        labels=np.repeat(np.arange(2 * n), [len(p) for p in parts]),
        class_names=tuple(f"w{i // 2}/{('genuine', 'forged')[i % 2]}" for i in range(2 * n)),
        class_groups=np.arange(2 * n) // 2,
        group_names=tuple(f"w{i}" for i in range(n)),
    )


def some_writers(n: int = 4, seed: int = 0) -> LabelledSet:
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(n, 5))
    return writers_of_numbers(
        [c + rng.normal(size=(5 + i, 5)) for i, c in enumerate(centres)],
        [c + 0.5 + rng.normal(size=(3 + i % 2, 5)) for i, c in enumerate(centres)],
    )


# ---- the set ----


@pytest.mark.parametrize("published", [True, False])
def test_both_layouts_are_one_set(tmp_path, published):
    data = signatures.read(write_writers(tmp_path / "x", published=published), "hands")
    assert data.class_names == ("w0/genuine", "w0/forged", "w1/genuine", "w1/forged", "w2/genuine", "w2/forged")
    assert data.group_names == ("w0", "w1", "w2")
    assert data.class_groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.counts.tolist() == [4, 2] * 3
    assert data.forged.tolist() == [False, True] * 3
    assert data.items.spec == InputSpec(1, 100, 200, "ink", crop="ink")
    assert datasets.load(str(tmp_path / "x")).digest == data.digest, "a path in this layout is read as signatures"


def test_the_published_folder_under_the_data_root(tmp_path):
    write_writers(tmp_path / "signatures_dutch" / "train")
    write_writers(tmp_path / "signatures_dutch" / "test", writers=2)
    assert datasets.load("signatures", tmp_path).class_groups.max() == 2
    assert datasets.load("signatures-evaluation", tmp_path).name == "signatures-evaluation"
    with pytest.raises(DataError, match="several parts"):
        datasets.load(str(tmp_path / "signatures_dutch"))
    only = write_writers(tmp_path / "only" / "test", writers=2).parent
    assert datasets.load(str(only)).group_names == ("w0", "w1")


def test_an_upload_is_to_the_pixel_what_was_trained_on(tmp_path):
    folder = write_writers(tmp_path / "x")
    data = signatures.read(folder)
    file = folder / "w1_forg" / "1.PNG"
    place = int(np.flatnonzero(data.labels == data.class_names.index("w1/forged"))[1])
    np.testing.assert_array_equal(fit(decode(file.read_bytes(), "1.PNG"), data.items.spec), data.items.pixels[place])


def test_writers_without_forgeries_keep_their_genuine_class(tmp_path):
    folder = write_writers(tmp_path / "x")
    for file in (folder / "w2_forg").iterdir():
        file.unlink()
    data = signatures.read(folder)
    assert data.class_names[-1] == "w2/genuine"
    assert [w.name for w in signature_protocol.writers_of(data)] == ["w0", "w1"]


@pytest.mark.parametrize(("name", "place"), [("orl", "orl_faces"), ("signatures", "train"), ("mednist", "resized")])
def test_an_absent_set_says_what_to_put_where(name, place, tmp_path):
    with pytest.raises(DataError) as caught:
        datasets.load(name, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_layout_is_told(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="no writers with forgeries"):
        signatures.read(tmp_path)
    folder = write_writers(tmp_path / "x")
    (folder / "w1" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        signatures.read(folder)


# ---- forgeries are nobody's ----


def test_a_split_never_cuts_a_writer():
    data = some_writers(12)
    for seed in range(10):
        split = split_by_class(data, seed)
        parts = [{c // 2 for c in part} for part in (split.train, split.validation, split.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)), "no writer is in two parts"


def test_two_forgeries_are_never_a_same_pair_and_different_pairs_are_genuine_against_forged():
    data = some_writers(6)
    pairs = verifier.pairs_of(data.labels, np.random.default_rng(0), 500, data.class_groups, data.forged)
    first, second = data.labels[pairs.first], data.labels[pairs.second]
    assert not data.forged[first[pairs.same]].any()
    assert (data.forged[first[~pairs.same]] != data.forged[second[~pairs.same]]).all()
    assert (data.class_groups[first] == data.class_groups[second]).all()
    with pytest.raises(DataError, match="genuine"):
        verifier.pairs_of(np.array([0, 1, 1]), np.random.default_rng(0), 5, None, np.array([False, True]))


def test_verification_of_a_set_passes_over_forged_pairs():
    """All forgeries on one spot: counted as same pairs they would be the best ones."""
    genuine = [np.random.default_rng(w).normal(size=(4, 3)) + 50 * w for w in range(3)]
    data = writers_of_numbers(genuine, [np.full((6, 3), 50.0 * w + 25) for w in range(3)])
    found = verifier.score(Plain(), data)
    assert found.n_same == 3 * 6
    assert (found.distances[found.same] > 0).all()


def test_the_probe_looks_at_claims_only():
    data = some_writers(5)
    config = presets.build("signatures", items_per_class=2)
    p = probe.make(data, config)
    a, b = data.forged[p.labels[p.first]], data.forged[p.labels[p.second]]
    assert not (a & b).any()
    assert not data.forged[p.labels[p.queries]].any()
    assert data.forged[p.labels[p.supports]].any(), "forgeries are among what a query must be told from"


def test_only_a_class_inside_a_group_is_forged():
    plain = LabelledSet("x", Numbers(np.zeros((2, 2))), np.array([0, 1]), ("forged", "a/forged"))  # type: ignore[arg-type]
    assert not plain.forged.any()


def test_batches_hold_writers_with_their_own_forgeries():
    data = some_writers(10)
    config = presets.build("signatures")
    sampler = samplers.build(config, data.labels, data.class_groups, data.makers, np.random.default_rng(0))
    for _ in range(5):
        batch = sampler.next()
        classes = data.labels[batch.indices].reshape(-1, config.items_per_class)
        assert (classes == classes[:, :1]).all()
        writers, counts = np.unique(classes[:, 0] // 2, return_counts=True)
        assert len(writers) == config.groups_per_batch
        assert (counts == 2).all()


# ---- the protocol ----


def test_one_reference_agrees_with_a_slow_oracle():
    data = some_writers()
    found = signature_protocol.measure(Plain(), data, seed=3)
    z, labels = data.items.values, data.labels  # type: ignore[attr-defined]
    distances, same = [], []
    for i in range(len(z)):
        for j in range(len(z)):
            if labels[i] // 2 != labels[j] // 2 or labels[j] % 2:
                continue  # j is the reference: genuine, of the same writer
            if labels[i] % 2 or i < j:
                distances.append(np.linalg.norm(z[i] - z[j]))
                same.append(labels[i] % 2 == 0)
    row = found["rows"][0]
    assert (row["references"], row["rule"], row["forgeries"]) == (1, "one", "skilled")
    assert found["pairs"] == len(same) == row["genuine"] + row["forged"]
    assert row["genuine"] == sum(same)
    assert found["eer"] == row["eer"] == pytest.approx(metrics.eer(np.array(distances), np.array(same))[0], abs=1e-6)
    assert found["auc"] == pytest.approx(metrics.roc_auc(np.array(distances), np.array(same)), abs=1e-6)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_at(np.array(distances), np.array(same), 0.5))


def test_the_set_agrees_with_a_slow_oracle_when_all_references_are_used():
    data = writers_of_numbers(
        [np.random.default_rng(w).normal(size=(2, 3)) for w in range(3)],
        [np.random.default_rng(9 + w).normal(size=(4, 3)) for w in range(3)],
    )
    found = signature_protocol.measure(Plain(), data, references=12)
    (row,) = [r for r in found["rows"] if (r["rule"], r["forgeries"]) == ("mean", "skilled")]
    assert row["references"] == 1, "of two genuine signatures one is the question"
    assert (row["genuine"], row["forged"]) == (6, 12)
    rules = {(r["rule"], r["forgeries"]): r for r in found["rows"]}
    assert rules["mean", "skilled"]["eer"] == rules["nearest", "skilled"]["eer"], "of one distance"
    assert rules["one", "random"]["genuine"] == rules["one", "random"]["forged"]


def test_a_signature_is_never_its_own_reference_and_both_sides_get_as_many():
    """Genuine ones on the axes, forgeries in the middle of them: to the nearest other one forgeries are nearer."""
    genuine = [10 * np.eye(6) for _ in range(2)]
    forged = [np.full((5, 6), 10 / 6) for _ in range(2)]
    found = signature_protocol.measure(Plain(), writers_of_numbers(genuine, forged))
    rules = {(r["rule"], r["forgeries"]): r for r in found["rows"]}
    assert rules["nearest", "skilled"]["eer"] == 1.0
    assert rules["one", "skilled"]["eer"] == 1.0
    assert rules["nearest", "skilled"]["references"] == 5
    fewer = signature_protocol.measure(Plain(), writers_of_numbers(genuine, forged), references=3)
    assert {r["references"] for r in fewer["rows"]} == {1, 3}


def test_the_nearest_reference_and_the_mean_of_them_are_different_rules():
    """A writer with two ways to sign: near one of them, far from the other; forgeries lie between."""
    two = np.concatenate([np.zeros((4, 2)), np.full((4, 2), 10.0)]) + np.random.default_rng(0).normal(size=(8, 2)) / 99
    between = np.full((4, 2), 5.0)
    found = signature_protocol.measure(Plain(), writers_of_numbers([two, two], [between, between]))
    rules = {r["rule"]: r["eer"] for r in found["rows"] if r["forgeries"] == "skilled"}
    assert rules["nearest"] == 0.0
    assert rules["mean"] > 0.4


def test_random_forgeries_are_other_writers_genuine_ones():
    far = [np.full((3, 2), 100.0 * w) + np.random.default_rng(w).normal(size=(3, 2)) for w in range(4)]
    found = signature_protocol.measure(Plain(), writers_of_numbers(far, far))
    rules = {(r["rule"], r["forgeries"]): r for r in found["rows"]}
    assert rules["one", "random"]["eer"] == rules["mean", "random"]["eer"] == 0.0
    assert rules["one", "skilled"]["eer"] > 0.2
    alone = signature_protocol.measure(Plain(), writers_of_numbers(far[:1], far[:1]))
    assert {r["forgeries"] for r in alone["rows"]} == {"skilled"}, "one writer has no others"


def test_a_network_that_cannot_see_is_at_chance():
    found = signature_protocol.measure(Constant(), some_writers())
    assert all(row["eer"] == row["auc"] == 0.5 for row in found["rows"])
    assert found["accuracy"] == 0.5


def test_what_cannot_be_measured_is_told():
    with pytest.raises(ConfigError, match="At least 1 reference"):
        signature_protocol.measure(Plain(), some_writers(), references=0)
    with pytest.raises(DataError, match="no writer"):
        signature_protocol.measure(Plain(), some_writers().classes([0, 2]))
    two = LabelledSet("x", Numbers(np.zeros((4, 2))), np.array([0, 0, 1, 1]), ("a", "b"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no writer"):
        signature_protocol.measure(Plain(), two)


# ---- the published sets ----


@pytest.mark.data
def test_the_published_sets():
    if not all((datasets.data_root() / f).is_dir() for f in ("orl_faces", "signatures_dutch", "mednist")):
        pytest.skip("the sets are absent")
    data = datasets.load("signatures")
    assert len(data.group_names) >= 40
    assert data.forged.sum() == len(data.group_names), "every writer was forged"
    ink = (data.items.pixels > 0).mean(axis=(1, 2, 3))
    assert ink.min() > 0.03, "none is empty"
    assert ink.max() < 0.4, "none is black with background"
    faces = datasets.load("orl")
    assert faces.items.spec == InputSpec(1, 112, 92, "photo")
    assert (faces.counts == 10).all()
    assert "s1" in faces.class_names
    scans = datasets.load("mednist")
    assert scans.items.spec == InputSpec(1, 64, 64, "photo")
    assert scans.n_classes >= 4


@pytest.mark.data
@pytest.mark.slow
def test_the_recipe_learns_to_doubt_forgeries_of_unseen_writers():
    """A short training, small pictures: far from what the recipe reaches, and far from chance."""
    if not (datasets.data_root() / "signatures_dutch").is_dir():
        pytest.skip("the signatures are absent")
    from siamese_core.prepare import prepare
    from siamese_core.training import Trainer

    config = presets.build(
        "signatures", image_size=48, image_width=96, epochs=4, steps_per_epoch=30, width=32, device="cpu"
    )
    data = prepare(config)
    trainer = Trainer(config, data.spec, data.train, data.validation, "cpu")
    trainer.run(lambda event: None, lambda: False, lambda found, best: None)

    class Network(Plain):
        threshold = None

        def embed(self, items):
            table = items.resident("cpu")
            return probe.embed(trainer.average, table.batch, np.arange(len(items))).numpy()

    found = signature_protocol.measure(Network(), data.test)
    rates = {(r["rule"], r["forgeries"]): r["eer"] for r in found["rows"]}
    assert rates["one", "skilled"] < 0.4
    assert rates["one", "random"] < 0.25


def test_a_writer_and_the_forgeries_are_one_identity():
    """Drawn anew, a writer comes with the forgeries of that hand: there are as many identities as writers."""
    rng = np.random.default_rng(0)
    data = writers_of_numbers([rng.normal(size=(4, 3)) for _ in range(5)], [rng.normal(size=(3, 3)) for _ in range(5)])
    assert data.identities.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    scored = verifier.score(Plain(), data)
    assert scored.n_identities == 5
    assert (scored.first_identity == scored.second_identity).all()  # genuine with genuine, or with its own forgeries
    classes = data.labels[scored.first], data.labels[scored.second]
    assert ((classes[0] == classes[1]) == scored.same).all()


def test_imitations_of_nobody_in_particular_stand_for_themselves():
    names = ("a/one", "a/two", "a/forged", "b/forged", "b/forged2")
    data = LabelledSet(
        "x",
        Numbers(np.zeros((5, 2))),
        np.arange(5),
        names,
        np.array([0, 0, 0, 1, 1]),
        ("a", "b"),  # type: ignore[arg-type]
    )
    assert data.identities.tolist() == [0, 1, 2, 4, 4]
