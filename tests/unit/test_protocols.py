"""Protocols: fields of the contract, chance for networks that cannot see, warnings, Lake's layout."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamese_core import datasets, protocols, trained
from siamese_core.errors import DataError, RunError
from siamese_core.runs import Run
from tests.embedders import Constant, Plain, numbers


class Pixels(Plain):
    """Pictures as they are: an embedder that tells identical pictures apart from others."""

    def __init__(self, constant=False):
        super().__init__()
        self.constant = constant

    def embed(self, items):
        flat = items.pixels.reshape(len(items), -1).astype(np.float32)
        return np.ones_like(flat) if self.constant else flat


def drawing(seed, size=40):
    """A picture of a random scribble, black on white."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size), 255)
    points = [tuple(p) for p in rng.integers(6, size - 6, size=(6, 2)).tolist()]
    ImageDraw.Draw(image).line(points, fill=0, width=3)
    return image


def lake_folder(root, runs=2, ways=4, same=True):
    """Runs whose queries are the training pictures themselves (or, not `same`, of the next class)."""
    for r in range(1, runs + 1):
        name = f"run{r:02d}"
        (root / name / "test").mkdir(parents=True)
        (root / name / "training").mkdir()
        lines = []
        for w in range(ways):
            drawing(100 * r + w).save(root / name / "training" / f"class{w + 1:02d}.png")
            drawing(100 * r + (w if same else (w + 1) % ways)).save(root / name / "test" / f"item{w + 1:02d}.png")
            lines.append(f"{name}/test/item{w + 1:02d}.png {name}/training/class{w + 1:02d}.png")
        (root / name / "class_labels.txt").write_text("\n".join(lines) + "\n")
    return root


def test_lake_reads_the_published_layout(tmp_path):
    found = protocols.lake(Pixels(), lake_folder(tmp_path))
    assert found["accuracy"] == 1.0
    assert found["one_to_one_accuracy"] == 1.0
    assert found["trials"] == 8
    assert found["chance"] == 0.25
    assert [r["run"] for r in found["per_run"]] == ["run01", "run02"]
    assert found["interval"][0] < 1.0
    json.dumps(found)


def test_lake_counts_wrong_answers(tmp_path):
    found = protocols.lake(Pixels(), lake_folder(tmp_path, same=False))
    assert found["accuracy"] == 0.0
    assert found["one_to_one_accuracy"] == 0.0


def test_lake_gives_a_constant_embedding_nothing(tmp_path):
    found = protocols.lake(Pixels(constant=True), lake_folder(tmp_path))
    assert found["accuracy"] == 0.0
    assert found["one_to_one_accuracy"] == 0.0
    assert sum(r["ties"] for r in found["per_run"]) == found["trials"]


def test_one_to_one_solves_what_nearest_does_not():
    near = np.array([[0.1, 0.9], [0.2, 0.8]])  # both queries are nearest to the first class
    found = protocols._one_run(near, np.array([0, 1]))
    assert found["accuracy"] == 0.5
    assert found["one_to_one_accuracy"] == 1.0
    doubled = protocols._one_run(near, np.array([0, 0]))
    assert doubled["one_to_one_accuracy"] is None  # two queries of one class: there is no such assignment


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("run01/test/item01.png", "is not '<test file> <training file>'"),
        ("../secret.png run01/training/class01.png", "outside"),
        ("/etc/hostname run01/training/class01.png", "outside"),
        ("run01/test/gone.png run01/training/class01.png", "cannot be read"),
    ],
)
def test_lake_refuses_broken_runs(tmp_path, line, what):
    folder = lake_folder(tmp_path, runs=1)
    labels = folder / "run01" / "class_labels.txt"
    labels.write_text(labels.read_text() + line + "\n")
    with pytest.raises(DataError, match=what):
        protocols.lake(Pixels(), folder)


