"""Faces: where the eyes land, what is used where there is no face, and what is said without OpenCV."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import cos, hypot, radians, sin

import cv2
import numpy as np
import pytest
from PIL import Image

from siamese_core import datasets, jobs, prepare, presets
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, DataError
from siamese_core.modalities import face
from siamese_core.modalities.face import Face
from siamese_core.modalities.fitting import place
from siamese_core.modalities.image import ImageItems, fit, from_files, looked_at
from siamese_core.types import InputSpec, LabelledSet
from tests.pictures import class_folders, encoded, photo, zipped

FACE = InputSpec(3, 96, 96, "photo", crop="face")
GREY = InputSpec(1, 24, 24, "photo", crop="face")
LEFT, RIGHT = 30, 255  # how bright the dots are that stand for eyes


def blobs(height: int, width: int, places: list[tuple[float, float]], radius: float) -> np.ndarray:
    """(height, width, 3) uint8, black, in each channel a blob around one place (x, y from the corner)."""
    y, x = np.mgrid[:height, :width] + 0.5
    found = [255 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)) for cx, cy in places]
    return np.rint(np.dstack(found)).astype(np.uint8)


def centre_of(channel: np.ndarray) -> tuple[float, float]:
    """The centre of mass (x, y) of one blob, from the corner."""
    weight = channel.astype(np.float64)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


@pytest.fixture
def finds(monkeypatch):
    """A finder that knows two grey dots, so that no real face is needed: None where they are not there."""

    def find(picture: np.ndarray) -> Face | None:
        grey = picture if picture.ndim == 2 else picture[..., 0]
        places = [np.argwhere(grey == level) for level in (LEFT, RIGHT)]
        if not all(len(p) for p in places):
            return None
        left, right = (tuple(p.mean(axis=0)[::-1] + 0.5) for p in places)
        return Face(left, right, seen=True)

    monkeypatch.setattr(face, "find", find)


def dotted(height: int, width: int, top: int, left: int, apart: int = 20) -> np.ndarray:
    """A picture with the two dots in it, levels 100 to 139 elsewhere."""
    picture = (100 + np.arange(height * width) % 40).reshape(height, width).astype(np.uint8)
    picture[top : top + 3, left : left + 3] = LEFT
    picture[top : top + 3, left + apart : left + apart + 3] = RIGHT
    return picture


# ---- where the eyes land ----


@pytest.mark.parametrize("angle", [0, 10, -25, 60])
@pytest.mark.parametrize("apart", [12.0, 35.0, 100.0])
@pytest.mark.parametrize(("height", "width"), [(96, 96), (96, 48), (48, 96)])
def test_the_eyes_land_at_their_places_to_a_pixel(angle, apart, height, width):
    turned = radians(angle)
    middle, (dx, dy) = (155.2, 145.9), (apart / 2 * cos(turned), apart / 2 * sin(turned))
    left, right = (middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy)
    nose = (middle[0] - dy, middle[1] + dx)  # half as far below as the eyes are apart
    picture = blobs(300, 320, [left, right, nose], apart / 10)
    seen = face.align(picture, Face(left, right, True), height, width)
    seen = place(seen.transpose(2, 0, 1)[None], InputSpec(3, height, width, "photo"))[0]
    half, level = face.EYES_APART * min(height, width) / 2, face.EYE_HEIGHT * height
    for channel, x, y in ((0, width / 2 - half, level), (1, width / 2 + half, level), (2, width / 2, level + half)):
        found = centre_of(seen[channel])
        assert hypot(found[0] - x, found[1] - y) < 0.5


def test_a_face_that_lies_right_already_is_copied():
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    half = face.EYES_APART * 96 / 2
    eyes = Face((48 - half, face.EYE_HEIGHT * 96), (48 + half, face.EYE_HEIGHT * 96), True)
    np.testing.assert_array_equal(face.align(picture, eyes, 96, 96), picture)
    np.testing.assert_array_equal(face.align(picture[..., 0], eyes, 96, 96), picture[..., 0])
    moved = face.align(
        picture, Face((eyes.left[0] + 5, eyes.left[1] - 3), (eyes.right[0] + 5, eyes.right[1] - 3), True), 96, 96
    )
    np.testing.assert_array_equal(moved[3:, :-5], picture[:-3, 5:])


def test_beyond_the_picture_its_border_is_repeated():
    picture = np.full((50, 50), 90, dtype=np.uint8)
    picture[:, 0], picture[0, :] = 10, 200
    seen = face.align(picture, Face((2.0, 2.0), (12.0, 2.0), True), 40, 40)
    assert (seen[30:, 0] == 10).all()
    assert (seen[0, 30:] == 200).all()
    assert not (seen == 0).any(), "nothing is filled with black"


def test_shrinking_keeps_no_false_pattern():
    board = (255 * (np.indices((800, 800)).sum(axis=0) % 2)).astype(np.uint8)
    eyes = Face((330.0, 400.0), (480.0, 408.0), True)
    seen = place(face.align(board, eyes, 24, 24)[None, None], InputSpec(1, 24, 24, "photo"))
    assert np.abs(seen.astype(int) - 127).max() <= 3


def test_no_shape_asks_for_more_pixels_than_a_picture_has():
    picture = photo(300, 2000)
    for height, width in ((224, 12), (12, 448), (1024, 1024), (1, 1)):
        seen = face.align(picture, Face((0.0, 150.0), (1900.0, 150.0), True), height, width)
        assert seen.size <= max(face._MOST_PIXELS, height * width)
        assert seen.shape[0] * width == seen.shape[1] * height


# ---- how eyes become a face ----


@pytest.mark.parametrize(
    ("left", "right", "good"),
    [
        ((0.3, 0.4), (0.7, 0.4), True),
        ((0.3, 0.35), (0.68, 0.45), True),
        ((0.3, 0.3), (0.7, 0.5), False),  # too steep
        ((0.45, 0.4), (0.6, 0.4), False),  # too near
        ((0.1, 0.4), (0.9, 0.4), False),  # too far
        ((0.7, 0.4), (0.3, 0.4), False),  # the wrong way round
    ],
)
def test_two_eyes_that_can_be_of_one_face(left, right, good):
    assert face._plausible(left, right) is good


class Sees:
    """A cascade that sees the same boxes in every picture, and remembers the picture."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes, self.shape = boxes, (0, 0)

    def detectMultiScale(self, picture, *more, **limits):
        self.shape = picture.shape
        return self.boxes


