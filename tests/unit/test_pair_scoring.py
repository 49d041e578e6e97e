"""Many pairs: each picture encoded once, the rest scored where some cannot be, and a CSV that is safe to open."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from siamese_core import metrics, pair_scoring, trained, verifier
from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles
from siamese_core.modalities.image import from_files
from siamese_core.pair_csv import read_pairs
from tests.pictures import cross, encoded


def read(text: str, **more):
    return read_pairs(io.BytesIO(text.encode()), **more)


class Counting:
    """Files that know how often each was read."""

    def __init__(self, data: dict[str, bytes]) -> None:
        self.reads = dict.fromkeys(data, 0)

        def source(name: str) -> Source:
            def content(limit: int) -> bytes:
                self.reads[name] += 1
                return data[name]

            return Source(name, content)

        self.files = PictureFiles("set", tuple(source(n) for n in data))


DATA = {f"{k}.png": encoded(cross(at=6 + k)) for k in range(6)}
ROWS = "a,b,label\n0.png,1.png,1\n0.png,2.png,0\n3.png,2.png,1\n5.png,5.png,1\n0.png,1.png,\n"


@pytest.fixture(scope="module")
def model(finished_run):
    return trained.load(finished_run)


def test_distances_and_verdicts_are_those_of_single_pairs(model):
    counting = Counting(DATA)
    found = pair_scoring.score(model, read(ROWS), counting.files)
    names = [line.split(",")[:2] for line in ROWS.splitlines()[1:]]
    sides = [from_files([(n[k], DATA[n[k]]) for n in names], model.spec) for k in (0, 1)]
    single = verifier.compare(model, *sides)
    np.testing.assert_allclose(found.distances, [c.distance for c in single], atol=1e-6)
    assert [pair_scoring.VERDICTS[v] == "same" for v in found.verdicts] == [c.same for c in single]
    assert found.threshold == model.threshold
    assert found.rows.tolist() == [2, 3, 4, 5, 6]
    assert found.same.tolist() == [1, 0, 1, 1, -1]
    assert counting.reads == {"0.png": 1, "1.png": 1, "2.png": 1, "3.png": 1, "4.png": 0, "5.png": 1}
    assert found.pictures == 5


@pytest.mark.parametrize("step", [1, 2, 100])
def test_blocks_change_nothing(model, monkeypatch, step):
    whole = pair_scoring.score(model, read(ROWS), Counting(DATA).files)
    monkeypatch.setattr(pair_scoring, "PICTURES_AT_ONCE", step)
    monkeypatch.setattr(pair_scoring, "PAIRS_AT_ONCE", step)
    found = pair_scoring.score(model, read(ROWS), Counting(DATA).files)
    np.testing.assert_allclose(found.distances, whole.distances, atol=1e-6)
    assert found.alike.tolist() == whole.alike.tolist() == [False, False, False, True, False]


def test_equal_files_under_two_names_are_the_same_picture(model):
    data = {"x.png": encoded(cross()), "y.bmp": encoded(cross(), "BMP"), "z.png": encoded(cross(at=12))}
    found = pair_scoring.score(model, read("a,b\nx.png,y.bmp\nx.png,z.png\n"), Counting(data).files)
    assert found.alike.tolist() == [True, False]
    assert found.distances[0] == 0
    assert found.table([0])[0]["note"] == "the same picture on both sides"


def test_digests_are_of_what_the_network_sees_and_empty_where_it_saw_nothing(model):
    data = DATA | {"cut.png": DATA["0.png"][:40]}
    rows = "a,b\n0.png,1.png\ncut.png,1.png\n1.png,gone.png\n"
    found = pair_scoring.score(model, read(rows), Counting(data).files)
    own = from_files([(n, DATA[n]) for n in ("0.png", "1.png")], model.spec).digests()
    assert dict(zip(found.names, found.digests.astype(str).tolist(), strict=True)) == {
        "0.png": own[0], "1.png": own[1], "cut.png": "", "gone.png": "",
    }  # fmt: skip


def test_another_threshold_judges_the_same_distances_anew(model):
    class Strict:
        spec, threshold, calibration = model.spec, -1.0, None
        embed, distances = staticmethod(model.embed), staticmethod(model.distances)

    scores = pair_scoring.score(model, read(ROWS), Counting(DATA).files)
    found = pair_scoring.judged(Strict(), scores)
    fresh = pair_scoring.score(Strict(), read(ROWS), Counting(DATA).files)
    assert found.threshold == fresh.threshold == -1.0
    assert found.verdicts.tolist() == fresh.verdicts.tolist() == [0] * 5
    assert found.distances is scores.distances


def test_bad_pictures_break_their_rows_alone(model):
    data = DATA | {"cut.png": DATA["0.png"][:40], "empty.png": b""}
    rows = "a,b,label\n0.png,1.png,1\ncut.png,1.png,1\n1.png,gone.png,0\n2.png,empty.png,0\n1.png,2.png,9\n"
    found = pair_scoring.score(model, read(rows), Counting(data).files)
    assert found.rows.tolist() == [2]
    assert found.broken_count == 4
    assert [b.row for b in found.broken] == [3, 4, 5, 6]
    for broken, word in zip(
        found.broken, ("cut.png", "no picture 'gone.png'", "empty.png is empty", "'9'"), strict=True
    ):
        assert word in broken.why
    assert found.pictures == 3


def test_when_no_row_can_be_scored_nothing_is_raised(model):
    found = pair_scoring.score(model, read("a,b\nx.png,y.png\n"), Counting({}).files)
    assert (len(found), found.broken_count, found.accuracy()) == (0, 1, None)


def test_distances_that_are_no_numbers_are_broken_rows(model):
    class Broken:
        spec, threshold, embed = model.spec, 0.5, staticmethod(model.embed)
        calibration = None

        def distances(self, a, b):
            return np.where(np.arange(len(a)) % 2, np.nan, 0.25)

    found = pair_scoring.score(Broken(), read(ROWS), Counting(DATA).files)
    assert found.rows.tolist() == [2, 4, 6]
    assert [b.row for b in found.broken] == [3, 5]
    assert "not a finite number" in found.broken[0].why


def test_without_a_threshold_there_are_no_verdicts(model):
    class Plain:
        spec, threshold, embed, distances = model.spec, None, staticmethod(model.embed), staticmethod(model.distances)
        calibration = None

    found = pair_scoring.score(Plain(), read(ROWS), Counting(DATA).files)
    assert found.count("") == len(found)
    assert found.accuracy() is None
    assert found.table([0])[0]["verdict"] is None


def test_a_calibrated_run_says_how_probable_and_when_it_is_not_sure(model):
    class Calibration:
        def verdicts(self, distances):
            return np.array(["same", "not sure", "different", "same", "not sure"])

        def probabilities(self, distances):
            return np.array([0.9, 0.5, 0.1, 1.0, 0.5])

    class Calibrated:
        spec, threshold, calibration = model.spec, 0.5, Calibration()
        embed, distances = staticmethod(model.embed), staticmethod(model.distances)

    found = pair_scoring.score(Calibrated(), read(ROWS), Counting(DATA).files)
    assert [row["verdict"] for row in found.table(range(5))] == ["same", "not sure", "different", "same", "not sure"]
    assert found.table([0])[0]["probability"] == 0.9
    assert (found.accuracy()["pairs"], found.accuracy()["unsure"], found.count("not sure")) == (2, 1, 2)
    out = io.StringIO()
    pair_scoring.write_csv(found, out)
    assert [row["probability"] for row in csv.DictReader(io.StringIO(out.getvalue()))] == [
        "0.9",
        "0.5",
        "0.1",
        "1",
        "0.5",
    ]


def made(distances, verdicts, same, alike=None) -> pair_scoring.PairScores:
    n = len(distances)
    place = np.arange(n)
    alike = np.zeros(n, bool) if alike is None else np.array(alike)
    return pair_scoring.PairScores(
        tuple(f"{i}.png" for i in range(n)), place, place, place + 2, np.array(distances, float),
        np.array(verdicts, np.int8), None, np.array(same, np.int8), alike, 0.5, n, (), 0, np.zeros(n, "S16"),
    )  # fmt: skip


def test_accuracy_leaves_out_what_proves_nothing():
    found = made([0.1, 0.2, 0.9, 0.4, 0.0, 0.5, 0.3], [1, 1, 0, 1, 1, 2, 1], [1, 0, 1, 1, 1, 1, -1],
                 [False] * 4 + [True, False, False])  # fmt: skip
    assert found.accuracy() == {
        "accuracy": 0.5, "interval": list(metrics.wilson(2, 4)), "pairs": 4, "same": 3, "different": 1,
        "missed": 1, "accepted": 1, "alike": 1, "unsure": 1,
    }  # fmt: skip
    assert np.flatnonzero(found.wrong()).tolist() == [1, 2]
    assert found.nearest_threshold().tolist() == [5, 3, 6, 1, 0, 2, 4]


def test_progress_rises_and_can_stop_it(model):
    seen: list[float] = []
    pair_scoring.score(model, read(ROWS), Counting(DATA).files, lambda text, fraction: seen.append(fraction))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    class Stopped(Exception):
        pass

    def stop(text, fraction):
        raise Stopped

    with pytest.raises(Stopped):
        pair_scoring.score(model, read(ROWS), Counting(DATA).files, stop)


def test_no_cell_of_the_csv_is_a_formula(model):
    names = ["=1+1.png", "+a.png", "-b.png", "@c.png", 'quo"te, and more.png']
    data = {name: DATA[f"{i}.png"] for i, name in enumerate(names)}
    rows = "a,b\n" + "".join(f'"{n.replace(chr(34), chr(34) * 2)}",=1+1.png\n' for n in names)
    found = pair_scoring.score(model, read(rows), Counting(data).files)
    out = io.StringIO()
    pair_scoring.write_csv(found, out)
    cells = list(csv.reader(io.StringIO(out.getvalue())))
    assert tuple(cells[0]) == pair_scoring.COLUMNS
    assert [c[1] for c in cells[1:]] == ["'=1+1.png", "'+a.png", "'-b.png", "'@c.png", 'quo"te, and more.png']
    assert {c[2] for c in cells[1:]} == {"'=1+1.png"}
    assert [float(c[3]) for c in cells[1:]] == pytest.approx(found.distances, rel=1e-5)
    assert [c[0] for c in cells[1:]] == ["2", "3", "4", "5", "6"]


def test_a_calibrated_run_is_not_sure_in_its_band(model):
    """Verdicts and probabilities are those of the calibration, pair by pair."""

    class Sure:
        """A calibration that is sure below 1 and above 2."""

        def verdicts(self, distances):
            return np.where(distances <= 1, "same", np.where(distances >= 2, "different", "not sure"))

        def probabilities(self, distances):
            return np.exp(-distances)

    class Judged:
        threshold, calibration = 1.5, Sure()

    d = np.array([0.5, 1.5, 2.5])
    places, probability = pair_scoring._judged(Judged(), d)
    assert [pair_scoring.VERDICTS[p] for p in places] == ["same", "not sure", "different"]
    assert probability == pytest.approx(np.exp(-d))
