"""The sections of a report, each with a sentence of what it says: an evaluation in, a piece of the page out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from siamese_core import curves, evaluation
from siamese_core import report_charts as draw
from siamese_core import report_page as page
from siamese_core.evaluation import Evaluation, Part
from siamese_core.svg import number, percent

WORST_CLASSES = 15
MOST_GROUPS = 60

Pictures = Callable[[int], np.ndarray]
Interval = tuple[float, float]


def headlines(found: Evaluation, intervals: Mapping[str, Interval]) -> list[tuple[str, str, str]]:
    """(name, value, its interval or what it means)."""

    def row(key: str, name: str, value: float, meaning: str, rate: bool = True) -> tuple[str, str, str]:
        write = percent if rate else "{:.3f}".format
        between = intervals.get(key)
        said = f"95% interval {write(between[0])} to {write(between[1])}\n" if between else ""
        return name, write(value), said + meaning

    rows = [
        row("accuracy", "Accuracy", found.accuracy, "both kinds of pairs count alike"),
        row("eer", "Equal error rate", found.eer[0], "where both errors are as frequent"),
        row("auc", "Area under ROC", found.auc, "1 is perfect, 0.5 is guessing", rate=False),
        row("far", "False accepts (FAR)", found.far, "different, but accepted"),
        row("frr", "False rejects (FRR)", found.frr, "the same, but refused"),
    ]
    if found.search is not None and found.search.recall:
        k, recall = found.search.recall[0]
        rows.append(row(f"recall@{k}", f"Recall@{k}", recall, "the nearest item is of its class"))
    if found.grid:
        c = max((c for c in found.grid if c.k_shot == 1), key=lambda c: c.n_way, default=found.grid[-1])
        below = f"95% interval {percent(c.low)} to {percent(c.high)}\nchance {percent(1 / c.n_way)}"
        rows.append((f"{c.n_way}-way {c.k_shot}-shot", percent(c.accuracy), below))
    if found.probability is not None:
        off = curves.ece(found.probability, found.scored.same)
        rows.append(row("ece", "Calibration error", off, "how far probabilities are off"))
    if len(rows) < 8:
        value = curves.average_precision(found.rates)
        rows.insert(3, row("average_precision", "Average precision", value, "over all thresholds", rate=False))
    return rows


def verification(found: Evaluation, bands: draw.RateBands | None, roc_band: draw.RocBand | None) -> str:
    """Same or different: the charts."""
    d, same = found.scored.distances, found.scored.same
    near, far = (number(float(np.median(d[k]))) for k in (same, ~same))
    drawn = [
        page.chart(
            "Distances",
            f"Half of the same pairs lie within {near}, half of the different ones within {far}.",
            "The less the two colours overlap, the better; left of the threshold a pair is accepted.",
            draw.histogram(found),
        ),
        page.chart(
            "Errors against the threshold",
            f"At {number(found.threshold)}: {percent(found.far)} false accepts, {percent(found.frr)} false rejects.",
            "Moving the threshold to the left gives fewer false accepts and more false rejects."
            + (" The bands are 95% intervals." if bands is not None else ""),
            draw.rates(found, bands),
        ),
        page.chart(
            "ROC",
            f"A same pair is nearer than a different one in {percent(found.auc)} of cases.",
            "Up and to the left is better; the curve holds every threshold there could be.",
            draw.roc(found, roc_band),
        ),
        page.chart(
            "DET",
            f"Both errors are as frequent at {percent(found.eer[0])}.",
            "The same errors on axes that spread out small rates; nearer to the lower left is better.",
            draw.det(found, roc_band),
        ),
        page.chart(
            "Precision and recall",
            f"Average precision is {curves.average_precision(found.rates):.3f}.",
            "How often “same” is right, as more of the same pairs are found; higher is better.",
            draw.precision_recall(found),
        ),
        page.chart(
            "Right and wrong at the threshold",
            _confusion_words(found),
            "Rows are what is true, columns what the run says; percentages are of the row.",
            draw.confusion(found),
        ),
    ]
    lead = "Two items, one distance: is it small enough to call them the same?"
    return page.section("Same or different", lead, page.charts(drawn))


def probabilities(
    found: Evaluation, calibration: Mapping[str, object] | None, intervals: Mapping[str, Interval]
) -> str:
    """Whether probabilities can be taken at their word, and how a distance was made one."""
    parts = []
    if found.probability is not None:
        p, same = found.probability, found.scored.same
        between = f" (95% interval {_between(intervals['ece'])})" if "ece" in intervals else ""
        says = f"Probabilities are off by {percent(curves.ece(p, same))} on average{between}; "
        says += f"the Brier score is {curves.brier(p, same):.3f} (0 is perfect)."
        how = "Of the pairs given 80%, 80% should be the same: on the diagonal it is as good as its word."
        parts.append(page.chart("Reliability", says, how, draw.reliability(found)))
    if calibration:
        parts.append(page.named("How a distance was made a probability", page.facts(calibration)))
    lead = "How sure is it, and can one believe that?"
    return page.section("Calibration", lead, page.charts(parts) if parts else "")


def _confusion_words(found: Evaluation) -> str:
    n = curves.confusion(found.scored, found.threshold)
    wrong = n["accepted_different"] + n["refused_same"]
    return f"{wrong:,} of {len(found.scored):,} pairs are judged wrongly."


def mistakes(found: Evaluation, pictures: Pictures | None) -> str:
    """The worst pairs of both kinds as pictures."""
    impostors, genuines = evaluation.worst(found)
    parts = []
    for title, places, mistake, right in (
        ("Different, but most alike to the network", impostors, "accepted: wrong", "refused: right"),
        ("The same, but most unlike to the network", genuines, "refused: wrong", "accepted: right"),
    ):
        wrong = (found.scored.distances[places] <= found.threshold) != found.scored.same[places]
        shown = [_pair(found, int(p), pictures, mistake if w else right) for p, w in zip(places, wrong, strict=True)]
        parts.append(f"<h3>{page.words(title)}</h3>{page.pairs(shown)}" if shown else "")
    lead = f"The pairs that the network gets most wrong; distances up to {number(found.threshold)} are accepted."
    return page.section("The worst mistakes", lead, "".join(parts))


def _pair(found: Evaluation, place: int, pictures: Pictures | None, said: str) -> str:
    s = found.scored
    if s.first is None or s.second is None:
        names = tuple(found.class_names[int(of[place])] for of in (s.first_identity, s.second_identity))
        sides: list[np.ndarray | None] = [None, None]
    else:
        items = int(s.first[place]), int(s.second[place])
        names = tuple(found.class_names[int(found.labels[i])] for i in items)
        sides = [None if pictures is None else pictures(i) for i in items]
    return page.pair(sides[0], sides[1], (names[0], names[1]), f"distance {number(float(s.distances[place]))}, {said}")


def search(found: Evaluation, intervals: Mapping[str, Interval]) -> str:
    """Recall@k and MAP@R."""
    if found.search is None:
        return ""
    names = {f"Recall@{k}": (f"recall@{k}", v) for k, v in found.search.recall}
    names["MAP@R"] = ("map_at_r", found.search.map_at_r)
    rows: list[tuple[str | float, ...]] = [(name, value) for name, (_, value) in names.items()]
    columns: tuple[str, ...] = ("Measure", "Value")
    if any(key in intervals for key, _ in names.values()):
        columns = (*columns, "95% interval")
        rows = [(*row, _between(intervals.get(key))) for row, (key, _) in zip(rows, names.values(), strict=True)]
    lead = (
        f"Each of {count(found.search.queries, 'item')} asks for its nearest others. Recall@k: one of its class is "
        "among the k nearest. MAP@R: how purely its class fills the first places."
    )
    return page.section("Search", lead, page.table("Search", columns, rows))


def one_shot(found: Evaluation) -> str:
    """The grid of N-way K-shot tasks."""
    if not found.grid:
        return ""
    best, worst = (pick(found.grid, key=lambda c: c.accuracy) for pick in (max, min))
    lead = (
        f"Naming an item from K examples of each of N classes (N-way, K-shot): from {percent(worst.accuracy)} "
        f"({worst.n_way}-way {worst.k_shot}-shot) to {percent(best.accuracy)} ({best.n_way}-way {best.k_shot}-shot). "
        f"Below each accuracy stands its 95% interval over {found.grid[0].episodes:,} random tasks."
    )
    return page.section("One-shot tasks", lead, f"<figure>{draw.one_shot(found)}</figure>")


def classes(found: Evaluation) -> str:
    """The worst classes."""
    parts = sorted(found.classes, key=_error, reverse=True)[:WORST_CLASSES]
    few = len(found.classes) > len(parts)
    lead = f"The {len(parts)} worst of {len(found.classes):,} classes" if few else "All classes, the worst first"
    return page.section("Class by class", f"{lead}; orange bars are errors.", _rows("Classes", parts))


def groups(found: Evaluation) -> str:
    """The worst groups; nothing where there are none."""
    parts = sorted(found.groups, key=_error, reverse=True)[:MOST_GROUPS]
    few = len(found.groups) > len(parts)
    lead = (
        f"The {len(parts)} worst of {len(found.groups):,} groups" if few else "All groups of classes, the worst first"
    )
    return page.section("Group by group", f"{lead}.", _rows("Groups", parts) if parts else "")


def _rows(name: str, parts: Sequence[Part]) -> str:
    columns = ("Name", "Items", "Same pairs", "Different pairs", "Same, refused (FRR)", "Different, accepted (FAR)",
               "Recall@1")  # fmt: skip
    return page.table(
        name,
        columns,
        [
            (p.name, f"{p.items:,}", f"{p.same_pairs:,}", f"{p.different_pairs:,}", p.frr, p.far, p.recall)
            for p in parts
        ],
        errors=(4, 5),
    )


def _error(part: Part) -> float:
    """The mean of the error rates that there are."""
    rates = [r for r in (part.far, part.frr) if r is not None]
    return sum(rates) / len(rates) if rates else -1.0


def _between(interval: Interval | None) -> str:
    return "–" if interval is None else f"{percent(interval[0])} to {percent(interval[1])}"


def count(amount: int, noun: str) -> str:
    """1 -> '1 class', 2,000 -> '2,000 classes'."""
    return f"{amount:,} {noun}{'' if amount == 1 else 'es' if noun.endswith('s') else 's'}"
