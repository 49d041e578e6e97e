"""The largest face in a photo, turned and scaled so that its eyes lie at fixed places.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features", CVPR 2001. Ours uses the
cascades for faces and eyes that come with OpenCV 4 (Lienhart's; OpenCV 5 has none): first the face, then one eye in
each half of it. Where one of them is not seen, the eyes are taken to lie where they mostly do in a face. The network
is given what lies around them, upright; nothing is recognised here.

OpenCV is an optional feature: it is asked for when a face is looked for, never before.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core.errors import ConfigError
from siamese_core.modalities.fitting import channels, resize

NEEDED = (
    "Cropping to the face needs OpenCV 4 (version 5 finds no faces); install it with `pip install -r "
    "requirements-extras.txt` and start again."
)
LOOKING = "Looking for faces"
EYES_APART = 0.36  # as a share of the shorter side of what the network reads
EYE_HEIGHT = 0.40  # from above, as a share of its height

_DETECT_SIDE = 480  # pixels; faces are looked for in pictures no larger
_RIM = 0.15  # of the longer side, around the picture: faces may fill it
_LEAST_FACE = 24  # pixels
_LEAST_SHARE = 6  # a face is at least so large a part of the shorter side: one in so many
_FACE_SIDE = 160  # pixels; eyes are looked for in faces of this size
_FRONTAL, _EYE = "frontalface_alt2", "eye"
# Of a face's box, as shares of its side: where eyes mostly are (as in the ORL faces) and where they are looked for.
_USUAL = ((0.295, 0.394), (0.690, 0.394))
_ROWS = (0.18, 0.60)
_COLUMNS = ((0.0, 0.56), (0.44, 1.0))
_EYE_SIDES = (0.15, 0.40)  # least and most side of an eye's own box
_APART = (0.28, 0.55)  # least and most distance of the two
_SLOPE = 0.36  # of the line through them at most, 20 degrees
_MOST_PIXELS = 2**22  # of a crop

_one_at_a_time = threading.Lock()  # a cascade keeps its picture inside itself

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """Where a face's eyes are, in pixels from the picture's upper left corner (the middle of the first pixel is at
    0.5, 0.5); `left` is the one on the picture's left. `seen`: both were found, not only the face."""

    left: Point
    right: Point
    seen: bool


@dataclass(frozen=True)
class Box:
    """A square of a picture, in whole pixels; it may reach beyond the picture."""

    x: int
    y: int
    side: int

    def at(self, share: Point) -> Point:
        """A place in it, given in shares of its side, in the picture's pixels."""
        return self.x + self.side * share[0], self.y + self.side * share[1]

    def from_middle(self, height: int, width: int) -> float:
        """How far its middle is from that of a picture."""
        return math.hypot(self.x + self.side / 2 - width / 2, self.y + self.side / 2 - height / 2)


def require() -> None:
    """Raises ConfigError, one sentence that says what to install, when faces cannot be looked for here."""
    with _one_at_a_time:
        _cascades()


def find(picture: np.ndarray) -> Face | None:
    """The largest face of a picture (h, w) or (h, w, 3) uint8; None where there is none.

    Upright faces, turned by at most about 15 degrees, no smaller than a sixth of the picture's shorter side. Raises
    ConfigError without OpenCV.
    """
    grey = picture if picture.ndim == 2 else channels(picture.transpose(2, 0, 1)[None], 1)[0, 0]
    with _one_at_a_time:
        cascades = _cascades()
        box = _largest(cascades[_FRONTAL], grey)
        if box is None:
            return None
        close = _within(grey, box)
        left, right = (_eye(cascades[_EYE], close, half) for half in (0, 1))
    if left is not None and right is not None and _plausible(left, right):
        return Face(box.at(left), box.at(right), seen=True)
    return Face(box.at(_USUAL[0]), box.at(_USUAL[1]), seen=False)


