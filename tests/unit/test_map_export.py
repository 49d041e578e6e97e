"""A map as files: each is read back by what reads such files, whatever the names in it are."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from PIL import Image

from pages.parts import scatter, theme
from siamese_core import map_export, map_export_drawing, map_export_page, map_export_projector, map_export_table, svg
from siamese_core.errors import ConfigError, DataError

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "tab\tand\nline\r\nand\u2028more",
    "=cmd|' /C calc'!A0",
    "\"quotes' & ]]> <!--",
    "party 🎉 {{data}}",
    "שלום עולם",
    "no\x00xml\x1b\ud800",
    "",
]


def made(names: list[str] = HOSTILE, per_class: int = 3, dims: int = 2, **more: object) -> dict[str, np.ndarray]:
    """A map; `more`: other arrays, None to leave one out."""
    count = per_class * len(names)
    rng = np.random.default_rng(0)
    error = rng.random(count)
    error[::4] = np.nan
    found = {
        **{axis: 5 * rng.normal(size=count) for axis in "xyz"[:dims]},
        "labels": np.arange(count) % len(names),
        "class_names": np.array(names, dtype=object).astype(np.str_),
        "indices": 100 + 7 * np.arange(count),
        "groups": np.full(count, -1),
        "group_names": np.array([], dtype=np.str_),
        "split": np.arange(count) % 4,
        "error": error,
        "embeddings": rng.normal(size=(count, 5)).astype(np.float32),
        "pixels": rng.integers(0, 256, (count, 1, 6, 4)).astype(np.uint8),
        "method": np.array("tsne"),
        "k": np.array(12),
        "trustworthiness": np.array(0.9),
        "continuity": np.array(0.8),
        "perplexity": np.array(np.nan),
        **more,
    }
    return {k: v for k, v in found.items() if v is not None}


def plain(count: int, classes: int, **more: object) -> dict[str, np.ndarray]:
    """A map of so many points of so many classes."""
    return made([f"c{i}" for i in range(classes)], -(-count // classes), **more)


def readable(name: str) -> str:
    return map_export_table.text(name)


class Page(HTMLParser):
    """What a browser would find on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.inside.setdefault(self.tags[-1] if self.tags else "", []).append(data)


# ---- tables ----


@pytest.mark.parametrize("dims", [2, 3])
def test_csv_is_read_back(dims):
    found = made(dims=dims)
    table = pd.read_csv(
        io.BytesIO(map_export.make("csv", found, "t")), keep_default_na=False, na_values={"error": [""]}
    )
    axes = list("xyz"[:dims])
    assert list(table) == ["index", "item", "label", "split", *axes, "error"]
    np.testing.assert_array_equal(table["index"], found["indices"])
    for axis in axes:
        np.testing.assert_allclose(table[axis], found[axis], rtol=1e-5)
    np.testing.assert_allclose(table["error"], found["error"], rtol=1e-3)
    assert table["split"].tolist()[:4] == ["train", "validation", "test", "none"]
    names = [HOSTILE[c] for c in found["labels"]]
    assert table["label"][0] == names[0]
    assert table["label"][3] == "'" + names[3]  # no formula
    assert table["item"][3] == "'" + names[3] + " #1"
    assert table["item"][9] == names[0] + " #2"
    assert not any(str(v).startswith(("=", "+", "-", "@", "\t")) for v in [*table["label"], *table["item"]])


def test_csv_with_vectors_and_all_that_is_known():
    found = made(["g/a", "h/b"], 2, groups=np.array([0, 1, 0, -1]), group_names=np.array(["g", "h"]),
                 nearest=np.array([1, 0, 3, 2]), nearest_distance=np.array([1.5, 1.5, np.nan, 2]))  # fmt: skip
    table = pd.read_csv(io.BytesIO(map_export.make("csv", found, "t", vectors=True)), keep_default_na=False)
    assert list(table)[3:] == ["group", "split", "x", "y", "error", "nearest_index", "nearest_distance",
                               "e0", "e1", "e2", "e3", "e4"]  # fmt: skip
    assert table["group"].tolist() == ["g", "h", "g", ""]
    assert table["nearest_index"].tolist() == [107, 100, 121, 114]
    assert table["nearest_distance"].tolist() == ["1.5", "1.5", "", "2"]
    np.testing.assert_allclose(table[[f"e{d}" for d in range(5)]], found["embeddings"], rtol=1e-5)


