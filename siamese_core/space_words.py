"""The health of a space in words: each figure with what it means, how grave it is, and what to do when it is bad.

Where a figure can be set against plain pixels of the same pictures, that decides; else a rule of thumb of ours, given
beside it. Rules are no theorems: a trained network of few classes and an untrained one both differ from a good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import bootstrap
from siamese_core.findings import count
from siamese_core.space_health import Health
from siamese_core.spectrum import STILL

COLLAPSED = (
    "All embeddings are one point, so this figure says nothing; a network that has collapsed only looks good here."
)
AGAIN = "Train again with a lower learning rate, or another loss."
MANY_COPIES = 0.01  # of the pictures
MOST_SKEWED, MOST_TOP, MOST_ANTI_HUBS = 1.0, 0.03, 0.1  # rules of thumb; skewness alone is also that of near-equal ones


@dataclass(frozen=True)
class Reading:
    """One figure: its name, a title, its value in words, that of plain pixels ("" without), what it means in one
    sentence, what to do ("" where all is well), and the severity (see `findings`)."""

    figure: str
    title: str
    value: str
    pixels: str
    means: str
    do: str
    severity: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict, for --json."""
        return dict(vars(self))


def readings(network: Health, pixels: Health | None, copies: int) -> tuple[Reading, ...]:
    """Every figure of a network beside plain pixels of the same pictures; copies: how many different pictures share
    their embedding with another."""
    return (
        _different(network, copies),
        *(one(network, pixels) for one in (_apart, _confusion, _sphere, _rank, _hubs)),
    )


def interval(network: Health) -> list[float] | None:
    """The 95% interval of the confusion over the classes, as if drawn anew while the others stay; None for fewer than
    ten classes, which do not tell what other classes will do."""
    c = network.confusion
    classes = 0 if c is None else len(np.unique(c.labels[c.asked]))
    if c is None or classes < bootstrap.FEWEST:
        return None
    return list(bootstrap.interval(c.rate, c.deviation(), classes))


def _different(h: Health, copies: int) -> Reading:
    value = f"{h.different:,} of {h.items:,}"
    title = "Different answers"
    if h.collapsed:
        means = (
            f"The embeddings spread by less than {STILL:.2%} of their length: the network gives all pictures the same "
            "answer; it has collapsed."
        )
        return Reading("collapse", title, value, "", means, f"{AGAIN} No other figure means anything.", "problem")
    means = "Every different picture has an embedding of its own: nothing has collapsed onto another."
    if not copies and h.different < h.items:
        means = "Only pictures that are the same share an embedding: nothing has collapsed onto another."
    if copies:
        has = "has" if copies == 1 else "have"
        means = f"{count(copies, 'picture')} {has} the very embedding of another, different picture."
    dead = h.spectrum.dead
    if dead:
        change = "changes" if dead == 1 else "change"
        means = f"{means[:-1]}; {dead} of {count(h.dims, 'number')} in an embedding never {change}."
    do = ""
    if copies > MANY_COPIES * h.items:
        do = (
            "Look at those pictures: blank ones, or details too small for the network's input, are alike to it; if "
            f"they are not, it has partly collapsed. {AGAIN}"
        )
    elif 2 * dead > h.dims:
        do = "Most numbers carry nothing: a smaller embedding would do as well."
    severity = "problem" if copies > 0.1 * h.items else "look" if do else "fine"
    return Reading("collapse", title, value, "", means, do, severity)


def _apart(h: Health, pixels: Health | None) -> Reading:
    title, s = "Same and different", h.apart
    if s is None or np.isnan(s.d_prime):
        return _none("separation", title, h, "two classes, and a class with two pictures")
    d, plain = s.d_prime, pixels.apart.d_prime if pixels and pixels.apart else float("nan")
    nothing, no_better = d < 0.5, d <= plain
    do = "Train longer, with more classes, or with harder negatives (mining)." if nothing or no_better else ""
    if nothing:
        means = "Two pictures of one class are hardly nearer to each other than two of different classes."
    elif no_better:
        means = "Distances within classes and between them overlap no less than those of plain pixels."
    else:
        how = "far" if d >= 3 else "well" if d >= 2 else "a little"
        means = f"Distances within classes and between them lie {how} apart: {_times(d)} their spread."
    return Reading("separation", title, _d(d), _d(plain), means, do, _severity(nothing, bool(do)))


def _times(d: float) -> str:
    return "by far more than" if np.isinf(d) else f"{d:.1f} times"


def _d(value: float) -> str:
    return "" if np.isnan(value) else "d′ without bound" if np.isinf(value) else f"d′ {_minus(value)}"