def align(picture: np.ndarray, face: Face, height: int, width: int) -> np.ndarray:
    """The part of a picture (h, w[, 3]) that a network of `height` x `width` is to see -> (k height, k width[, 3]),
    k the whole number that loses no detail.

    Turned and scaled, its aspect kept, so that the eyes lie level, `EYES_APART` of the shorter side apart, around
    the middle, `EYE_HEIGHT` from above. Beyond the picture its border is repeated.
    """
    import cv2

    apart = np.subtract(face.right, face.left)  # a step of this is `EYES_APART` of the shorter side
    across = apart / (EYES_APART * min(height, width))  # in the picture, for each pixel of the network's to the right
    down = np.array([-across[1], across[0]])
    k = max(1, min(math.ceil(math.hypot(*across)), math.isqrt(_MOST_PIXELS // (height * width))))
    middle = np.add(face.left, face.right) / 2
    corner = middle - width / 2 * across - EYE_HEIGHT * height * down
    across, down = across / k, down / k
    begin = corner + (across + down) / 2 - 0.5  # from corners to the middles of pixels, which OpenCV counts from
    matrix = np.column_stack([across, down, begin])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = np.ascontiguousarray(picture)
    return cv2.warpAffine(whole, matrix, (k * width, k * height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def words(found: np.ndarray | None, what: str = "pictures", one: str = "the picture") -> list[str]:
    """(N,) bool, whether a face was found in each -> one sentence where one was not; none where nobody looked.

    what: what they are called together; one: what a single one is called.
    """
    missing = 0 if found is None else int((~found).sum())
    if found is None or not missing:
        return []
    if len(found) == 1:
        return [f"No face was found in {one}; its centre is used."]
    return [f"In {missing:,} of {len(found):,} {what} no face was found; their centre is used."]


@cache
def _cascades() -> dict[str, Any]:
    """OpenCV's cascades by name. Raises ConfigError."""
    try:
        import cv2

        folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined, unused-ignore]
        found = {n: cv2.CascadeClassifier(str(folder / f"haarcascade_{n}.xml")) for n in (_FRONTAL, _EYE)}
    except (ImportError, AttributeError):
        raise ConfigError(NEEDED) from None
    if any(c.empty() for c in found.values()):
        raise ConfigError(NEEDED)
    cv2.setNumThreads(1)  # the same answer each time, and no more of the machine than asked for
    return found


def _largest(cascade: Any, grey: np.ndarray) -> Box | None:
    """The largest face; of equally large ones the one nearest to the middle."""
    h, w = grey.shape
    share = min(1.0, _DETECT_SIDE / max(h, w))
    small = _resized(grey, max(1, round(h * share)), max(1, round(w * share)))
    rim = math.ceil(_RIM * max(small.shape))
    least = max(_LEAST_FACE, min(small.shape) // _LEAST_SHARE)
    boxes = cascade.detectMultiScale(np.pad(small, rim, mode="edge"), 1.1, 5, minSize=(least, least))
    found = [Box(round((x - rim) / share), round((y - rim) / share), round(s / share)) for x, y, s, _ in boxes]
    return min(found, key=lambda b: (-b.side, b.from_middle(h, w), b.x, b.y), default=None)


def _within(grey: np.ndarray, box: Box) -> np.ndarray:
    """A box of the picture, which may reach beyond it, as (_FACE_SIDE, _FACE_SIDE) uint8."""
    h, w = grey.shape
    rows = np.arange(box.y, box.y + box.side).clip(0, h - 1)
    columns = np.arange(box.x, box.x + box.side).clip(0, w - 1)
    return _resized(grey[np.ix_(rows, columns)], _FACE_SIDE, _FACE_SIDE)


def _resized(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    return resize(grey[None, None], height, width)[0, 0]


def _eye(cascade: Any, face: np.ndarray, half: int) -> Point | None:
    """The eye in the left (0) or right (1) half of a face (S, S), as shares of its side: of several the one nearest
    to where eyes mostly are."""
    side = len(face)
    top, bottom = round(_ROWS[0] * side), round(_ROWS[1] * side)
    first, last = (round(share * side) for share in _COLUMNS[half])
    least, most = (round(share * side) for share in _EYE_SIDES)
    part = np.ascontiguousarray(face[top:bottom, first:last])
    boxes = cascade.detectMultiScale(part, 1.05, 3, minSize=(least, least), maxSize=(most, most))
    places = [((first + x + s / 2) / side, (top + y + s / 2) / side) for x, y, s, _ in boxes]
    return min(places, key=lambda p: (math.dist(p, _USUAL[half]), p), default=None)


def _plausible(left: Point, right: Point) -> bool:
    """Whether two eyes, in shares of a face's side, can be the two of one face."""
    apart = right[0] - left[0]
    return _APART[0] <= apart <= _APART[1] and abs(right[1] - left[1]) <= _SLOPE * apart
