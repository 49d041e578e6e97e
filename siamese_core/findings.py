"""What a check of a run found: one value a finding, told in words for a student, with the pictures to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("fine", "look", "problem")  # rising
PART_WORDS = {"train": "training", "validation": "validation", "test": "test", "given": "given"}

Place = tuple[str, int]  # the part's name and the item's index in it


@dataclass(frozen=True)
class Finding:
    """One answer of a check.

    kind      which question: "classes", "groups", "makers", "duplicates", "near copies", ...
    severity  "fine", "look" (worth a look: it may be as it should) or "problem" (figures cannot be trusted)
    sentence  what was found, why it matters and what to do, in plain words
    details   the numbers, plain JSON values
    pictures  pairs of places to be shown side by side
    """

    kind: str
    severity: str
    sentence: str
    details: dict[str, Any] = field(default_factory=dict)
    pictures: tuple[tuple[Place, Place], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A plain dict, for --json."""
        pictures = [[{"part": part, "item": item} for part, item in pair] for pair in self.pictures]
        return {"kind": self.kind, "severity": self.severity, "sentence": self.sentence, "details": self.details,
                "pictures": pictures}  # fmt: skip


def worst(findings: tuple[Finding, ...]) -> str:
    """The gravest severity among findings; "fine" where there is none."""
    return max((f.severity for f in findings), key=SEVERITIES.index, default="fine")


def count(number: int, noun: str) -> str:
    """1 -> '1 class', 2,000 -> '2,000 classes'."""
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"
