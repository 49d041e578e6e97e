"""An evaluation as charts: each function draws one as inline SVG (see `svg`). Curves are thinned first."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from siamese_core import curves, svg
from siamese_core.evaluation import Evaluation

DRAWN = 500  # points a curve
SAME_PAIRS, DIFFERENT_PAIRS = "pairs of one class", "pairs of two classes"


class RateBands(Protocol):
    """95% intervals of FAR and FRR against the threshold, (B,) each, thresholds rising."""

    @property
    def thresholds(self) -> np.ndarray: ...
    @property
    def far_low(self) -> np.ndarray: ...
    @property
    def far_high(self) -> np.ndarray: ...
    @property
    def frr_low(self) -> np.ndarray: ...
    @property
    def frr_high(self) -> np.ndarray: ...


class RocBand(Protocol):
    """The 95% interval of FRR at chosen FARs, (G,) each, FAR rising."""

    @property
    def far(self) -> np.ndarray: ...
    @property
    def frr_low(self) -> np.ndarray: ...
    @property
    def frr_high(self) -> np.ndarray: ...


def histogram(found: Evaluation) -> str:
    """How the distances of both kinds of pairs lie, with the threshold."""
    counts = curves.histogram(found.scored)
    edges = counts["edges"]
    same, different = (counts[k] / counts[k].sum() for k in ("same", "different"))
    return svg.plot(
        "Distances",
        "Histograms of the distances of both kinds of pairs, with the threshold.",
        _distance_axis(found, "distance"),
        svg.linear("share of its kind", 0.0, 1.12 * float(max(same.max(), different.max())), percent=True),
        [
            svg.Bars(SAME_PAIRS, edges, same, svg.SAME),
            svg.Bars(DIFFERENT_PAIRS, edges, different, svg.DIFFERENT),
            _threshold_rule(found),
        ],
    )


def roc(found: Evaluation, band: RocBand | None = None) -> str:
    """Same pairs accepted against different pairs accepted."""
    thin = found.rates.thinned(DRAWN)
    parts: list[svg.Part] = [svg.Line("guessing", np.array([0.0, 1.0]), np.array([0.0, 1.0]), svg.BASELINE, True)]
    if band is not None:
        parts.append(svg.Band("95% interval", band.far, 1.0 - band.frr_high, 1.0 - band.frr_low))
    parts += [
        svg.Line("this run", thin.far, 1.0 - thin.frr),
        svg.Points("", np.array([found.far]), np.array([1.0 - found.frr]), words="threshold"),
    ]
    about = f"ROC curve with an area of {found.auc:.3f} under it."
    x, y = svg.linear("different pairs accepted (FAR)", 0, 1, True), svg.linear("same pairs accepted", 0, 1, True)
    return svg.plot("ROC", about, x, y, parts)


def det(found: Evaluation, band: RocBand | None = None) -> str:
    """Both error rates on normal-deviate axes (Martin et al. 1997)."""
    n_same, n_different = found.rates.n_same, found.rates.n_different
    low, high = _det_ends(found)
    far, frr = curves.det(found.rates)
    kept = curves.thin(DRAWN, far, frr)
    ends = curves.probit(np.array([low, high]), 10**9)
    parts: list[svg.Part] = [svg.Line("equal errors", ends, ends, svg.BASELINE, True)]
    if band is not None:
        frr_low, frr_high = (curves.probit(side, n_same) for side in (band.frr_low, band.frr_high))
        parts.append(svg.Band("95% interval", curves.probit(band.far, n_different), frr_low, frr_high))
    parts.append(svg.Line("this run", far[kept], frr[kept]))
    eer = found.eer[0]
    if low <= eer <= high:
        at = curves.probit(np.array([eer]), 10**9)
        parts.append(svg.Points("", at, at, words=f"{100 * eer:.1f}%"))
    x, y = (svg.deviates(name, low, high) for name in ("different pairs accepted (FAR)", "same pairs refused (FRR)"))
    return svg.plot("DET", f"Both error rates are equal at {100 * eer:.1f}%.", x, y, parts)


def rates(found: Evaluation, bands: RateBands | None = None) -> str:
    """FAR and FRR against the threshold."""
    thin = found.rates.thinned(DRAWN)
    parts: list[svg.Part] = []
    if bands is not None:
        parts += [
            svg.Band("", bands.thresholds, bands.far_low, bands.far_high, svg.DIFFERENT),
            svg.Band("", bands.thresholds, bands.frr_low, bands.frr_high, svg.SAME),
        ]
    end = np.array([_distance_axis(found, "").high])
    x = np.concatenate([thin.thresholds, end])
    parts += [
        svg.Line("false accepts (FAR)", x, np.append(thin.far, thin.far[-1]), svg.DIFFERENT),
        svg.Line("false rejects (FRR)", x, np.append(thin.frr, thin.frr[-1]), svg.SAME),
        _threshold_rule(found),
    ]
    about = f"FAR {100 * found.far:.1f}% and FRR {100 * found.frr:.1f}% at the threshold."
    axis = _distance_axis(found, "threshold (a distance)")
    return svg.plot("Errors against the threshold", about, axis, svg.linear("share of pairs", 0, 1, True), parts)


def precision_recall(found: Evaluation) -> str:
    """Precision against recall of "same"."""
    precision, recall = curves.precision_recall(found.rates)
    kept = curves.thin(DRAWN, precision, recall)
    base = found.rates.n_same / len(found.scored)
    parts = [
        svg.Line("saying same to all", np.array([0.0, 1.0]), np.array([base, base]), svg.BASELINE, True),
        svg.Line("this run", recall[kept], precision[kept]),
    ]
    about = f"Average precision {curves.average_precision(found.rates):.3f}."
    x, y = svg.linear("same pairs found (recall)", 0, 1, True), svg.linear("right when it says same", 0, 1, True)
    return svg.plot("Precision and recall", about, x, y, parts)


def reliability(found: Evaluation) -> str:
    """What came true of the probabilities; only for an evaluation that has them."""
    assert found.probability is not None
    bins = curves.reliability(found.probability, found.scored.same)
    parts: list[svg.Part] = [
        svg.Line("as good as its word", np.array([0.0, 1.0]), np.array([0.0, 1.0]), svg.BASELINE, True),
        svg.Line("this run", bins.predicted, bins.observed),
        svg.Points("", bins.predicted, bins.observed),
    ]
    x, y = svg.linear("probability it gave", 0, 1, True), svg.linear("share that was the same", 0, 1, True)
    return svg.plot("Reliability", f"Expected calibration error {100 * bins.ece:.1f}%.", x, y, parts)


def confusion(found: Evaluation) -> str:
    """Numbers of pairs by truth and verdict at the threshold."""
    n = curves.confusion(found.scored, found.threshold)
    rows = []
    for kind, colour in (("same", svg.SAME), ("different", svg.DIFFERENT)):
        total = n[f"accepted_{kind}"] + n[f"refused_{kind}"]
        counts = [(n[f"{verdict}_{kind}"], total) for verdict in ("accepted", "refused")]
        rows.append([svg.Cell(f"{k:,}", f"{100 * k / t:.1f}%", k / t, colour) for k, t in counts])
    about = "Numbers of pairs by what is true and what the run says at its threshold."
    columns, names = ["says same", "says different"], ["are the same", "are different"]
    return svg.grid("Right and wrong at the threshold", about, columns, names, rows, tallest=130)


def one_shot(found: Evaluation) -> str:
    """N-way K-shot accuracies, darker for better."""
    ways, shots = sorted({c.n_way for c in found.grid}), sorted({c.k_shot for c in found.grid})
    cells = {
        (c.n_way, c.k_shot): svg.Cell(
            f"{100 * c.accuracy:.1f}%", f"{100 * c.low:.1f} to {100 * c.high:.1f}%", c.accuracy
        )
        for c in found.grid
    }
    rows = [[cells.get((n, k)) for k in shots] for n in ways]
    about = "Accuracy with its 95% interval for every number of classes and examples."
    columns, names = [f"{k}-shot" for k in shots], [f"{n}-way" for n in ways]
    return svg.grid("One-shot tasks", about, columns, names, rows)


def _det_ends(found: Evaluation) -> tuple[float, float]:
    """The least and greatest rate of the DET's axes: as far as the curve goes inside them."""
    r = found.rates
    high = min(max(0.6, 1.6 * found.eer[0]), 0.95)
    inside = np.concatenate([r.far[r.frr <= high], r.frr[r.far <= high]])
    least = float(inside.min()) if len(inside) else 0.0
    return min(max(least / 1.5, 0.5 / max(r.n_same, r.n_different), 0.0002), 0.05), high


def _distance_axis(found: Evaluation, label: str) -> svg.Axis:
    d = found.scored.distances
    edges = np.histogram_bin_edges(d, 1)
    low = 0.0 if d.min() >= 0 and edges[0] < 0.35 * edges[1] else float(edges[0])
    return svg.linear(label, low, float(edges[1]))


def _threshold_rule(found: Evaluation) -> svg.Rule:
    return svg.Rule(found.threshold, f"threshold {svg.number(found.threshold)}")