def test_a_face_without_eyes_is_taken_to_have_them_where_they_mostly_are(monkeypatch):
    rim = 15
    frontal = Sees((rim + 20, rim + 10, 50, 50), (rim, rim, 40, 40))
    monkeypatch.setattr(face, "_cascades", lambda: {"frontalface_alt2": frontal, "eye": Sees()})
    found = face.find(photo(100, 100))
    assert not found.seen
    for eye, share in zip((found.left, found.right), face._USUAL, strict=True):
        assert eye == pytest.approx((20 + 50 * share[0], 10 + 50 * share[1]))
    assert frontal.shape == (130, 130), "a rim is laid around, for faces that fill the picture"


def test_of_several_eyes_the_likelier_one_is_taken(monkeypatch):
    rim = 15
    eye = Sees((0, 0, 30, 30), (33, 20, 30, 30))
    monkeypatch.setattr(face, "_cascades", lambda: {"frontalface_alt2": Sees((rim, rim, 100, 100)), "eye": eye})
    found = face.find(photo(100, 100))
    assert found.seen
    assert found.left == pytest.approx((100 * (33 + 15) / 160, 100 * (round(0.18 * 160) + 35) / 160))


def test_two_eyes_that_cannot_be_of_one_face_are_not_believed(monkeypatch):
    eye = Sees((40, 0, 20, 20))
    monkeypatch.setattr(face, "_cascades", lambda: {"frontalface_alt2": Sees((15, 15, 100, 100)), "eye": eye})
    assert face.find(photo(100, 100)).seen
    halves = iter([(60, 0, 24, 24), (0, 30, 24, 24)])  # next to each other, one far below the other
    monkeypatch.setattr(eye, "detectMultiScale", lambda *more, **limits: [next(halves)])
    found = face.find(photo(100, 100))
    assert not found.seen
    assert found.left == pytest.approx([100 * share for share in face._USUAL[0]])


def test_a_large_picture_is_looked_at_small_and_the_place_is_that_of_the_large_one(monkeypatch):
    rim = int(np.ceil(0.15 * 480))
    frontal = Sees((rim + 100, rim + 60, 120, 120))
    monkeypatch.setattr(face, "_cascades", lambda: {"frontalface_alt2": frontal, "eye": Sees()})
    found = face.find(photo(1440, 1920, colours=3))
    assert frontal.shape == (360 + 2 * rim, 480 + 2 * rim)
    assert found.left == pytest.approx((4 * (100 + 120 * face._USUAL[0][0]), 4 * (60 + 120 * face._USUAL[0][1])))