def test_lake_says_which_folder_it_needs(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        protocols.lake(Pixels(), tmp_path / "nowhere")
    with pytest.raises(DataError, match="run01, run02"):
        protocols.lake(Pixels(), tmp_path)
    folder = lake_folder(tmp_path, runs=1, ways=2)
    (folder / "run01" / "training" / "class01.png").write_bytes(b"not a picture at all")
    with pytest.raises(DataError, match=r"class01\.png is not a picture"):
        protocols.lake(Pixels(), folder)


def test_lake_warns_of_pictures_it_was_trained_on(tmp_path, tiny_run):
    folder, run = lake_folder(tmp_path / "lake"), Run(tiny_run)
    model = trained.load(run)
    assert protocols.lake(model, folder, run)["warnings"] == []
    from siamese_core.modalities.image import from_files

    name = folder / "run01" / "test" / "item01.png"
    digest = from_files([("x", name.read_bytes())], model.spec).digests()[0]
    with (tiny_run / "train_digests.txt").open("a") as f:
        f.write(digest + "\n")
    warnings = protocols.lake(model, folder, run)["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("2 of these 16 items")  # the query and its training picture


def test_verification_has_the_fields_of_the_contract():
    found = protocols.verification(Plain(), numbers(spread=0.02), max_pairs=100)
    assert found["auc"] == 1.0
    assert found["pairs"] == 200
    assert found["ece"] is None
    assert found["brier"] is None
    assert {"auc", "eer", "threshold", "accuracy", "eer_threshold", "warnings"} <= set(found)
    json.dumps(found)


def test_verification_without_a_threshold_says_so():
    plain = Plain()
    plain.threshold = None
    found = protocols.verification(plain, numbers())
    assert found["accuracy"] is None
    assert "threshold" in found["warnings"][0]


def test_one_shot_has_the_fields_of_the_contract():
    found = protocols.random_one_shot(Plain(), numbers(classes=12, groups=3), 3, episodes=20, within_groups=True)
    assert {"n_way", "k_shot", "accuracy", "interval", "episodes", "chance", "warnings"} <= set(found)
    assert found["within_groups"] is True
    assert found["warnings"] == []
    json.dumps(found)


def test_one_shot_tells_of_groups_left_out():
    found = protocols.random_one_shot(Plain(), numbers(classes=7, groups=3), 3, episodes=5, within_groups=True)
    assert found["warnings"][0].startswith("2 groups have fewer than 3 classes")


def test_a_constant_embedding_is_at_chance_everywhere():
    data = numbers(groups=2)
    assert protocols.random_one_shot(Constant(), data, episodes=30)["accuracy"] == 0.0
    found = protocols.verification(Constant(), data)
    assert (found["auc"], found["eer"], found["accuracy"]) == (0.5, 0.5, 0.5)


def test_a_run_is_measured_on_its_own_test_classes(tiny_run):
    run = Run(tiny_run)
    data = protocols.data_for(run)
    assert data.class_names == ("8", "9")
    assert protocols.overlap_warnings(run, data.items, data.class_names) == []
    assert protocols.data_for(run, part="validation").class_names == ("6", "7")


def test_it_warns_of_training_and_validation_data(tiny_run):
    run = Run(tiny_run)
    data = protocols.data_for(run, "digits")
    seen, chosen = protocols.overlap_warnings(run, data.items, data.class_names)
    in_training = int(np.isin(data.labels, range(6)).sum())
    assert seen.startswith(f"{in_training} of these 1797 items")
    assert chosen.startswith("2 of these 10 classes")
    (tiny_run / "train_digests.txt").unlink()
    assert "not checked" in protocols.overlap_warnings(run, data.items)[0]


def test_a_class_that_is_gone_is_named(tiny_run):
    value = json.loads((tiny_run / "config.json").read_text())
    value["split"]["test"] = ["9", "ten"]
    (tiny_run / "config.json").write_text(json.dumps(value))
    with pytest.raises(RunError, match="'ten'"):
        protocols.data_for(Run(tiny_run))
    value.pop("split")
    (tiny_run / "config.json").write_text(json.dumps(value))
    with pytest.raises(RunError, match="no test classes"):
        protocols.data_for(Run(tiny_run))


def test_omniglot_in_its_published_layout_keeps_its_drawers(tmp_path, tiny_run):
    folder = tmp_path / "omniglot-py" / "images_evaluation"
    for character in ("character01", "character02"):
        (folder / "Atlantean" / character).mkdir(parents=True)
        for drawer in (1, 2, 20):
            name = f"{1000 + int(character[-2:])}_{drawer:02d}.png"
            drawing(drawer, 105).convert("1").save(folder / "Atlantean" / character / name)
    data = protocols.data_for(Run(tiny_run), str(folder))
    assert data.class_names == ("Atlantean/character01", "Atlantean/character02")
    assert data.makers.tolist() == [0, 1, 19] * 2
    assert datasets.load(str(folder)).makers is None  # as any other folder, it would have lost them