def test_parquet_is_read_back():
    found = made(dims=3)
    data = map_export.make("parquet", found, "a title")
    table = pd.read_parquet(io.BytesIO(data))
    assert list(table) == ["index", "item", "label", "split", "x", "y", "z", "error", "embedding"]
    np.testing.assert_array_equal(np.stack(table["embedding"]), found["embeddings"])
    np.testing.assert_array_equal(table["z"], found["z"])
    assert table["label"].tolist() == [readable(HOSTILE[c]) for c in found["labels"]]
    assert table["error"].isna().tolist() == np.isnan(found["error"]).tolist()
    import pyarrow.parquet as pq

    schema = pq.read_schema(io.BytesIO(data))
    assert json.loads(schema.metadata[b"siamese_lab"])["title"] == "a title"
    assert pq.read_table(io.BytesIO(data))["error"].null_count == np.isnan(found["error"]).sum()
    assert "embedding" not in pd.read_parquet(io.BytesIO(map_export.make("parquet", found, "t", vectors=False)))


def test_npz_is_read_back_without_pickles():
    found = made()
    with np.load(io.BytesIO(map_export.make("npz", found, "a title")), allow_pickle=False) as f:
        arrays = {name: f[name] for name in f.files}
    np.testing.assert_array_equal(arrays["embeddings"], found["embeddings"])
    np.testing.assert_array_equal(arrays["x"], found["x"])
    np.testing.assert_array_equal(arrays["error"], found["error"])
    assert arrays["label"].dtype.kind == arrays["split"].dtype.kind == "U"
    assert arrays["label"].tolist() == [readable(HOSTILE[c]) for c in found["labels"]]
    assert (str(arrays["title"]), float(arrays["trustworthiness"])) == ("a title", 0.9)
    assert "perplexity" not in arrays
    with np.load(io.BytesIO(map_export.make("npz", found, "t", vectors=False)), allow_pickle=False) as f:
        assert "embeddings" not in f.files


def test_without_pyarrow_parquet_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for ask in (lambda: map_export.check(tmp_path / "m.parquet"), lambda: map_export.make("parquet", made(), "t")):
        with pytest.raises(ConfigError, match="needs the package pyarrow"):
            ask()


# ---- the projector ----


def unzipped(found: dict[str, np.ndarray], title: str = "t", ink: bool = True) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(map_export.make("zip", found, title, ink))) as z:
        return {name: z.read(name) for name in z.namelist()}


def config_of(text: str) -> object:
    """projector_config.pbtxt, read by protobuf with TensorBoard's own fields and numbers."""
    kinds = {"string": 9, "uint32": 13, "message": 11}
    fields = {
        "Sprite": [("image_path", 1, "string", 1), ("single_image_dim", 2, "uint32", 3)],
        "Embedding": [("tensor_name", 1, "string", 1), ("metadata_path", 2, "string", 1),
                      ("tensor_shape", 4, "uint32", 3), ("sprite", 5, "message", 1), ("tensor_path", 6, "string", 1)],
        "Config": [("embeddings", 2, "message", 3)],
    }  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="projector.proto", package="projector", syntax="proto3")
    inner = {"sprite": ".projector.Sprite", "embeddings": ".projector.Embedding"}
    for name, described in fields.items():
        message = file.message_type.add(name=name)
        for key, number, kind, label in described:
            message.field.add(name=key, number=number, type=kinds[kind], label=label, type_name=inner.get(key))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    config = message_factory.GetMessageClass(pool.FindMessageTypeByName("projector.Config"))()
    return text_format.Parse(text, config)


def test_the_projectors_files_are_what_it_reads():
    found = made(dims=3)
    files = unzipped(found, 'a "hostile"\n} title \u202e')
    (about,) = config_of(files["projector_config.pbtxt"].decode("ascii")).embeddings
    assert (about.tensor_path, about.metadata_path, list(about.tensor_shape)) == (
        "tensors.tsv",
        "metadata.tsv",
        [27, 5],
    )
    tensors = [[float(v) for v in line.split("\t")] for line in files["tensors.tsv"].decode("ascii").splitlines()]
    np.testing.assert_allclose(tensors, found["embeddings"], rtol=1e-5)
    lines = [line.split("\t") for line in files["metadata.tsv"].decode("utf-8").split("\n")]
    assert lines.pop() == [""]
    assert lines[0] == ["label", "index", "item", "split", "x", "y", "z", "error"]
    assert len(lines) == 28
    assert all(len(line) == 8 and all(line) for line in lines)
    assert lines[3][0] == "tab and line and more"
    assert lines[1][0] == HOSTILE[0]
    assert len(files["metadata.tsv"].decode("utf-8").splitlines()) == 28  # by whatever ends a line anywhere

    side = about.sprite.single_image_dim[0]
    assert list(about.sprite.single_image_dim) == [6, 6]
    sheet = np.asarray(Image.open(io.BytesIO(files[about.sprite.image_path])))
    assert sheet.shape == (6 * side, 6 * side)  # as many rows as columns: 27 pictures in 6 x 6
    for i in (0, 5, 6, 26):
        row, column = divmod(i, 6)
        tile = sheet[row * side : (row + 1) * side, column * side : (column + 1) * side]
        np.testing.assert_array_equal(tile[:, 1:5], 255 - found["pixels"][i, 0])
    assert (sheet[24:, 18:] == 255).all()  # nothing where there is no picture


