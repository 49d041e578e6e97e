"""A run calibrated on a table of pairs: who is who, what is left out, what is refused."""

from __future__ import annotations

import dataclasses
import io
import os
import time

import numpy as np
import psutil
import pytest

from siamese_core import calibrate_pairs, pair_scoring, trained
from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles
from siamese_core.errors import ConfigError, DataError, RunError
from siamese_core.files import write_json
from siamese_core.pair_csv import read_pairs
from siamese_core.pair_scoring import PairScores
from siamese_core.runs import Run
from tests import digit_pairs


def made(pairs, distances=None, digests=None, broken=0) -> PairScores:
    """Scores of (picture, picture, label) with pictures as numbers, in rows from 2 on."""
    first, second, same = (np.array(column) for column in zip(*pairs, strict=True))
    names = int(max(first.max(), second.max())) + 1
    digests = np.array([f"{k:016x}" for k in range(names)] if digests is None else digests, "S16")
    d = np.where(same == 1, 0.2, 0.8) if distances is None else np.asarray(distances, float)
    return PairScores(
        tuple(f"{k}.png" for k in range(names)), first, second, np.arange(len(first)) + 2, d,
        (d <= 0.5).astype(np.int8), None, same.astype(np.int8), digests[first] == digests[second], 0.5, names, (),
        broken, digests,
    )  # fmt: skip


def test_identities_come_from_the_labels():
    found = calibrate_pairs.labelled(made([(0, 1, 1), (1, 2, 1), (0, 3, 0), (3, 4, 1), (5, 0, 0)]))
    scored = found.scored
    assert scored.n_identities == 3
    assert scored.same.tolist() == [True, True, False, True, False]
    assert scored.first_identity[0] == scored.second_identity[1] == scored.first_identity[2]
    assert scored.first.tolist() == [0, 1, 0, 3, 5]
    assert scored.second.tolist() == [1, 2, 3, 4, 0]
    assert (found.warnings(), found.left_out()) == ([], "")


def test_two_files_of_one_picture_are_one_picture():
    digests = ["a" * 16, "b" * 16, "a" * 16, "c" * 16, "d" * 16]
    found = calibrate_pairs.labelled(made([(0, 1, 1), (2, 3, 1), (1, 4, 0), (2, 0, 1)], digests=digests))
    assert found.alike == 1
    assert found.scored.n_identities == 2  # 0 and 2 are one, and join 1 with 3
    assert len(found.pictures) == 4


def test_rows_that_prove_nothing_are_left_out_and_counted():
    rows = [(0, 1, 1), (1, 0, 1), (2, 2, 1), (0, 2, -1), (0, 3, 0), (3, 0, 0), (3, 0, 0)]
    found = calibrate_pairs.labelled(made(rows, broken=4))
    assert len(found.scored) == 2
    assert (found.unscored, found.unlabelled, found.alike, found.repeated) == (4, 1, 1, 3)
    assert found.left_out() == (
        "Rows left out: 4 that could not be scored, 1 without a label, 1 with the same picture on both sides, "
        "3 that repeat another."
    )


def chain(people=30, each=3):
    """Same pairs along each person's pictures; different ones between people."""
    same = [(each * p + k, each * p + k + 1, 1) for p in range(people) for k in range(each - 1)]
    return same + [(each * p, each * q + 1, 0) for p in range(people) for q in range(p) if (p + q) % 3]


def test_a_different_pair_of_one_identity_is_told_by_its_row_and_left_out():
    rows = chain()
    wrong = [*rows[:10], (0, 2, 0), *rows[10:], (1, 0, 0)]
    found = calibrate_pairs.labelled(made(wrong))
    assert found.contradicting == (12, len(wrong) + 1)
    assert len(found.scored) == len(rows)
    assert found.warnings() == [
        f"Rows 12 and {len(wrong) + 1} say 'different' of pictures that 'same' rows join as one identity; left out."
    ]
    assert calibrate_pairs.labelled(made([*rows, (0, 2, 0)])).warnings()[0].startswith(f"Row {len(rows) + 2} says")