def test_the_largest_face_is_taken_and_of_equal_ones_the_middle_one(monkeypatch):
    def first(*boxes):
        monkeypatch.setattr(face, "_cascades", lambda: {"frontalface_alt2": Sees(*boxes), "eye": Sees()})
        return face.find(photo(100, 100)).left[0]

    small, left, middle = (50, 50, 30, 30), (15, 40, 40, 40), (45, 45, 40, 40)
    assert first(small, left, middle) == first(middle, left, small) == first(middle) != first(left)


# ---- where there is no face ----

ODD = {
    "noise": photo(112, 92),
    "colour noise": photo(60, 80, colours=3),
    "one pixel": photo(1, 1),
    "a line": photo(1, 300),
    "a column": photo(300, 1, colours=3),
    "tiny": photo(5, 7),
    "black": np.zeros((112, 92), dtype=np.uint8),
    "white": np.full((40, 40, 3), 255, dtype=np.uint8),
    "huge": np.kron(photo(30, 40), np.ones((75, 75), dtype=np.uint8)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("spec", [FACE, InputSpec(1, 20, 40, "photo", crop="face")], ids=["square", "wide"])
def test_without_a_face_the_centre_is_used(name, spec):
    image = Image.fromarray(ODD[name])
    seen, found = looked_at(image, spec)
    assert not found
    np.testing.assert_array_equal(seen, fit(image, InputSpec(spec.channels, spec.height, spec.width, "photo")))


def test_a_clear_background_and_many_bits_are_no_obstacle():
    half = np.dstack([photo(40, 40, colours=3), np.full((40, 40), 128, dtype=np.uint8)])
    deep = (photo(40, 40).astype(np.uint16) << 8) + 7
    items = from_files([("clear.png", encoded(half)), ("deep.png", encoded(deep))], FACE)
    assert items.pixels.shape == (2, 3, 96, 96)
    assert items.faces.tolist() == [False, False]


def test_what_is_said_of_faces_that_were_not_found():
    assert face.words(None) == []
    assert face.words(np.array([True, True])) == []
    assert face.words(np.array([], dtype=bool)) == []
    found = np.arange(1280) >= 12
    assert face.words(found) == ["In 12 of 1,280 pictures no face was found; their centre is used."]
    assert face.words(found[:3], "queries")[0].startswith("In 3 of 3 queries")
    assert face.words(found[:1], one="a.png") == ["No face was found in a.png; its centre is used."]


# ---- a set goes the way of an upload ----


def test_a_set_is_cropped_as_one_picture_is(finds):
    pictures = [dotted(60, 50, 20, 10), dotted(60, 50, 30, 18), photo(60, 50) % 20]
    items = ImageItems(np.stack(pictures)[:, None], InputSpec(1, 60, 50, "photo"))
    alone = from_files([(f"{i}.png", encoded(p)) for i, p in enumerate(pictures)], GREY)
    cropped = items.fitted(GREY)
    np.testing.assert_array_equal(cropped.pixels, alone.pixels)
    assert cropped.faces.tolist() == alone.faces.tolist() == [True, True, False]
    assert cropped.digests() == alone.digests()
    assert cropped.select(np.array([2, 0])).faces.tolist() == [False, True]
    assert cropped.fitted(GREY) is cropped
    smaller = cropped.fitted(InputSpec(1, 12, 12, "photo", crop="face"))
    assert smaller.faces.tolist() == [True, True, False], "it is made smaller, not looked at again"
    assert cropped.fitted(InputSpec(1, 12, 12, "photo")).faces is None
    assert items.fitted(InputSpec(1, 24, 24, "photo")).faces is None
    assert len(items.select(np.array([], dtype=int)).fitted(GREY)) == 0
    colour = ImageItems(np.repeat(items.pixels, 3, axis=1), InputSpec(3, 60, 50, "photo"))
    np.testing.assert_array_equal(colour.fitted(GREY).pixels, alone.pixels)


def test_looking_again_for_the_same_costs_nothing(finds, monkeypatch):
    items = ImageItems(np.stack([dotted(60, 50, 20, 10)] * 3)[:, None], InputSpec(1, 60, 50, "photo"))
    told = []
    first = items.fitted(GREY, lambda text, share: told.append((text, share)))
    assert told[-1] == ("Looking for faces", 1.0)
    monkeypatch.setattr(face, "find", None)
    assert items.fitted(GREY) is first


@pytest.fixture
def uneven(tmp_path):
    """Four classes with two pictures each, no two of one size; the dots are near a corner of large pictures."""
    for c in range(4):
        for k in range(2):
            path = tmp_path / "people" / f"p{c}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(dotted(200 + 10 * c, 420 + k, 20 + c, 12, apart=40)))
    return tmp_path / "people"


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_a_set_of_all_sizes_is_looked_for_in_the_files(uneven, as_zip, finds, tmp_path):
    files = sorted(uneven.rglob("*.png"))
    path = uneven
    if as_zip:
        path = zipped(tmp_path / "people.zip", {f"wrap/{p.relative_to(uneven)}": p.read_bytes() for p in files})
    data = datasets.load(str(path))
    assert data.items.spec.width <= 128
    seen = from_files([(p.name, p.read_bytes()) for p in files], GREY)
    assert seen.faces.all()
    np.testing.assert_array_equal(data.items.fitted(GREY).pixels, seen.pixels)
    some = data.classes([2, 0])
    np.testing.assert_array_equal(some.items.fitted(GREY).pixels, seen.pixels[[0, 1, 4, 5]])
    assert data.items.fitted(InputSpec(1, 24, 24, "photo")).pixels.shape == (8, 1, 24, 24)
    assert data.digest == datasets.load(str(path)).digest


def test_a_picture_that_is_gone_meanwhile_is_named(uneven, finds, tmp_path):
    data = datasets.load(str(uneven))
    (uneven / "p1" / "1.png").unlink()
    with pytest.raises(DataError, match=r"p1/1\.png cannot be read"):
        data.items.fitted(GREY)
    files = {p.relative_to(uneven).as_posix(): p.read_bytes() for p in uneven.rglob("*.png")}
    path = zipped(tmp_path / "people.zip", files)
    data = datasets.load(str(path))
    zipped(path, {n: b for n, b in files.items() if n != "p0/0.png"})
    with pytest.raises(DataError, match=r"p0/0\.png is gone"):
        data.items.fitted(GREY)


# ---- settings, and what is told ----


def test_the_settings_ask_for_it():
    photos = LabelledSet("x", ImageItems(photo(4 * 20, 20).reshape(4, 1, 20, 20), InputSpec(1, 20, 20, "photo")),
                         np.array([0, 0, 1, 1]), ("a", "b"))  # fmt: skip
    config = TrainConfig(image_size=24, crop="face").check()
    assert prepare.fitted_spec(photos, config) == GREY
    assert InputSpec.from_json(GREY.to_json()) == GREY
    cut = photos.with_items(photos.items.fitted(GREY))
    assert prepare.fitted_spec(cut, TrainConfig(image_size=24)).crop == "face", "what is cropped stays so"
    for spec in (InputSpec(1, 24, 24, "ink", crop="face"), InputSpec(1, 24, 24, "photo", crop="ink")):
        with pytest.raises(ConfigError, match="another crop"):
            InputSpec.from_json(spec.to_json())


def test_ink_has_no_faces(tmp_path):
    config = TrainConfig(dataset=str(class_folders(tmp_path / "signs", ("a", "b", "c", "d", "e"))), crop="face")
    with pytest.raises(ConfigError, match="signs are ink on paper; set Crop to 'none'"):
        prepare.prepare(config)


def test_a_training_is_told_once_how_many_faces_there_were(uneven, finds):
    blank = uneven / "p3" / "0.png"
    blank.write_bytes(encoded(photo(100, 100) % 20))
    config = TrainConfig(dataset=str(uneven), image_size=24, crop="face")
    told = []
    found = prepare.prepare(config, progress=lambda text, share: told.append(text))
    assert found.notes == ("In 1 of 8 pictures no face was found; their centre is used.",)
    assert "Looking for faces" in told
    assert prepare.prepare(config.with_values(crop="none")).notes == ()


# ---- without OpenCV ----


def test_without_opencv_one_sentence_says_what_to_install(no_opencv, uneven, runs_folder):
    picture = Image.fromarray(photo(40, 40))
    assert fit(picture, InputSpec(1, 24, 24, "photo")).shape == (1, 24, 24), "all else works"
    with pytest.raises(ConfigError) as caught:
        fit(picture, GREY)
    assert "pip install -r requirements-extras.txt" in str(caught.value)
    assert len(caught.value.problems) == 1
    for work in (
        lambda: from_files([("a.png", encoded(photo(40, 40)))], GREY),
        lambda: datasets.load(str(uneven)).items.fitted(GREY),
        lambda: jobs.start(presets.build(str(uneven), crop="face"), runs_folder),
    ):
        with pytest.raises(ConfigError, match="needs OpenCV 4"):
            work()
    assert not list(runs_folder.iterdir()), "no run is begun that cannot be trained"


@pytest.mark.parametrize("lacks", ["finder", "cascades"])
def test_an_opencv_that_finds_no_faces_is_as_good_as_none(lacks, monkeypatch, tmp_path):
    face._cascades.cache_clear()
    if lacks == "finder":
        monkeypatch.delattr(cv2, "CascadeClassifier")
    else:
        monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(ConfigError, match="needs OpenCV 4"):
        face.require()
    monkeypatch.undo()
    face.require()


# ---- real faces ----


@pytest.fixture(scope="module")
def orl():
    if not (datasets.data_root() / "orl_faces").is_dir():
        pytest.skip("the ORL faces are absent")
    return datasets.load("orl").classes(range(0, 28, 7))


@pytest.fixture(scope="module")
def found(orl):
    return [face.find(p[0]) for p in orl.items.pixels]


@pytest.mark.data
def test_nearly_all_faces_are_found_with_both_eyes(orl, found):
    assert all(found)
    assert np.mean([f.seen for f in found]) >= 0.9
    eyes = np.array([(f.left, f.right) for f in found])
    assert (np.abs(eyes.mean(axis=(0, 1)) - (46, 53)) < 6).all(), "around the middle of 92 x 112"
    assert (eyes[:, 1, 0] - eyes[:, 0, 0] > 22).all()
    assert (eyes[:, 1, 0] - eyes[:, 0, 0] < 48).all()


@pytest.mark.data
def test_cropped_faces_have_their_eyes_in_one_place(orl, found):
    """Looked for once more in what the network sees, the eyes scatter far less than in the centre of the picture."""
    own = np.array([(f.left, f.right) for f in found])
    aligned = orl.items.fitted(InputSpec(1, 96, 96, "photo", crop="face")).pixels[:, 0]
    again = [face.find(p) for p in aligned]
    both = np.array([i for i, f in enumerate(again) if f and f.seen and found[i].seen])
    assert len(both) >= 0.8 * len(found)
    eyes = np.array([(again[i].left, again[i].right) for i in both])
    scatter = [
        np.mean([e[orl.labels[both] == c].std(axis=0).mean() for c in range(orl.n_classes)])
        for e in (own[both] * 96 / 92, eyes)
    ]
    assert scatter[1] < 0.5 * scatter[0]
    half = face.EYES_APART * 96 / 2
    expected = np.array([(48 - half, face.EYE_HEIGHT * 96), (48 + half, face.EYE_HEIGHT * 96)])
    assert np.abs(np.median(eyes, axis=0) - expected).max() < 1.5


@pytest.mark.data
@pytest.mark.parametrize("angle", [-12, 12])
def test_a_turned_head_is_put_upright(orl, angle):
    alike = []
    for picture in orl.items.pixels[::7, 0]:
        wide = Image.fromarray(np.pad(picture, 40, mode="edge"))
        seen = [
            fit(image, InputSpec(1, 48, 48, "photo", crop="face")).ravel()
            for image in (wide, wide.rotate(angle, Image.Resampling.BICUBIC))
        ]
        alike.append(np.corrcoef(seen)[0, 1])
    assert np.median(alike) > 0.95


@pytest.mark.data
def test_a_camera_picture_is_seen_as_the_small_one_is(orl):
    small = Image.fromarray(np.pad(orl.items.pixels[0, 0], ((10, 10), (60, 60)), mode="edge"))
    large = small.resize((small.width * 18, small.height * 18), Image.Resampling.BICUBIC).convert("RGB")
    assert large.width * large.height > 8_000_000
    seen = [fit(image, FACE).astype(int) for image in (small, large)]
    assert np.abs(seen[0] - seen[1]).mean() < 6


@pytest.mark.data
def test_the_same_answer_each_time_whatever_else_runs(orl):
    sources = [(f"{i}.png", encoded(p[0])) for i, p in enumerate(orl.items.pixels[:12])]
    alone = [fit(Image.fromarray(p[0]), FACE) for p in orl.items.pixels[:12]]
    with ThreadPoolExecutor(4) as pool:
        for items in pool.map(lambda _: from_files(sources, FACE), range(4)):
            np.testing.assert_array_equal(items.pixels, np.stack(alone))
    assert cv2.getNumThreads() == 1
