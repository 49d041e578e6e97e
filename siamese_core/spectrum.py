"""How many directions a space uses: the effective rank, and what each principal component carries.

Roy and Vetterli 2007 ("The effective rank: a measure of effective dimensionality"): the exponential of the Shannon
entropy of the singular values, scaled to add up to 1. 1 where all lies on a line, D where all D directions carry
equally much. Ours takes the singular values of the embeddings about their mean, so that what all of them share is no
direction; the shares of variance are their squares (Pearson 1901). A space whose spread is no more than `STILL` of
its embeddings' length is one point but for rounding, whose noise points everywhere: it has rank 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siamese_core.errors import DataError

STILL = 1e-4  # of the embeddings' length: a spread below which they are one point
NOISE = 1e-13  # of the largest variance: below that it is rounding
ROWS = 8192  # embeddings held in double precision at once


@dataclass(frozen=True, eq=False)
class Spectrum:
    """effective_rank 0..min(N - 1, D); shares (R,) of the variance by component, falling, all 0 where the space is one
    point; spread: the root of the whole variance, as a share of the embeddings' mean length; deviations (D,) of
    each number; dead: how many of them are the same for all items."""

    effective_rank: float
    shares: np.ndarray
    spread: float
    deviations: np.ndarray
    dead: int

    @property
    def collapsed(self) -> bool:
        """Whether all embeddings are one point."""
        return self.effective_rank == 0.0

    def components(self, share: float) -> int:
        """How many components carry this share of the variance; 0 where there is none."""
        return 0 if self.collapsed else int(np.searchsorted(np.cumsum(self.shares), share - 1e-9)) + 1


def of(embeddings: np.ndarray) -> Spectrum:
    """(N, D) embeddings -> Spectrum; exact. Raises DataError for fewer than two, or where some are not finite."""
    x = np.asarray(embeddings)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise DataError(f"The health of a space needs at least two embeddings, not an array of shape {x.shape}.")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x).all(axis=1)).sum())
        raise DataError(f"The embeddings of {bad:,} of the {len(x):,} pictures are not finite numbers; the network's "
                        "output is broken, so train it anew.")  # fmt: skip
    n = len(x)
    mean = x.mean(axis=0, dtype=np.float64)
    length = sum(float(np.linalg.norm(part.astype(np.float64), axis=1).sum()) for part in _parts(x)) / n
    each = sum(np.square(part - mean).sum(axis=0) for part in _parts(x)) / n
    whole = float(each.sum())
    spread = float(np.sqrt(whole)) / length if length else 0.0
    dead = int((np.sqrt(each) <= STILL * np.sqrt(each.mean())).sum()) if whole else x.shape[1]
    if spread <= STILL:
        return Spectrum(0.0, np.zeros(min(x.shape)), spread, np.sqrt(each), x.shape[1])
    if x.shape[1] <= n:
        gram = sum((part - mean).T @ (part - mean) for part in _parts(x))
    else:
        centred = x - mean
        gram = centred @ centred.T
    variances = np.linalg.eigvalsh(gram)[::-1]
    variances = np.where(variances > NOISE * variances[0], variances, 0.0)
    return Spectrum(effective_rank(np.sqrt(variances)), variances / variances.sum(), spread, np.sqrt(each), dead)


def effective_rank(singular: np.ndarray) -> float:
    """The effective rank of singular values (R,), not all 0."""
    p = singular[singular > 0] / singular.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def _parts(x: np.ndarray) -> list[np.ndarray]:
    return [x[i : i + ROWS] for i in range(0, len(x), ROWS)]
