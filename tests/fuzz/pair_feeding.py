"""Bad tables and bad places of pictures by number, and what scores pairs, on the page and in the shell."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pages.parts import many_work
from pages.parts.many_work import Asked
from siamese_core import pair_scoring, trained
from siamese_core.cli import main
from siamese_core.errors import DataError
from siamese_core.pair_scoring import PairScores
from tests.fuzz import bad_archives, bad_pairs, bad_pictures
from tests.fuzz.feeding import SEED, Feed, Found, Layer, is_sentence

Fed = list[tuple[str, Feed]]


class Pairs(Layer):
    """What takes tables of pairs and their pictures, in a folder of its own with a sound run in it."""

    def __init__(self, home: Path, run: Path) -> None:
        super().__init__(home, run)
        self.model = trained.load(self.run)

    def feed_pairs(self, number: int, found: Found) -> None:
        """Make what has this number, give it to the page and to the shell, and note what happened."""
        rng = np.random.default_rng([SEED, number, 1])
        kind, make = KINDS[number % len(KINDS)]
        for what, feed in make(self, rng):
            self.watch(feed, f"{kind}: {what}", number, found)

    def page(self, table: bytes, pictures: bytes, folders: bool = False) -> None:
        """As the page does it, with what it shows. Raises DataError."""
        asked = Asked(("t\n.csv", table), ("u\u202ep.zip", pictures), folders, "same")
        result = many_work.scored(self.model, asked, lambda text, fraction: None)
        check(result.scores)
        assert sum(map(int, result.counts[0])) == len(result.scores)
        assert all(max(p.shape[:2]) <= many_work.SIDE for p in result.pictures.values())
        for order, places in result.shown.items():
            assert set(places) <= set(result.orders[order].tolist())

    def shell(self, table: bytes | None, pictures: bytes | Path, other: bytes | Path | None = None) -> None:
        """As the command does it. Raises DataError with its one line when it is refused."""
        work = self.home / "given"
        work.mkdir()
        try:
            places = [self._placed(work / f"{i}.zip", p) for i, p in enumerate((pictures, other)) if p is not None]
            words = ["--folders", *places]
            if table is not None:
                (work / "t.csv").write_bytes(table)
                words = ["--pairs", str(work / "t.csv"), "--images", places[0]]
            self._command(["score", "tiny", "--runs", str(self.home / "runs"), "--json", *words])
        finally:
            shutil.rmtree(work)

    def _placed(self, at: Path, given: bytes | Path) -> str:
        if isinstance(given, Path):
            return str(given)
        at.write_bytes(given)
        return str(at)

    def _command(self, words: list[str]) -> None:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        said, lines = out.getvalue(), err.getvalue().splitlines()
        if code == 2:
            assert not said
            assert len(lines) == 1
            raise DataError(lines[0].removeprefix("siamese: "))
        assert code == 0
        assert said.count("\n") == 1
        value = json.loads(said, parse_constant=float)
        assert value["pairs"] == len(value["rows"]) > 0
        assert value["broken_count"] >= len(value["broken"])

    def odd_folder(self, at: Path, rng: np.random.Generator) -> None:
        """A folder of pictures with things in it that are none."""
        for place in bad_pairs.PLACES:
            (at / place).parent.mkdir(parents=True, exist_ok=True)
            (at / place).write_bytes(bad_pictures.good("PNG", int(rng.integers(40))))
        for i in rng.permutation(len(ODD))[: int(rng.integers(1, 6))]:
            ODD[int(i)](at)


def check(scores: PairScores) -> None:
    """Scores that make sense, and a file of them that can be read again."""
    assert np.isfinite(scores.distances).all()
    assert len({len(v) for v in (scores.rows, scores.first, scores.second, scores.verdicts, scores.same)}) == 1
    assert (np.diff(scores.rows) > 0).all()
    assert scores.broken_count >= len(scores.broken)
    assert not {b.row for b in scores.broken} & set(scores.rows.tolist())
    for broken in scores.broken:
        assert is_sentence(broken.why.replace("?", ".") if broken.why.endswith("?") else broken.why), broken.why
    scores.accuracy()
    if len(scores) < 1000:
        rows = list(csv.DictReader(io.StringIO(many_work.as_csv(scores).getvalue().decode(), newline="")))
        assert [int(r["row"]) for r in rows] == scores.rows.tolist()
        assert not any(cell.startswith(pair_scoring._FORMULA) for r in rows for cell in r.values())


def _tables(make: Callable[[np.random.Generator], bytes]) -> Callable[[Pairs, np.random.Generator], Fed]:
    def feeds(layer: Pairs, rng: np.random.Generator) -> Fed:
        table, pictures = make(rng), bad_pairs.pictures(int(rng.integers(20)))
        return [("page", lambda: layer.page(table, pictures)), ("shell", lambda: layer.shell(table, pictures))]

    return feeds


def _zips(make: Callable[[np.random.Generator], bytes]) -> Callable[[Pairs, np.random.Generator], Fed]:
    def feeds(layer: Pairs, rng: np.random.Generator) -> Fed:
        zipped, other = make(rng), bad_archives.good(int(rng.integers(30)))
        table = bad_pairs.good(int(rng.integers(30))) + b"a/1.png,a/2.png,1\n"
        return [
            ("page", lambda: layer.page(table, zipped)),
            ("page, two", lambda: layer.page(other, zipped, folders=True)),
            ("shell", lambda: layer.shell(table, zipped)),
            ("shell, two", lambda: layer.shell(None, zipped, other)),
        ]

    return feeds


def _folders(layer: Pairs, rng: np.random.Generator) -> Fed:
    table, other = bad_pairs.good(int(rng.integers(30))), bad_pairs.pictures(int(rng.integers(20)))
    state = rng.bit_generator.state

    def within(feed: Callable[[Path], None]) -> None:
        rng.bit_generator.state = state
        at = layer.home / "odd"
        try:
            layer.odd_folder(at, rng)
            feed(at)
        finally:
            shutil.rmtree(at)

    return [
        ("table", lambda: within(lambda at: layer.shell(table, at))),
        ("two", lambda: within(lambda at: layer.shell(None, at, other))),
    ]


def _secret(at: Path) -> None:
    (at.parent / "secret.png").write_bytes(b"secret")
    (at / "sun" / "secret.png").symlink_to(at.parent / "secret.png")
    (at.parent / "secret.png").unlink()


def _raw_name(at: Path) -> None:
    with contextlib.suppress(OSError), open(os.fsencode(at) + b"/n\xff\xfe.png", "wb") as file:  # some systems do not
        file.write(bad_pictures.good("PNG", 1))


ODD: tuple[Callable[[Path], object], ...] = (
    lambda at: os.mkfifo(at / "pipe.png"),
    lambda at: (at / "sun" / "circle.png").symlink_to("circle.png"),
    lambda at: (at / "sun" / "up").symlink_to(at),
    lambda at: (at / "zero.png").symlink_to("/dev/zero"),
    lambda at: (at / "moon" / "0.png").write_bytes(b""),
    lambda at: (at / "star" / "1.png").write_bytes(b"not a picture"),
    lambda at: (at / "sun" / "0.png").unlink(),
    lambda at: (at / "sun" / "0.png").with_suffix(".bmp").write_bytes(b"BM"),
    lambda at: (at / "a\nb\x1b[31m.png").write_bytes(b"x"),
    lambda at: (at / "s.zip").write_bytes(bad_archives.good(1)),
    lambda at: (at / ("d" * 200)).mkdir(),
    lambda at: os.chmod(at / "star" / "2.png", 0),
    _secret, _raw_name,
)  # fmt: skip
KINDS: tuple[tuple[str, Callable[[Pairs, np.random.Generator], Fed]], ...] = (
    ("table, spoiled", _tables(bad_pairs.mutated)), ("table, made to harm", _tables(bad_pairs.crafted)),
    ("zip, spoiled", _zips(bad_archives.mutated)), ("table, made to harm", _tables(bad_pairs.crafted)),
    ("zip, made to harm", _zips(bad_archives.crafted)), ("folder", _folders),
)  # fmt: skip