def test_a_sprite_is_never_larger_than_the_projector_takes(monkeypatch):
    monkeypatch.setattr(map_export_projector, "SPRITE_SIDE", 100)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 20)).astype(np.uint8)
    png, side = map_export_projector.sprite(pixels, ink=False)
    image = Image.open(io.BytesIO(png))
    assert (side, image.size, image.mode) == (12, (96, 96), "RGB")
    mean = np.asarray(image)[:12, 2:10].mean()
    assert mean == pytest.approx(pixels[0].mean(), abs=4)
    monkeypatch.setattr(map_export_projector, "SPRITE_SIDE", 60)
    assert map_export_projector.sprite(pixels, ink=False) is None  # 7 pixels a picture
    large = np.zeros((1, 1, 200, 300), np.uint8)
    monkeypatch.undo()
    assert map_export_projector.sprite(large, ink=True)[1] == 64


def test_without_pictures_there_is_no_sprite():
    files = unzipped(made(pixels=None))
    assert set(files) == {"tensors.tsv", "metadata.tsv", "projector_config.pbtxt", "README.txt"}
    assert "sprite" not in files["projector_config.pbtxt"].decode()


# ---- pictures ----


def marks_of(text: str) -> tuple[ET.Element, list[ET.Element], list[str]]:
    """The whole, the marks of the points, and the words of the legend."""
    root = ET.fromstring(text)
    points, legend = root.findall("{http://www.w3.org/2000/svg}g")
    return root, list(points), [t.text or "" for t in legend.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("dims", [2, 3])
def test_svg_is_xml_with_every_point_and_a_legend(dims):
    found = made(dims=dims)
    root, points, legend = marks_of(map_export.make("svg", found, "a <title> & more\x00").decode("utf-8"))
    assert root.find("{http://www.w3.org/2000/svg}title").text == "a <title> & more?"
    assert len(points) == 27
    assert sorted(p[0].text for p in points) == sorted(
        svg.NOT_XML.sub("\ufffd", map_export_table.shown(n)) for n in map_export_table.item_names(found)
    )
    assert len(legend) == 9
    assert legend[2] == "tab and line and more"
    assert legend[8] == "(no name)"
    colours = {p.get("fill") for p in points}
    assert colours == set(map_export_drawing.COLOURS)
    assert sum(p.get("stroke") is not None for p in points) == (found["split"] != 0).sum()
    assert not [v for e in root.iter() for k, v in e.attrib.items() if k.endswith(("href", "src"))]


def test_the_flat_drawing_is_to_scale():
    found = plain(40, 4)
    drawing = map_export_drawing.lay_out(found)
    at = np.column_stack([found["x"], -found["y"]])
    for d in (0, 1):
        np.testing.assert_allclose(np.corrcoef(at[:, d], drawing.places[:, d])[0, 1], 1)
    scales = np.ptp(drawing.places, axis=0) / np.ptp(at, axis=0)
    assert scales[0] == pytest.approx(scales[1])
    assert (drawing.places > 0).all()
    assert (drawing.places < [map_export_drawing.SIZE, drawing.height]).all()


def test_a_map_in_space_is_drawn_as_the_page_first_shows_it():
    camera = (map_export_page.ASSETS / "camera.js").read_text("utf-8")
    start = [float(v) for v in re.search(r"START = \[(.*?)\]", camera)[1].split(",")]
    assert start == [v for row in map_export_drawing.TURN for v in row]
    found = made(["a"], 4, 3, x=np.array([0.0, 1, 0, 0]), y=np.array([0.0, 0, 1, 0]), z=np.array([0.0, 0, 0, 1]))
    drawing = map_export_drawing.lay_out(found)
    x, y, z = drawing.places[1:] - drawing.places[0]
    assert x[0] > 0 > y[1]  # x to the right, y up
    assert z[0] < 0 < z[1]  # z comes down, to the left
    assert drawing.order[-1] == 3  # and towards the eye


def test_what_has_no_colour_of_its_own_is_grey_and_below():
    found = plain(66, 33)
    found["labels"][:33] = np.arange(33) % 25  # the last 8 classes are the smallest
    drawing = map_export_drawing.lay_out(found)
    assert len(drawing.legend) == map_export_drawing.MOST + 1
    assert drawing.legend[-1] == ("12 more classes", map_export_drawing.GREY, "circle")
    grey = drawing.rows == map_export_drawing.MOST
    assert set(np.unique(found["labels"][~grey])) <= set(range(25))
    assert grey[drawing.order[: grey.sum()]].all()
    groups = {"groups": found["labels"] % 2, "group_names": np.array(["even", "odd"])}
    assert [row[0] for row in map_export_drawing.lay_out(found | groups).legend] == ["even", "odd"]


@pytest.mark.parametrize("dims", [2, 3])
def test_png_shows_every_class(dims):
    found = plain(200, 4, dims=dims, split=np.zeros(200, int))
    image = Image.open(io.BytesIO(map_export.make("png", found, "t")))
    assert image.size[0] == 2 * (map_export_drawing.SIZE + map_export_drawing.LEGEND)
    assert image.size[1] == 2 * map_export_drawing.lay_out(found).height
    pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    codes = np.unique(pixels.astype(int) @ [65536, 256, 1])
    seen = {(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in codes}
    for colour in map_export_drawing.COLOURS[:4]:
        assert tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) in seen  # the legend's mark
        faded = [round(255 - 0.85 * (255 - int(colour[i : i + 2], 16))) for i in (1, 3, 5)]
        assert min(max(abs(int(a) - b) for a, b in zip(p, faded, strict=True)) for p in seen) <= 1  # a point's
    assert len(seen) > 50  # edges are smooth
    assert map_export.make("png", made(dims=dims), "t").startswith(b"\x89PNG")  # whatever the names


# ---- the page ----


def travelled(text: str) -> dict[str, object]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(data)


def arrays_of(data: dict[str, object]) -> dict[str, np.ndarray]:
    import base64

    return {k: np.frombuffer(base64.b64decode(b), f"<{t}") for k, (t, b) in data["arrays"].items()}


@pytest.mark.parametrize("dims", [2, 3])
def test_the_page_holds_the_map(dims):
    found = made(dims=dims, nearest=np.arange(27)[::-1], nearest_distance=np.ones(27))
    data = travelled(map_export.make("html", found, "t", True).decode("utf-8"))
    arrays = arrays_of(data)
    for axis in "xyz"[:dims]:
        np.testing.assert_allclose(arrays[axis], found[axis], rtol=1e-6)
    assert ("z" in arrays) == (dims == 3)
    np.testing.assert_array_equal(arrays["class"], found["labels"])
    np.testing.assert_array_equal(arrays["ids"], found["indices"])
    np.testing.assert_array_equal(arrays["unseen"], found["split"] != 0)
    np.testing.assert_array_equal(np.isnan(arrays["own_error"]), np.isnan(found["error"]))
    np.testing.assert_array_equal(arrays["right"], found["labels"] == found["labels"][::-1])
    assert data["columns"][0]["names"] == [map_export_table.shown(n) for n in HOSTILE]
    assert [c["key"] for c in data["columns"]] == ["class", "part", "right", "own_error", "own_nearest_distance"]
    assert data["count"] == 27
    assert (data["picture"]["width"], data["picture"]["height"]) == (4, 6)


def test_the_page_is_one_file_in_which_names_are_words():
    title = "</title><script>alert(2)</script> {{script}}"
    text = map_export.make("html", made(), title, True).decode("utf-8")
    page = Page(text)
    assert page.tags.count("script") == 2
    assert not {"img", "link", "iframe", "base"} & set(page.tags)
    assert not [v for k, v in page.attributes if k in ("src", "href", "srcset", "action") or k.startswith("on")]
    assert page.inside["h1"][0] == readable(title)
    policy = next(v for k, v in page.attributes if k == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none'; img-src data:; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert "@import" not in text
    assert "url(" not in text


def test_names_are_shown_with_spaces_and_written_as_they_are():
    found = made(["N_Ko", "_", "a__b c"], 2)
    page, svg = map_export_page.to_html(found, "r: t"), map_export_drawing.to_svg(found, "r: t")
    assert '"N Ko", "_", "a b c"' in page
    for text in (page, svg):
        assert "N Ko #1" in text
        assert "N_Ko" not in text
    assert "N_Ko" in map_export_table.to_csv(found)


@pytest.mark.parametrize(("method", "said"), [("tsne", "far clusters mean little"), ("pca", "differ most")])
def test_the_page_says_what_its_method_is_good_for(method, said):
    assert said in map_export_page.to_html(plain(6, 2, method=np.array(method)), "r: t")


def test_the_still_picture_has_every_point():
    page = Page(map_export.make("html", made(), "t", True).decode("utf-8"))
    assert sum(page.tags.count(t) for t in ("circle", "polygon")) == 27 + 9  # the legend has one a class
    assert page.tags.index("noscript") < page.tags.index("svg") < page.tags.index("main")


def test_a_large_page_travels_without_pictures_and_with_a_png_for_its_still(monkeypatch):
    monkeypatch.setattr(map_export_page, "STILL", 20)
    monkeypatch.setattr(map_export_page, "MOST_PICTURES", 20)
    text = map_export.make("html", made(), "t", True).decode("utf-8")
    page = Page(text)
    assert travelled(text)["picture"] is None
    assert "svg" not in page.tags
    assert next(v for k, v in page.attributes if k == "src").startswith("data:image/png;base64,")


def test_groups_colour_a_map_of_many_classes_and_a_point_may_have_none():
    groups = np.arange(60) % 3 - 1
    found = plain(60, 30, groups=groups, group_names=np.array(["a", "b"]))
    data = travelled(map_export.make("html", found, "t").decode("utf-8"))
    assert data["by"] == "group"
    names = data["columns"][1]["names"]
    assert [names[g] for g in arrays_of(data)["group"][:3]] == ["(none)", "a", "b"]


def test_the_same_things_have_the_same_colours_as_on_the_map_page():
    assert {k: v for k, v in scatter.LOOK.items() if k != "ink"} == map_export_page.LOOK
    assert tuple(map_export_drawing.COLOURS) == theme.PALETTE
    assert map_export_drawing.SHAPES == theme.SYMBOLS


# ---- all kinds ----


@pytest.mark.parametrize("kind", list(map_export.KINDS))
@pytest.mark.parametrize(
    "found",
    [
        made(["only"], 1),
        made(["only"], 1, dims=3),
        made(pixels=None, split=None, error=None, groups=None, group_names=None, k=None),
        made(error=np.full(27, np.nan)),
        made(x=np.zeros(27), y=np.zeros(27)),
        made(pixels=np.zeros((27, 3, 5, 9), np.uint8)),
    ],
    ids=["one point", "one in space", "bare", "no errors", "one place", "colour"],
)
def test_every_kind_takes_every_map(kind, found, tmp_path):
    path = tmp_path / f"m.{kind.upper()}"
    assert map_export.write(path, found, "t", ink=True) == kind
    assert path.read_bytes() == map_export.make(kind, found, "t", True)  # the same each time
    if kind == "html":
        data = travelled(path.read_text("utf-8"))
        assert data["count"] == len(found["x"])
    if kind == "csv":
        assert len(list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))) == len(found["x"])