def test_one_wrong_same_label_that_joins_two_people_is_refused():
    rows = [(0, 1, 1), (2, 3, 1), (0, 2, 1)] + [(a, b, 0) for a in (0, 1) for b in (2, 3)] + [(0, 4, 0)] * 3
    with pytest.raises(DataError, match=r"Rows 5, 6, 7 and 8 say 'different'.*4 of 7 different pairs.*mend them"):
        calibrate_pairs.labelled(made(rows))
    many = [(0, 1, 1), (1, 2, 1), *[(0, 2, 0)] * 12, *[(0, k, 0) for k in range(3, 20)]]
    with pytest.raises(DataError, match="Rows 4, 5, 6, 7, 8, 9, 10, 11 and 4 more say"):
        calibrate_pairs.labelled(made(many))


def test_the_digest_is_of_pictures_and_labels_alone():
    rows = chain(12)
    own = calibrate_pairs.labelled(made(rows)).digest
    rng = np.random.default_rng(0)
    turned = [(b, a, s) if rng.random() < 0.5 else (a, b, s) for a, b, s in rng.permutation(rows).tolist()]
    assert calibrate_pairs.labelled(made([*turned, turned[0]], rng.random(len(rows) + 1))).digest == own
    other = [*rows[:-1], (rows[-1][0], rows[-1][1], -1)]
    assert calibrate_pairs.labelled(made(other)).digest != own
    apart = [f"{k + 99:016x}" for k in range(36)]
    assert calibrate_pairs.labelled(made(rows, digests=apart)).digest != own
    assert len(own) == 16


# ---- with a run ----


def scored(run: Run, text: str | bytes, files: dict[str, bytes] | None = None, **more) -> PairScores:
    data = digit_pairs.pictures() if files is None else files
    found = PictureFiles("set", tuple(Source(n, lambda limit, d=d: d) for n, d in data.items()))
    source = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return pair_scoring.score(trained.load(run), read_pairs(source, **more), found)


def test_a_run_is_fitted_to_a_table_and_nothing_is_saved(tiny_run):
    run, before = Run(tiny_run), (tiny_run / "card.json").read_bytes()
    rows = digit_pairs.rows()
    fitted = calibrate_pairs.fit_scores(run, scored(run, digit_pairs.table(rows)), "mine.csv")
    found = fitted.calibration
    assert (tiny_run / "card.json").read_bytes() == before
    assert found.source == "60 pairs of mine.csv"
    assert (found.same_pairs, found.different_pairs) == (30, 30)
    assert found.digest == calibrate_pairs.labelled(scored(run, digit_pairs.table(rows))).digest
    assert fitted.warnings == ()
    assert fitted.scored.n_identities == found.identities
    assert found.rates_at(found.threshold)["far"] == pytest.approx(found.rates_at(found.threshold)["frr"], abs=0.05)


def test_what_identities_are_known_from_is_said(tiny_run):
    """Pairs with pictures of their own: as many identities as labels leave, and no more trials than pairs."""
    run = Run(tiny_run)
    names = [f"{c}/{k}.png" for k in range(40) for c in digit_pairs.UNSEEN]
    pairs = [(names[2 * k], names[2 * k + 2], 1) for k in range(0, 40, 2)]
    used = {n for a, b, _ in pairs for n in (a, b)}
    rest = [n for n in names if n not in used]
    pairs += [(rest[2 * k], rest[2 * k + 1], 0) for k in range(20)]
    found = calibrate_pairs.fit_scores(
        run, scored(run, digit_pairs.table(pairs), digit_pairs.pictures(each=40)), "m.csv"
    ).calibration
    assert (found.unit, found.identities, found.units) == ("linked", 60, 20)
    assert found.intervals_are_over == "60 identities, as far as the labels tell"
    low, high = np.array([found.probability(d) for d in (-10.0, 10.0)])
    assert low <= 21 / 22
    assert high >= 1 / 22


@pytest.mark.parametrize("text", ["\ufeff{}", "sep=;\n{}", '"image_a"{}'], ids=["bom", "separator", "quotes"])
def test_any_table_that_can_be_scored_can_be_fitted_to(tiny_run, text):
    run, plain = Run(tiny_run), digit_pairs.table(digit_pairs.rows())
    if "sep" in text:
        told = text.format(plain.replace(",", ";"))
    else:
        told = text.format(plain.removeprefix("image_a") if "image_a" in text else plain)
    found, own = (calibrate_pairs.fit_scores(run, scored(run, t), "m.csv").calibration for t in (told, plain))
    assert found == own


