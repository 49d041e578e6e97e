"""Mistakes that a person can mend. The text of each is one clear sentence for that person.

Anything else that is raised is a bug. The command line turns these into one line and exit code 2,
the pages into one notice.
"""

from __future__ import annotations


class SiameseError(Exception):
    """Base of all mistakes a user can mend; `str(error)` says what was wrong and what to do."""


class DataError(SiameseError):
    """A picture, archive, folder or data set that cannot be used."""


class ConfigError(SiameseError):
    """Settings that cannot be used; `problems` holds every one of them in plain words."""

    def __init__(self, problems: str | list[str] | tuple[str, ...]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(" ".join(self.problems))


class RunError(SiameseError):
    """A run folder that is missing, incomplete or of another version."""


class DeviceError(SiameseError):
    """The chosen device cannot be used."""