def test_what_cannot_be_is_one_sentence(tmp_path):
    def refused(name: str, vectors: bool | None = None) -> str:
        with pytest.raises(ConfigError) as e:
            map_export.check(tmp_path / name, vectors)
        return str(e.value)

    assert ".csv, .html, .svg, .png, .npz, .parquet or .zip, not as 'm.gif'" in refused("m.gif")
    assert "not as 'm'" in refused("m")
    assert "leave out --no-vectors" in refused("m.zip", False)
    assert "A picture (.png) holds no vectors" in refused("m.png", True)
    assert "no folder" in refused("deep/m.csv")
    assert [map_export.check(tmp_path / f"m.{k}", True) for k in ("csv", "npz", "parquet", "zip")]
    bare = made(embeddings=None)
    for kind in ("npz", "parquet", "zip"):
        with pytest.raises(DataError, match="holds no embeddings"):
            map_export.make(kind, bare, "t")
    with pytest.raises(ConfigError, match="no kind of file called 'gif'"):
        map_export.make("gif", bare, "t")
    (tmp_path / "m.csv").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        map_export.write(tmp_path / "m.csv", bare, "t")


def test_a_map_is_called_by_its_run_data_and_method():
    assert map_export.title_of("r", None, None, "tsne") == "r: its test classes by t-SNE"
    assert map_export.title_of("r", None, "validation", "pca") == "r: its validation classes by PCA"
    assert map_export.title_of("r", "/home/me/cats", None, "umap") == "r: cats by UMAP"
    assert map_export.title_of("r", "digits", None, "other") == "r: digits by other"
