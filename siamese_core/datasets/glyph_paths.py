"""Characters as programs of a turtle, and the paths it walks.

A stroke is one to four pieces: turn on the spot, then walk so far while bending so much. Strokes are
joined to earlier ones, so that a hand that draws one piece longer moves all that hangs on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

STROKES = 5  # at most, in one character
PIECES = 4  # at most, in one stroke


@dataclass
class Characters:
    """C characters as padded arrays; angles in radians, lengths in character heights.

    turn, length, bend   (C, STROKES, PIECES): the turtle's program; unused pieces have length 0
    pieces               (C, STROKES): how many pieces a stroke has, 0 where there is no stroke
    heading              (C, STROKES): the direction in which a stroke sets out; 0 right, pi/2 down
    parent               (C, STROKES): the earlier stroke it is joined to
    there, here          (C, STROKES): at which fraction of the parent's path, and of its own
    offset               (C, STROKES, 2): apart from the joint by so much (dots and doubled strokes)
    """

    turn: np.ndarray
    length: np.ndarray
    bend: np.ndarray
    pieces: np.ndarray
    heading: np.ndarray
    parent: np.ndarray
    there: np.ndarray
    here: np.ndarray
    offset: np.ndarray

    def rows(self, rows: np.ndarray) -> Characters:
        """Only these characters, in this order, repeated where asked twice."""
        return Characters(**{name: value[rows] for name, value in vars(self).items()})

    def quarter_turned(self, which: np.ndarray) -> Characters:
        """These characters (C,) bool turned by a quarter, the others as they are."""
        turned = np.stack([-self.offset[..., 1], self.offset[..., 0]], axis=-1)
        return replace(
            self,
            heading=self.heading + which[:, None] * (np.pi / 2),
            offset=np.where(which[:, None, None], turned, self.offset),
        )

    @classmethod
    def empty(cls, count: int) -> Characters:
        """`count` characters without strokes."""
        program = (count, STROKES, PIECES)
        flat = (count, STROKES)
        return cls(
            turn=np.zeros(program),
            length=np.zeros(program),
            bend=np.zeros(program),
            pieces=np.zeros(flat, dtype=np.int64),
            heading=np.zeros(flat),
            parent=np.zeros(flat, dtype=np.int64),
            there=np.zeros(flat),
            here=np.zeros(flat),
            offset=np.zeros((*flat, 2)),
        )


@dataclass
class Paths:
    """Points along the strokes, stroke by stroke, character by character.

    points      (M, 2) x and y in character heights, y down
    stroke      (M,) number of the stroke, another for each stroke of each character
    character   (M,) number of the character, ascending
    """

    points: np.ndarray
    stroke: np.ndarray
    character: np.ndarray

    def boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest x and y of each character: (C, 2) and (C, 2)."""
        starts = np.flatnonzero(np.diff(self.character, prepend=-1))
        return np.minimum.reduceat(self.points, starts), np.maximum.reduceat(self.points, starts)


def walk(made: Characters, samples: int) -> Paths:
    """The turtles' paths, with so many points on each piece."""
    used = np.arange(PIECES) < made.pieces[..., None]
    turned = made.heading[..., None] + np.cumsum(made.turn + made.bend, axis=2) - made.bend
    ahead = (np.arange(samples) + 0.5) / samples
    angle = turned[used][:, None] + made.bend[used][:, None] * ahead
    step = (made.length[used] / samples)[:, None]
    points = np.cumsum(np.stack([np.cos(angle) * step, np.sin(angle) * step], axis=-1).reshape(-1, 2), axis=0)

    count = made.pieces * samples
    start = np.cumsum(count).reshape(count.shape) - count
    rows = np.arange(len(count))
    shift = np.zeros((*count.shape, 2))
    for s in range(STROKES):  # a stroke is put where its parent is already
        own = (start[:, s] + np.rint(made.here[:, s] * (count[:, s] - 1)).astype(np.int64)).clip(0, len(points) - 1)
        parent = made.parent[:, s]
        joint = start[rows, parent] + np.rint(made.there[:, s] * (count[rows, parent] - 1)).astype(np.int64)
        at = points[joint] + shift[rows, parent] if s else 0.0
        shift[:, s] = at + made.offset[:, s] - points[own]
    stroke = np.repeat(np.arange(count.size), count.ravel())
    return Paths(points + shift.reshape(-1, 2)[stroke], stroke, stroke // STROKES)
