"""An evaluation as one printable page that needs nothing else: what one would show to an examiner or a customer.

The figures and curves are those of the Evaluate page; every chart comes with what it says and how to read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from siamese_core import __version__
from siamese_core import report_charts as draw
from siamese_core import report_page as page
from siamese_core import report_sections as sections
from siamese_core.calibration import Calibration
from siamese_core.errors import ConfigError, DataError
from siamese_core.evaluation import Evaluation
from siamese_core.files import write_atomic
from siamese_core.report_sections import Interval, Pictures, count
from siamese_core.runs import Run
from siamese_core.svg import number, percent


class Check(Protocol):
    """What a check found: severity "fine", "look" or "problem", and a plain sentence."""

    @property
    def severity(self) -> str: ...
    @property
    def sentence(self) -> str: ...


@dataclass(frozen=True)
class About:
    """What a report says of the run and the data besides figures; make it with `about`."""

    data: str  # "the test classes of digits"
    novelty: str  # one sentence: whether the network has learnt from this data
    facts: Mapping[str, str] = field(default_factory=dict)


def about(run: Run, weights: str, source: str | None, data_name: str, overlap: Sequence[str]) -> About:
    """The facts of a run measured on its own test classes (`source` None) or on other data.

    weights: their digest; overlap: what `protocols.overlap_warnings` says. Raises RunError as `Run.manifest` does.
    """
    manifest, config = run.manifest(), run.config()
    if overlap:
        novelty = "Not all of this is new to the network: see the warnings."
    elif source is None:
        novelty = "These are classes it has not learnt from."
    else:
        novelty = "None of these items was in its training data."
    own = manifest.get("data", {})
    versions = manifest.get("versions", {})
    facts = {
        "Trained on": f"{own.get('name', config.dataset)}, {len(manifest.get('split', {}).get('train', ())):,} classes",
        "Network": f"{config.encoder}, {config.embedding_size} numbers an input, {config.distance} distance",
        "Trained with": f"{config.loss} loss, seed {config.seed}",
        "Weights": weights,
        "Versions in training": ", ".join(f"{k} {v}" for k, v in versions.items()) or "not known",
    }
    return About(f"the test classes of {data_name}" if source is None else data_name, novelty, facts)


def check(path: Path) -> None:
    """Raises ConfigError for another ending than .html, or when the folder it should go into is not there."""
    if path.suffix.lower() != ".html":
        raise ConfigError(f"A report is written as .html, not as '{path.name}'; change the file's ending.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} to write {path.name} into; make it first.")


def write(path: Path, text: str) -> None:
    """Write a page. Raises ConfigError as `check` does, DataError when the file cannot be written."""
    check(path)
    try:
        write_atomic(path, text.encode("utf-8", "replace"))
    except OSError as e:
        raise DataError(f"{path} cannot be written: {e.strerror or e}.") from None


def html(
    found: Evaluation,
    about: About,
    pictures: Pictures | None = None,
    checks: Sequence[Check] = (),
    calibration: Mapping[str, object] | None = None,
    made_at: str = "",
    *,
    intervals: Mapping[str, Interval] | None = None,
    bands: draw.RateBands | None = None,
    roc_band: draw.RocBand | None = None,
) -> str:
    """The page. Names from users are escaped.

    pictures     gives item i's picture, (H, W) or (H, W, 3) uint8; None: names only
    calibration  names and values, in words; None without one
    intervals    95% intervals by name: accuracy, eer, auc, far, frr, average_precision, recall@1, map_at_r, ece, brier
    bands        intervals of both error rates against the threshold
    roc_band     the interval along ROC and DET; these three are the evaluation's own where they are not given
    """
    intervals = found.intervals if intervals is None else intervals
    bands, roc_band = bands or found.bands, roc_band or found.roc
    title = f"How well {found.run or 'this run'} tells same from different"
    said = [*(("look", w) for w in found.warnings), *((c.severity, c.sentence) for c in checks)]
    return page.page(
        title,
        [
            page.heading(title, verdict(found), measured_on(found, about)),
            page.checks(sorted(said, key=lambda s: {"problem": 0, "fine": 2}.get(s[0], 1))),
            page.figures(sections.headlines(found, intervals)),
            sections.verification(found, bands, roc_band),
            sections.probabilities(found, calibration, intervals),
            sections.mistakes(found, pictures),
            page.beside([sections.search(found, intervals), sections.one_shot(found)]),
            sections.classes(found),
            sections.groups(found),
            page.section("How it was measured", _how(found), page.facts(_facts(found, about, made_at))),
        ],
    )


def calibration_words(found: Calibration | None) -> dict[str, str] | None:
    """How a distance was made a probability, name by value; None without a calibration."""
    if found is None:
        return None
    low, high = (None if edge is None else number(edge) for edge in found.band)
    doubt = f"from {low or 'the smallest distance'} to {high or 'the largest'}"
    return {
        "Fitted on": f"{found.source} ({found.intervals_are_over})",
        "Pairs": f"{found.same_pairs:,} same and {found.different_pairs:,} different",
        "Method": found.method,
        "Threshold": f"{number(found.threshold)} (chosen by: {found.operating_point})",
        "Share of same pairs expected in use": percent(found.prior),
        "Not sure": f"{doubt}: {found.band_rule}",
    }


def verdict(found: Evaluation) -> str:
    """One sentence: how good it is at its threshold."""
    run = found.run or "This run"
    return (
        f"{run} is right about {percent(found.accuracy)} of pairs: with its threshold at {number(found.threshold)} it "
        f"refuses {percent(found.frr)} of the same pairs and accepts {percent(found.far)} of the different ones."
    )


def measured_on(found: Evaluation, about: About) -> str:
    """One sentence or two: the data, its size, and whether the network knew it."""
    n = found.rates
    return (
        f"Measured on {about.data}: {count(len(found.class_names), 'class')}, {count(found.items, 'item')}, "
        f"{n.n_same:,} same and {n.n_different:,} different pairs. {about.novelty}"
    )


def _how(found: Evaluation) -> str:
    own = "The threshold is the run's own, chosen on its validation classes."
    here = (
        "The run has no threshold of its own: this one is where both errors are as frequent on these very pairs, which "
        "flatters it a little."
    )
    return (
        "As many different pairs as same ones, every class alike, and different pairs from within one group where "
        f"there are groups. {own if found.own_threshold else here}"
    )


def _facts(found: Evaluation, about: About, made_at: str) -> dict[str, Any]:
    return {
        "Run": found.run or "–",
        **about.facts,
        "Data": f"{about.data} (digest {found.digest})",
        "Threshold": number(found.threshold),
        "Seed of the pairs and tasks": found.seed,
        "Made": made_at or "–",
        "Made with": f"Siamese Lab {__version__}, numpy {np.__version__}",
    }
