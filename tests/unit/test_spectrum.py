"""The effective rank: known cases, a slow oracle, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import spectrum
from siamese_core.errors import DataError


def slow(x: np.ndarray) -> float:
    """Roy and Vetterli 2007 by the definition."""
    sizes = [s for s in np.linalg.svd(x - x.mean(axis=0), compute_uv=False) if s > 1e-9]
    total = sum(sizes)
    return float(np.exp(-sum(s / total * np.log(s / total) for s in sizes)))


@pytest.mark.parametrize("shape", [(50, 6), (7, 20), (3, 2), (2, 9)])
def test_it_is_the_definition(shape, monkeypatch):
    monkeypatch.setattr(spectrum, "ROWS", 8)  # several blocks
    x = np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) + 3
    found = spectrum.of(x)
    assert found.effective_rank == pytest.approx(slow(x), rel=1e-6)
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.shares) <= 1e-12).all()


def test_golden_ranks():
    line = np.outer(np.arange(5.0), [1, 2, 3])
    assert spectrum.of(line).effective_rank == pytest.approx(1)
    cross = np.concatenate([np.eye(4), -np.eye(4)])  # four directions, equally much
    assert spectrum.of(cross).effective_rank == pytest.approx(4)
    assert spectrum.effective_rank(np.array([3.0, 1.0])) == pytest.approx(4 / 3**0.75)  # exp of the entropy of 3/4, 1/4
    assert spectrum.of(cross).components(0.5) == 2
    assert spectrum.of(line).components(0.9) == 1


def test_turning_moving_and_order_do_not_count():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 5)) * [5, 3, 1, 1, 0.1]
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    expected = spectrum.of(x).effective_rank
    for other in (x @ turn, x[rng.permutation(40)], 7 * x, x + 2):
        assert spectrum.of(other).effective_rank == pytest.approx(expected, rel=1e-6)


def test_a_constant_and_its_rounding_are_one_point():
    rng = np.random.default_rng(2)
    same = np.ones((30, 16), np.float32)
    for x in (same, same + 1e-6 * rng.normal(size=same.shape).astype(np.float32), np.zeros((4, 3))):
        found = spectrum.of(x)
        assert found.collapsed
        assert found.effective_rank == 0
        assert found.components(0.9) == 0
        assert found.dead == x.shape[1]
    assert not spectrum.of(same + 0.01 * rng.normal(size=same.shape)).collapsed


def test_numbers_that_never_change_are_counted():
    x = np.random.default_rng(3).normal(size=(20, 6))
    x[:, [1, 4]] = 2.5
    found = spectrum.of(x)
    assert found.dead == 2
    assert found.deviations == pytest.approx(x.std(axis=0))


def test_what_cannot_be_measured_is_told():
    with pytest.raises(DataError, match="at least two"):
        spectrum.of(np.zeros((1, 3)))
    x = np.zeros((4, 2))
    x[1, 0], x[2, 1] = np.nan, np.inf
    with pytest.raises(DataError, match="of 2 of the 4 pictures are not finite"):
        spectrum.of(x)
