"""Registered sets: what they hold, where they are looked for, and that names are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from siamese_core import datasets
from siamese_core.datasets import olivetti, omniglot
from siamese_core.errors import DataError
from siamese_core.types import InputSpec
from tests.pictures import class_folders, cross, encoded

OFFLINE = ("digits", "glyphs")


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_sets_are_whole(name, tmp_path):
    data = datasets.load(name, tmp_path)
    assert data.name == name
    assert len(data) == len(data.items) == data.counts.sum()
    assert data.counts.min() > 1
    assert len(set(data.class_names)) == data.n_classes
    assert data.about.endswith(".")
    assert data.about.count("\n") == 0
    assert data.items.spec.polarity == "ink"
    assert np.median(data.items.pixels) < 128, "paper is 0"
    assert not list(tmp_path.iterdir()), "nothing is written"
    assert datasets.load(name, tmp_path).digest == data.digest


def test_digits_are_scikit_learn_s():
    from sklearn.datasets import load_digits

    data = datasets.load("digits")
    assert len(data) == 1797
    assert data.items.spec == InputSpec(1, 14, 14, "ink")
    source = load_digits()
    np.testing.assert_array_equal(data.labels, source.target)
    np.testing.assert_array_equal(np.rint(data.items.pixels[:, 0, 3:-3, 3:-3] * (16 / 255)), source.images)
    assert data.items.pixels.sum() == data.items.pixels[:, 0, 3:-3, 3:-3].sum(), "paper all around"
    assert data.digest == "38c83608333106c3"


def test_data_root(monkeypatch, tmp_path):
    monkeypatch.delenv("SIAMESE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    assert datasets.data_root() == tmp_path / "cache" / "siamese-lab"
    monkeypatch.setattr("sys.platform", "darwin")
    assert datasets.data_root().parts[-3:] == ("Library", "Caches", "siamese-lab")
    monkeypatch.setenv("SIAMESE_DATA", str(tmp_path / "data"))
    assert datasets.data_root() == tmp_path / "data"
    assert datasets.data_root("x") == Path("x")
    assert datasets.data_root("~/x") == Path.home() / "x"


@pytest.mark.parametrize("name", ["omnigloot", "", "no/such/folder", "nul\0", "x" * 5000, "digits "])
def test_unknown_names_list_the_valid_ones(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        datasets.load(name)
    assert "\n" not in str(caught.value)
    if len(name) < 100 and "\0" not in name:
        assert all(known in str(caught.value) for known in datasets.REGISTRY)


def test_a_file_that_is_no_zip(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(cross()))
    with pytest.raises(DataError, match="no zip"):
        datasets.load(str(tmp_path / "x.png"))


def test_a_registered_name_wins_over_a_folder(tmp_path, monkeypatch):
    class_folders(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert len(datasets.load("digits")) == 1797
    assert len(datasets.load("./digits")) == 4


# ---- omniglot ----


def little_omniglot(root: Path, alphabets: int = 3, drawers: int = 4) -> Path:
    number = 0
    for a in range(alphabets):
        for c in range(2):
            number += 1
            place = root / "omniglot-py" / "images_background" / f"Alphabet{a}" / f"character{c + 1:02d}"
            place.mkdir(parents=True)
            for d in range(drawers):
                picture = cross(105, at=20 + 7 * number + d) > 0
                (place / f"{number:04d}_{d + 1:02d}.png").write_bytes(encoded(picture))
    return root


def test_omniglot_in_its_published_layout(tmp_path):
    data = datasets.load("omniglot", little_omniglot(tmp_path))
    assert data.name == "omniglot"
    assert data.class_names[:3] == ("Alphabet0/character01", "Alphabet0/character02", "Alphabet1/character01")
    assert data.group_names == ("Alphabet0", "Alphabet1", "Alphabet2")
    assert data.class_groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.makers.tolist() == [0, 1, 2, 3] * 6
    assert data.labels.tolist() == list(np.repeat(np.arange(6), 4))
    assert data.items.spec == InputSpec(1, 105, 105, "ink")
    np.testing.assert_array_equal(data.items.natural(5), cross(105, at=20 + 14 + 1))
    assert "MIT" in data.about
    same = datasets.load(str(tmp_path / "omniglot-py" / "images_background"))
    assert same.digest == data.digest, "as plain folders the pictures are the same"


def test_omniglot_spoiled(tmp_path):
    place = little_omniglot(tmp_path) / "omniglot-py" / "images_background" / "Alphabet1" / "character02"
    odd = place / "0004_09.png"
    odd.write_bytes(encoded(cross(50)))
    with pytest.raises(DataError, match=r"0004_09\.png is not 105 x 105"):
        datasets.load("omniglot", tmp_path)
    odd.unlink()
    odd = place / "noname.png"
    odd.write_bytes(encoded(cross(105)))
    with pytest.raises(DataError, match="not named"):
        datasets.load("omniglot", tmp_path)
    empty = tmp_path / "other" / "omniglot-py" / "images_background"
    empty.mkdir(parents=True)
    with pytest.raises(DataError, match="delete it to fetch"):
        datasets.load("omniglot", tmp_path / "other")


@pytest.mark.data
def test_the_published_omniglot():
    if not (datasets.data_root() / omniglot.FOLDER / "images_background").is_dir():
        pytest.skip("images_background is absent")
    data = datasets.load("omniglot")
    assert len(data) == 19_280
    assert data.n_classes == 964
    assert len(data.group_names) == 30
    assert (data.counts == 20).all()
    assert (data.makers.reshape(964, 20) == np.arange(20)).all()
    ink = data.items.pixels > 127
    assert 0.02 < ink.mean() < 0.12


# ---- olivetti ----


def test_olivetti_is_read_by_columns(tmp_path):
    faces = np.random.default_rng(0).integers(0, 256, (400, 64, 64)).astype(np.uint8)
    path = tmp_path / "olivettifaces.mat"
    savemat(path, {"faces": faces.transpose(0, 2, 1).reshape(400, 4096).T, "p": np.ones((3, 3))})
    data = olivetti.read(path)
    assert data.items.spec == InputSpec(1, 64, 64, "photo")
    np.testing.assert_array_equal(data.items.pixels[:, 0], faces)
    assert data.n_classes == 40
    assert data.labels.tolist() == list(np.repeat(np.arange(40), 10))
    assert "AT&T" in data.about


def test_olivetti_spoiled(tmp_path):
    path = tmp_path / "olivettifaces.mat"
    path.write_bytes(b"not matlab")
    with pytest.raises(DataError, match="not the published"):
        olivetti.read(path)
    savemat(path, {"other": np.ones((3, 3))})
    with pytest.raises(DataError, match="not the published"):
        olivetti.read(path)
    savemat(path, {"faces": np.ones((3, 3))})
    with pytest.raises(DataError, match="400 faces"):
        olivetti.read(path)


def test_a_wrong_file_in_the_data_root_is_told_not_used(tmp_path):
    (tmp_path / "olivetti").mkdir()
    (tmp_path / "olivetti" / olivetti.FILE).write_bytes(b"something else")
    with pytest.raises(DataError, match="checksum is wrong"):
        datasets.load("olivetti", tmp_path)


def test_no_pickle_is_ever_opened():
    source = Path(datasets.__file__).parent
    for file in source.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "import pickle" not in text
        assert "fetch_olivetti" not in text
        assert "joblib" not in text
