"""What must hold for any data: splits, fitting, ink and archives."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from siamese_core.datasets.archives import SafeZip
from siamese_core.datasets.splits import split_by_class
from siamese_core.errors import DataError
from siamese_core.modalities.fitting import ink_of, resize
from siamese_core.modalities.image import ImageItems, decode, fit
from siamese_core.types import InputSpec, LabelledSet

pictures = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))
specs = st.builds(
    InputSpec,
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    polarity=st.sampled_from(["ink", "photo"]),
)


@given(pictures, specs)
def test_fit_always_gives_the_spec(picture, spec):
    seen = fit(Image.fromarray(picture), spec)
    assert seen.dtype == np.uint8
    assert seen.shape == (spec.channels, spec.height, spec.width)


@given(pictures, st.integers(1, 60), st.integers(1, 60))
def test_resize_stays_within_what_was_there(picture, height, width):
    seen = resize(picture[None, None], height, width)
    assert seen.shape == (1, 1, height, width)
    assert seen.min() >= picture.min()
    assert seen.max() <= picture.max()


@given(pictures, specs)
def test_fitted_is_idempotent_and_keeps_the_number(picture, spec):
    own = InputSpec(1, *picture.shape, "ink")
    items = ImageItems(np.stack([picture, 255 - picture])[:, None], own)
    once = items.fitted(spec)
    assert len(once) == 2
    assert once.spec == spec
    assert once.fitted(spec).digests() == once.digests()


@given(st.integers(12, 40), st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31))
def test_ink_does_not_depend_on_paper_or_pen(side, paper, pen, seed):
    mask = np.zeros((side, side), dtype=bool)
    rng = np.random.default_rng(seed)
    mask[2:-2, 2:-2] = rng.random((side - 4, side - 4)) < 0.3
    if abs(paper - pen) < 30 or not mask.sum() > 20:
        return
    picture = np.where(mask, pen, paper).astype(np.uint8)
    np.testing.assert_array_equal(ink_of(picture), np.where(mask, 255, 0))


def assert_decodes_or_says(data: bytes) -> None:
    """A picture comes out, or one sentence that names the file; nothing else is raised."""
    mode, text = "", "file ."
    try:
        mode = decode(data, "file").mode
    except DataError as error:
        text = str(error)
    assert mode in ("", "L", "RGB")
    assert text.startswith("file ")
    assert text.endswith(".")
    assert "\n" not in text


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"P5\n"]),
)
def test_any_bytes_decode_or_give_one_sentence(data, head):
    assert_decodes_or_says(head + data)


@given(st.data())
def test_a_spoiled_picture_decodes_or_gives_one_sentence(data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]))
    out = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(out, form)
    spoiled = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    assert_decodes_or_says(bytes(spoiled))


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
    st.booleans(),
    st.integers(0, 1000),
    st.lists(st.integers(0, 200), max_size=4),
)
@settings(max_examples=300)
def test_splits_deal_every_class_once(groups, grouped, seed, held):
    classes = sum(groups)
    of = np.repeat(np.arange(len(groups)), groups)
    names = tuple(f"g{of[c]}/c{c}" for c in range(classes))
    data = LabelledSet(
        name="made",
        items=ImageItems(np.zeros((2 * classes, 1, 8, 8), dtype=np.uint8), InputSpec(1, 8, 8)),
        labels=np.repeat(np.arange(classes), 2),
        class_names=names,
        class_groups=of if grouped else None,
        group_names=tuple(f"g{i}" for i in range(len(groups))) if grouped else (),
    )
    hold_out = tuple({names[h % classes] for h in held})
    try:
        split = split_by_class(data, seed, hold_out)
    except DataError:
        assert classes - len(hold_out) < 4 or len(hold_out) == 1
        return
    assert sorted(split.train + split.validation + split.test) == list(range(classes))
    assert min(len(split.train), len(split.validation)) >= 2
    assert len(split.test) >= 2 or (not hold_out and classes < 6 and not split.test)  # too few for three parts
    if hold_out:
        assert {names[c] for c in split.test} == set(hold_out)


name_parts = st.sampled_from(["..", ".", "/", "\\", "a", "b.png", "C:", " ", "\t", "\u00e9"])
entry_names = st.lists(name_parts, min_size=1, max_size=6).map("".join) | st.text(min_size=1, max_size=20)


@given(st.lists(entry_names, min_size=1, max_size=4, unique=True))
def test_no_entry_of_a_zip_is_ever_named_outside(names):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                try:
                    archive.writestr(name, b"x")
                except (UnicodeEncodeError, ValueError, IndexError):  # no name that a zip can hold
                    return
        try:
            with SafeZip(path) as safe:
                found = safe.names
        except DataError:
            return
        root = Path(folder).resolve()
        for name in found:
            if "\0" not in name:
                assert (root / name).resolve().is_relative_to(root)