def _confusion(h: Health, pixels: Health | None) -> Reading:
    title, c = "Nearest neighbours", h.confusion
    if c is None or np.isnan(c.rate):
        return _none("confusion", title, h, "two classes, and a class with two pictures")
    plain = pixels.confusion.rate if pixels and pixels.confusion else float("nan")
    n = h.counts.astype(float)
    chance = 1 - float((n * (n - 1)).sum() / (n.sum() * (n.sum() - 1)))
    nothing = c.rate >= 0.9 * chance
    bad = c.rate > 0.5 or (c.rate > 0.02 and c.rate >= plain)
    between = interval(h)
    range_ = f" (95% interval over classes {between[0]:.1%} to {between[1]:.1%})" if between else ""
    means = (
        f"The nearest neighbour of {c.rate:.1%} of the pictures is of another class{range_}; by chance it would be "
        f"{_share(chance)}, and a tie counts as wrong."
    )
    do = ""
    if nothing or bad:
        do = (
            "Look at the pairs that are mistaken: where people mistake them too, larger pictures help, else longer "
            "training with more classes."
        )
    beside = "" if np.isnan(plain) else f"{plain:.1%} wrong"
    return Reading("confusion", title, f"{c.rate:.1%} wrong", beside, means, do, _severity(nothing, bad))


def _sphere(h: Health, pixels: Health | None) -> Reading:
    title, a = "Alignment and uniformity", h.alignment
    if a is None or h.tight == 0.0:
        return _none("sphere", title, h, "two classes, and a class with two pictures")
    other = pixels.alignment if pixels else None
    loose = a.share >= min(other.share if other else 1.0, 0.8)
    bunched = h.uniformity > 0.5 * h.tight
    nothing = a.share >= 0.95 or h.uniformity > 0.1 * h.tight
    means = (
        f"Scaled to unit length, two pictures of a class lie {a.share:.0%} as far apart (squared) as any two; all of "
        f"them fill the sphere {_filled(h)}."
    )
    do = ""
    if bunched:
        do = "All lie bunched together: a smaller temperature, a larger margin or more classes push them apart."
    elif loose:
        do = "Classes are as loose as plain pixels: train longer, or with more pictures of a class in a batch."
    beside = _on_sphere(other.same, pixels.uniformity) if other and pixels else ""
    return Reading("sphere", title, _on_sphere(a.same, h.uniformity), beside, means, do, _severity(nothing, bool(do)))


def _filled(h: Health) -> str:
    share = h.uniformity / h.tight
    how = "about as evenly as can be" if share >= 0.75 else "fairly evenly" if share >= 0.5 else "unevenly"
    return f"{how} (uniformity {_minus(h.uniformity)}; classes that are points far apart have {_minus(h.tight)})"


def _on_sphere(same: float, uniform: float) -> str:
    return f"{same:.2f} and {_minus(uniform)}"


def _minus(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _share(value: float) -> str:
    return f"{value:.1%}" if 0.99 < value < 1 else f"{value:.0%}"


def _rank(h: Health, pixels: Health | None) -> Reading:
    rank, carry = h.spectrum.effective_rank, h.spectrum.components(0.9)
    title, value = "Directions in use", f"{rank:.3g} of {h.dims}"
    beside = f"{pixels.spectrum.effective_rank:.3g} of {pixels.dims}" if pixels else ""
    if h.collapsed:
        return Reading("rank", title, value, beside, COLLAPSED, AGAIN, "problem")
    few = rank < needed(h)
    means = (
        f"The network uses about {count(max(1, round(rank)), 'direction')} of {h.dims}, and "
        f"{count(carry, 'component')} {'carries' if carry == 1 else 'carry'} 90% of the variance"
    )
    if few:
        means += f": few, for {count(h.classes, 'class')}."
        do = "More classes, a smaller temperature, or a loss that spreads embeddings (supervised contrastive) use more."
    else:
        means += f": enough for {count(h.classes, 'class')}. More is not better, for noise uses all."
        do = ""
    return Reading("rank", title, value, beside, means, do, _severity(few and rank < 1.5, few))


def needed(h: Health) -> float:
    """Our rule of thumb for directions: the root of how many C classes at equal distances span, C - 1 (or of D)."""
    return max(1.0, float(np.sqrt(min(h.dims, h.items - 1, max(1, h.classes - 1)))))


def _hubs(h: Health, pixels: Health | None) -> Reading:
    title, hubs = "Hubs", h.hubs
    if hubs is None:
        return _none("hubs", title, h, "20 pictures")
    bad = (hubs.skewness > MOST_SKEWED and hubs.top > MOST_TOP) or hubs.anti_hubs > MOST_ANTI_HUBS
    means = (
        f"The most popular 1% of the pictures takes {hubs.top:.1%} of all places among the {hubs.k} nearest, and "
        f"{hubs.anti_hubs:.1%} of the pictures are among nobody's."
    )
    do = ""
    if bad:
        do = (
            "Hubs answer searches that they should not: see whether they are blank or blurred; embeddings of unit "
            "length, or cosine distance, have fewer."
        )
    beside = f"skewness {_minus(pixels.hubs.skewness)}" if pixels and pixels.hubs else ""
    return Reading("hubs", title, f"skewness {_minus(hubs.skewness)}", beside, means, do, _severity(False, bad))


def _severity(problem: bool, look: bool) -> str:
    return "problem" if problem else "look" if look else "fine"


def _none(figure: str, title: str, h: Health, needs: str) -> Reading:
    if h.collapsed:
        return Reading(figure, title, "nothing", "", COLLAPSED, AGAIN, "problem")
    return Reading(figure, title, "not measured", "", f"This needs at least {needs}.", "Choose more pictures.", "look")