def test_too_few_pairs_or_one_kind_only_are_refused_with_what_was_left_out(tiny_run):
    run, rows = Run(tiny_run), digit_pairs.rows()
    same = [r for r in rows if r[2]]
    with pytest.raises(DataError, match="at least 20 same and 20 different pairs, but there are 30 and 0; give more"):
        calibrate_pairs.fit_scores(run, scored(run, digit_pairs.table(same)), "m.csv")
    text = digit_pairs.table(rows).replace(",0\n", ",\n") + "8/0.png,gone.png,0\n8/0.png,8/0.png,1\n8/0.png,9/1.png,7\n"
    with pytest.raises(DataError, match=r"30 and 0.*2 that could not be scored, 30 without a label, 1 with the same"):
        calibrate_pairs.fit_scores(run, scored(run, text), "m.csv")
    unlabelled = digit_pairs.table(rows).replace(",label", "").replace(",1\n", "\n").replace(",0\n", "\n")
    with pytest.raises(DataError, match=r"0 and 0.*60 without a label"):
        calibrate_pairs.fit_scores(run, scored(run, unlabelled), "m.csv")


def test_pictures_that_the_run_was_trained_on_are_refused(tiny_run):
    run, seen = Run(tiny_run), (0, 1)
    files = digit_pairs.pictures(seen)
    scores = scored(run, digit_pairs.table(digit_pairs.rows(seen)), files)
    used = {n for a, b, _ in digit_pairs.rows(seen) for n in (a, b)}
    with pytest.raises(DataError, match=f"of these {len(used)} pictures were in the run's training data"):
        calibrate_pairs.fit_scores(run, scores, "m.csv")
    (tiny_run / "train_digests.txt").unlink()
    assert "was not checked" in calibrate_pairs.fit_scores(run, scores, "m.csv").warnings[0]


def test_training_pictures_in_rows_that_are_left_out_do_no_harm(tiny_run):
    run = Run(tiny_run)
    text = digit_pairs.table(digit_pairs.rows()) + "0/0.png,0/1.png,\n0/2.png,0/2.png,1\n"
    scores = scored(run, text, digit_pairs.pictures() | digit_pairs.pictures((0,)))
    assert calibrate_pairs.fit_scores(run, scores, "m.csv").calibration.same_pairs == 30


def test_labels_that_are_turned_round_are_told(tiny_run):
    run = Run(tiny_run)
    scores = made(chain(), None)
    turned = dataclasses.replace(scores, distances=1.0 - scores.distances)
    with pytest.raises(DataError, match=r"AUC 0%.*turned round; say what the label 1 means"):
        calibrate_pairs.fit_scores(run, turned, "m.csv")
    rng = np.random.default_rng(0)
    blind = dataclasses.replace(scores, distances=rng.random(len(scores)))
    assert calibrate_pairs.fit_scores(run, blind, "m.csv").calibration.unit == "linked"


def test_settings_that_cannot_be_and_a_run_in_training_are_refused(tiny_run):
    run = Run(tiny_run)
    scores = made(chain())
    with pytest.raises(ConfigError, match="prior"):
        calibrate_pairs.fit_scores(run, scores, "m.csv", prior=1.0)
    me = {"pid": os.getpid(), "started": psutil.Process().create_time(), "heartbeat": time.time()}
    write_json(tiny_run / "status.json", {"format": 1, "state": "running"} | me)
    with pytest.raises(RunError, match="is training"):
        calibrate_pairs.fit_scores(run, scores, "m.csv")


def test_distances_that_are_no_numbers_are_left_out(tiny_run):
    run = Run(tiny_run)
    model = trained.load(run)

    class Broken:
        spec, threshold, calibration, embed = model.spec, None, None, staticmethod(model.embed)

        def distances(self, a, b):
            return np.where(np.arange(len(a)) % 7 == 3, np.nan, model.distances(a, b))

    found = PictureFiles("set", tuple(Source(n, lambda limit, d=d: d) for n, d in digit_pairs.pictures().items()))
    table = read_pairs(io.BytesIO(digit_pairs.table(digit_pairs.rows()).encode()))
    fitted = calibrate_pairs.fit_scores(run, pair_scoring.score(Broken(), table, found), "m.csv")
    assert "9 that could not be scored" in fitted.warnings[0]
    assert np.isfinite(fitted.scored.distances).all()
