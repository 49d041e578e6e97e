"""The command line: a thin shell over the same functions that the pages use.

Results go to standard output (`--json`: one JSON object and nothing else), progress and messages to
standard error. Exit codes: 0 done, 1 something failed, 2 a mistake that the user can mend (one line, no
traceback), 130 interrupted. What is slow to import is imported inside the commands.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from siamese_core.cli.output import say
from siamese_core.cli.parser import build
from siamese_core.errors import SiameseError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Unexpected errors are bugs and keep their traceback."""
    try:
        args = build().parse_args(argv)
        code: int = args.handler(args)
        sys.stdout.flush()
        return code
    except SystemExit as e:  # argparse: --help, or a mistake that it has told already
        return e.code if isinstance(e.code, int) else 0 if e.code is None else 2
    except SiameseError as e:
        say(str(e))
        return 2
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
