"""`python -m siamese_core COMMAND`: see siamese_core/cli."""

from __future__ import annotations

import sys

from siamese_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
