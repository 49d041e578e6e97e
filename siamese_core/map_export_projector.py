"""A finished map as files for TensorBoard's embedding projector (Smilkov and others 2016): one zip.

tensors.tsv has the embeddings, a line a point; metadata.tsv their names, with a header; sprite.png their pictures on a
square grid of squares, at most 8,192 pixels a side, as that program reads it; projector_config.pbtxt says which is
what.
"""

from __future__ import annotations

import io
import math
import re
import zipfile

import numpy as np
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.map_export_table import Found, columns
from siamese_core.sprites import resized

SPRITE_SIDE = 8192  # pixels, the most that the projector takes
PICTURE_SIDE = 64  # pixels of one picture, at most
LEAST_SIDE = 8  # below, pictures say nothing and are left out
README = """The embeddings of {count} points, to be explored in TensorBoard's projector.

On your own machine:   tensorboard --logdir THIS_FOLDER   (then choose Projector)
In a browser:          https://projector.tensorflow.org   Load: tensors.tsv, then metadata.tsv (without the pictures)
"""


def to_zip(found: Found, title: str, ink: bool) -> bytes:
    """The zip. ink: the map's pictures are ink on 0, which is shown on paper. Raises DataError for a map without
    embeddings."""
    if "embeddings" not in found or found["embeddings"].ndim != 2:
        raise DataError("This map holds no embeddings, so there is nothing for the projector; make the map again.")
    count, size = found["embeddings"].shape
    sheet = sprite(found["pixels"], ink) if "pixels" in found else None
    files: dict[str, bytes] = {
        "tensors.tsv": tensors(found["embeddings"]),
        "metadata.tsv": metadata(found).encode("utf-8"),
        "projector_config.pbtxt": config(title, count, size, None if sheet is None else sheet[1]).encode("ascii"),
        "README.txt": README.format(count=f"{count:,}").encode("ascii"),
    }
    if sheet is not None:
        files["sprite.png"] = sheet[0]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            packed = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, packed, 4)
    return out.getvalue()


def tensors(embeddings: np.ndarray) -> bytes:
    """(M, D) -> a line a point, tabs between numbers of six significant digits."""
    line = "\t".join(["%.6g"] * embeddings.shape[1]) + "\n"
    return "".join(line % tuple(z.tolist()) for z in embeddings).encode("ascii")


def metadata(found: Found) -> str:
    """A header and a line a point. The class comes first, in a column called label, which the projector shows by
    itself. Tabs and line ends inside names become spaces, and no cell is empty."""
    made = columns(found)
    made = {"label": made.pop("label")} | made
    cells = [
        [_cell(v) for v in values] if isinstance(values, list) else [f"{v:.6g}" for v in values.tolist()]
        for values in made.values()
    ]
    return "".join("\t".join(row) + "\n" for row in [tuple(_cell(key) for key in made), *zip(*cells, strict=True)])


def config(title: str, count: int, size: int, picture: int | None) -> str:
    """projector_config.pbtxt, a protocol buffer as text; `picture`: the side of one picture on the sprite."""
    name = re.sub(r"[^A-Za-z0-9 .,:_-]", "_", title)[:80].strip() or "Siamese Lab"
    lines = [f'tensor_name: "{name}"', f"tensor_shape: {count}", f"tensor_shape: {size}",
             'tensor_path: "tensors.tsv"', 'metadata_path: "metadata.tsv"']  # fmt: skip
    if picture is not None:
        lines += ["sprite {", '  image_path: "sprite.png"', *[f"  single_image_dim: {picture}"] * 2, "}"]
    return "embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def sprite(pixels: np.ndarray, ink: bool) -> tuple[bytes, int] | None:
    """(M, C, H, W) uint8 -> a PNG with as many rows as columns, read row by row, and the side of one of its squares;
    None where there are too many for anything to be seen. Pictures are made smaller where they must be, and stand in
    the middle of their squares."""
    count, channels, height, width = pixels.shape
    across = max(1, math.isqrt(count - 1) + 1) if count else 1
    side = min(max(height, width), PICTURE_SIDE, SPRITE_SIDE // across)
    if side < min(LEAST_SIDE, max(height, width)):
        return None
    scale = min(1.0, side / max(height, width))
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (side - h) // 2, (side - w) // 2
    sheet = np.full((across * side, across * side, channels), 255 if ink else 0, np.uint8)
    for i in range(count):
        one = 255 - pixels[i] if ink else pixels[i]
        one = resized(one, (w, h)) if (h, w) != (height, width) else one
        y, x = i // across * side + top, i % across * side + left
        sheet[y : y + h, x : x + w] = one.transpose(1, 2, 0)
    out = io.BytesIO()
    Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet).save(out, "PNG", compress_level=4)
    return out.getvalue(), side


def _cell(value: str) -> str:
    """Without what would end a cell or a line in one of the programs that read it."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", value).strip() or "-"
