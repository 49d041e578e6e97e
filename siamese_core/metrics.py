"""How good a network is, in numbers. All of it takes distances (smaller is closer) and plain arrays.

A pair is accepted as "same" when its distance is at or below the threshold. Nothing here can be won
by an embedding that does not look: when all distances are equal the AUC and the equal error rate are
1/2, the verification accuracy is 1/2, and the one-shot accuracy is 0 because ties never count as right.
NaN and infinite distances raise DataError.
"""

from __future__ import annotations

import math

import numpy as np

from siamese_core.errors import DataError

Z95 = 1.959963984540054  # the normal distribution's 97.5% point


def roc_auc(distances: np.ndarray, same: np.ndarray) -> float:
    """The probability that a same pair is nearer than a different one, ties counting 1/2. (M,), (M,) -> [0, 1].

    The area under the ROC curve as the Mann-Whitney statistic (Hanley and McNeil 1982).
    """
    d, y = _scores(distances, same)
    _, place, counts = np.unique(d, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2.0)[place]  # tied distances share their mean rank
    positives, negatives = int(y.sum()), int((~y).sum())
    return float((rank[~y].sum() - negatives * (negatives + 1) / 2.0) / (positives * negatives))


def roc_curve(distances: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ROC's vertices: false accept rate, false reject rate and threshold, each (V,), thresholds rising.

    One vertex for every different distance, after a first one where nothing is accepted (its threshold
    is the next number below the smallest distance).
    """
    d, y = _scores(distances, same)
    values, place = np.unique(d, return_inverse=True)
    accepted_same = np.cumsum(np.bincount(place, weights=y))
    accepted_different = np.cumsum(np.bincount(place, weights=~y))
    far = np.concatenate([[0.0], accepted_different / accepted_different[-1]])
    frr = np.concatenate([[1.0], 1.0 - accepted_same / accepted_same[-1]])
    return far, frr, np.concatenate([[np.nextafter(values[0], -np.inf)], values])


def eer(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """The equal error rate and its threshold, linearly interpolated between the ROC's two vertices
    around the place where the false accept rate crosses the false reject rate. (M,), (M,) -> (rate, threshold)."""
    far, frr, thresholds = roc_curve(distances, same)
    gap = far - frr  # from -1 to 1, strictly rising
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    rate = far[after - 1] + share * (far[after] - far[after - 1])
    return float(rate), float(thresholds[after - 1] + share * (thresholds[after] - thresholds[after - 1]))


def best_threshold(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """The threshold with the best balanced accuracy on these pairs, and that accuracy. (M,), (M,) -> two floats.

    It lies midway between two neighbouring distances; among equally good ones, in the widest gap.
    """
    far, frr, at = roc_curve(distances, same)
    accuracy = 1.0 - (far + frr) / 2.0
    best = np.flatnonzero(accuracy >= accuracy.max() - 1e-12)
    middle = np.concatenate([at[:1], (at[1:-1] + at[2:]) / 2.0, at[-1:]])
    gap = np.concatenate([[0.0], at[2:] - at[1:-1], [0.0]])
    chosen = best[np.argmax(gap[best])]
    return float(middle[chosen]), float(accuracy[chosen])


def accuracy_at(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    """Balanced accuracy: the mean of the share of same pairs accepted and of different pairs refused."""
    d, y = _scores(distances, same)
    if math.isnan(threshold):
        raise DataError("The threshold is not a number; choose one on validation pairs first.")
    accepted = d <= threshold
    return float((accepted[y].mean() + (~accepted[~y]).mean()) / 2.0)


def cross_fit_accuracy(distances: np.ndarray, same: np.ndarray, rng: np.random.Generator, folds: int = 2) -> float:
    """Balanced accuracy with the threshold always chosen on other pairs than those it is measured on.

    The pairs are cut at random into `folds` parts with equal shares of same and different; each part is
    measured with the best threshold of all others; the mean is returned. Raises DataError when there
    are fewer than `folds` same or different pairs.
    """
    d, y = _scores(distances, same)
    fewest = int(min(y.sum(), (~y).sum()))
    if folds < 2 or fewest < folds:
        raise DataError(f"{folds} folds need at least 2 folds and {folds} pairs of each kind, but there are {fewest}.")
    part = np.empty(len(d), dtype=np.int64)
    for kind in (y, ~y):
        part[kind] = rng.permutation(np.arange(int(kind.sum())) % folds)
    results = []
    for fold in range(folds):
        here = part == fold
        threshold, _ = best_threshold(d[~here], y[~here])
        results.append(accuracy_at(d[here], y[here], threshold))
    return float(np.mean(results))


def nearest_class(distance_matrix: np.ndarray, gallery_labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class of the nearest gallery item: (Q, G), (G,) -> labels (Q,), tied (Q,) bool.

    `tied` marks queries for which items of two classes share the smallest distance: such an answer
    is no answer (its label is the smallest of them) and must never count as right.
    """
    d = np.asarray(distance_matrix, dtype=np.float64)
    labels = np.asarray(gallery_labels)
    if d.ndim != 2 or labels.shape != d.shape[1:] or not len(labels):
        raise DataError(f"Distances of shape {d.shape} do not go with {labels.size} gallery labels.")
    if not np.isfinite(d).all():
        raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
    nearest = d == d.min(axis=1, keepdims=True)
    low = np.where(nearest, labels[None, :], labels.max()).min(axis=1)
    high = np.where(nearest, labels[None, :], labels.min()).max(axis=1)
    return low, low != high


def one_shot_accuracy(distance_matrix: np.ndarray, gallery_labels: np.ndarray, query_labels: np.ndarray) -> float:
    """The share of queries whose nearest gallery item, without a tie, is of their class. (Q, G), (G,), (Q,).

    Raises DataError when there is no query.
    """
    found, tied = nearest_class(distance_matrix, gallery_labels)
    truth = np.asarray(query_labels)
    if truth.shape != found.shape or not len(truth):
        raise DataError(f"{len(found)} rows of distances do not go with {truth.size} query labels.")
    return float(((found == truth) & ~tied).mean())


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95% interval of a rate of k in n (Wilson 1927); (0, 1) when n is 0. Raises DataError unless 0 <= k <= n."""
    if not 0 <= k <= n:
        raise DataError(f"{k} of {n} is not a rate.")
    return wilson_share(k / n if n else 0.0, n, Z95)


def wilson_share(rate: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a rate seen in `n` trials, which need not be a whole number, at `z` deviations."""
    if n <= 0:
        return 0.0, 1.0
    spread = z**2 / n
    middle = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    return (0.0 if rate == 0 else max(0.0, middle - half)), (1.0 if rate == 1 else min(1.0, middle + half))


def student95(freedom: int) -> float:
    """The 97.5% point of Student's t with `freedom` degrees, to within 0.2% (Abramowitz and Stegun 1964, 26.7.5)."""
    if freedom <= 2:
        return (12.706204736, 4.302652730)[freedom - 1]
    z = Z95
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _scores(distances: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) float64 and (M,) bool, checked: equal lengths, finite, at least one pair of each kind."""
    d, y = np.asarray(distances, dtype=np.float64).ravel(), np.asarray(same).ravel().astype(bool)
    if len(d) != len(y):
        raise DataError(f"There are {len(d)} distances but {len(y)} answers.")
    if not np.isfinite(d).all():
        raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
    if not y.any() or y.all():
        raise DataError("Verification needs at least one pair of one class and one pair of two classes.")
    return d, y
