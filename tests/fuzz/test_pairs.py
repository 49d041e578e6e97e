"""Bad tables of pairs and bad places of pictures: refused in one sentence, or scored but for their broken rows."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from siamese_core.cli import main
from siamese_core.pair_csv import read_pairs
from tests.fuzz import bad_archives, bad_pairs
from tests.fuzz.feeding import MOST_MEMORY, Found, _peak
from tests.fuzz.pair_feeding import KINDS, Pairs
from tests.ui import worlds

MANY, SOME = 600, 24


@pytest.fixture
def layer(tmp_path: Path, finished_run: Path) -> Iterator[Pairs]:
    run = worlds.make("finished", finished_run, tmp_path)
    assert run is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow remarks on what it meets
        yield Pairs(tmp_path / "home", run)


def fed(layer: Pairs, numbers: range) -> Found:
    """What came of these; repeat one with `fed(layer, range(n, n + 1))`."""
    found = Found()
    for number in numbers:
        layer.feed_pairs(number, found)
    print(found.table())
    assert not found.wrong, f"{len(found.wrong)} went wrong:\n" + "\n".join(found.wrong[:20])
    assert len({label.split(":")[0] for label in found.counts}) == len({kind for kind, _ in KINDS})
    return found


def test_some_bad_pairs(layer):
    found = fed(layer, range(SOME))
    assert sum(c["accepted"] for c in found.counts.values()) > SOME / 2  # one bad row does not spoil the others


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_bad_pairs(layer):
    found = fed(layer, range(MANY))
    for label, counts in found.counts.items():
        assert counts["accepted"], label
        assert counts["refused"] or label.startswith("folder"), label


@pytest.mark.slow
def test_floods_take_neither_time_nor_memory(layer):
    found, pictures = Found(), bad_pairs.pictures(0)
    for way in range(len(bad_pairs.FLOODS)):
        table = bad_pairs.flood(way)
        layer.watch(lambda t=table: layer.page(t, pictures), "page", way, found)
        layer.watch(lambda t=table: layer.shell(t, pictures), "shell", way, found)
    print(found.table())
    assert not found.wrong, "\n".join(found.wrong)
    for count in (20_001, 100_000, 100_001):
        zipped = bad_archives._entries(count)
        layer.watch(lambda z=zipped: layer.page(bad_pairs.good(0), z), "page, entries", count, found)
        layer.watch(lambda z=zipped: layer.shell(bad_pairs.good(0), z), "shell, entries", count, found)
    assert not found.wrong, "\n".join(found.wrong)


@pytest.mark.slow
def test_ten_million_rows_are_refused_as_a_whole(layer, tmp_path, capsys):
    """Of 160 MB by their size alone; of 40 MB at the row after the last that is allowed."""
    images = tmp_path / "i.zip"
    images.write_bytes(bad_pairs.pictures(0))
    for row, why in ((b"sun/0.png,0.png\n", "MB allowed"), (b"a,b\n", "1,000,000 rows allowed")):
        with (tmp_path / "large.csv").open("wb") as file:
            file.write(b"image_a,image_b\n")
            for _ in range(10):
                file.write(row * 1_000_000)
        _peak()
        before = _peak()
        code = main(["score", "tiny", "--runs", str(layer.home / "runs"), "--pairs", str(tmp_path / "large.csv"),
                     "--images", str(images)])  # fmt: skip
        out, err = capsys.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert why in err
        assert _peak() - before < MOST_MEMORY / 2


def test_a_million_different_names_are_never_gone_through(monkeypatch):
    """What is known already is asked by name: going through it for every block takes minutes."""
    from siamese_core import pair_csv

    class Asked(dict):
        def __iter__(self):
            raise AssertionError("gone through")

        keys = items = values = __iter__

    plain = pair_csv._Reader.__init__

    def begin(self, layout):
        plain(self, layout)
        self._places = Asked()

    monkeypatch.setattr(pair_csv._Reader, "__init__", begin)
    rows = b"".join(b"%d.png,x%d.png\n" % (i, i) for i in range(3000))
    assert len(read_pairs(io.BytesIO(b"a,b\n" + rows))) == 3000


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b" \t\n", b"\r"])
def test_blank_lines_are_not_looked_at_one_by_one(monkeypatch, blank):
    from siamese_core import pair_csv

    looked: list[int] = []
    plain = pair_csv._Reader.one_by_one
    monkeypatch.setattr(
        pair_csv._Reader, "one_by_one", lambda self, s, lines: (looked.append(len(lines)), plain(self, s, lines))[1]
    )
    flood = blank * 200_000
    found = read_pairs(io.BytesIO(flood + b"a,b\nx,y\n" + flood + b"p,q\n"))
    lines = flood.replace(b"\r\n", b"\n").count(blank[-1:])
    assert found.rows.tolist() == [lines + 2, 2 * lines + 3]
    assert sum(looked) <= 4 * pair_csv._BLOCK
