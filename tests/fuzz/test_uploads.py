"""Ten thousand bad uploads: each is refused in one sentence or read for what it is, and leaves nothing behind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.feeding import KINDS, Found, Layer
from tests.ui import worlds

ALL, SOME = 10_000, 500


@pytest.fixture
def layer(tmp_path: Path, finished_run: Path) -> Iterator[Layer]:
    run = worlds.make("finished", finished_run, tmp_path)
    assert run is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow remarks on what it meets
        yield Layer(tmp_path / "home", run)


def fed(layer: Layer, numbers: range) -> Found:
    """What came of these uploads; repeat one with `fed(layer, range(n, n + 1))`."""
    found = Found()
    for number in numbers:
        layer.feed(number, found)
    print(found.table())
    assert not found.wrong, f"{len(found.wrong)} went wrong:\n" + "\n".join(found.wrong[:20])
    assert len({label.split(":")[0] for label in found.counts}) == len({kind for kind, _ in KINDS})
    return found


def test_some_bad_uploads(layer):
    fed(layer, range(SOME))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_bad_uploads(layer):
    found = fed(layer, range(ALL))
    for label, counts in found.counts.items():
        assert counts["refused"] or label.startswith("run's JSON") or "reference" in label, label
