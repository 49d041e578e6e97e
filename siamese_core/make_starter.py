"""Train the small model that ships: `make starter` (needs Omniglot in the data root, or the network).

It is an ordinary run, of which only what its uses need is kept, so that it stays far below 5 MB:
settings, best weights, card, curves, and a sample of training embeddings. Ten alphabets are held out,
named below, so that what the model scores on them is honest.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from siamese_core import jobs, presets, runs
from siamese_core.files import write_json

HELD_OUT = (
    "Alphabet_of_the_Magi",
    "Anglo-Saxon_Futhorc",
    "Braille",
    "Grantha",
    "Japanese_(hiragana)",
    "Korean",
    "Latin",
    "Malay_(Jawi_-_Arabic)",
    "Mkhedruli_(Georgian)",
    "N_Ko",
)
KEPT = ("config.json", "best.safetensors", "card.json", "events.jsonl", "reference.safetensors", "train_digests.txt")
LARGEST = 5_000_000  # bytes, all files together


def make(seconds: float, target: Path = runs.STARTER, data_root: Path | None = None) -> Path:
    """Train for so many seconds and put the result at `target`. Raises SystemExit when training fails."""
    config = presets.build("omniglot", "laptop", hold_out=list(HELD_OUT), epochs=400, max_seconds=seconds)
    with tempfile.TemporaryDirectory() as scratch:
        run = jobs.start(config, Path(scratch), data_root, name="omniglot-laptop")
        status = jobs.follow(run, _show)
        if status.state != "finished":
            raise SystemExit(f"The starter was not made: {status.reason or status.state}")
        size = sum((run.folder / name).stat().st_size for name in KEPT)
        if size > LARGEST:
            raise SystemExit(f"The starter would take {size / 1e6:.1f} MB; at most {LARGEST / 1e6:.0f} MB are allowed.")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in KEPT:
            shutil.copy(run.folder / name, target / name)
        write_json(target / "config.json", run.manifest() | {"name": "starter"})
    return target


def _show(events: list[dict[str, object]]) -> None:
    for e in events:
        if e["event"] == "epoch":
            print(f"{e['seconds']:7.0f} s  epoch {e['epoch']}  one-shot {e['one_shot']:.3f}  AUC {e['auc']:.3f}")
        elif e["event"] == "message":
            print(e["text"])


def main(argv: list[str] | None = None) -> int:
    """Entry point; prints the folder that was made."""
    parser = argparse.ArgumentParser(prog="python -m siamese_core.make_starter", description=make.__doc__)
    parser.add_argument("--max-seconds", type=float, default=900.0, help="training time (default: 900)")
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=runs.STARTER)
    args = parser.parse_args(argv)
    print(make(args.max_seconds, args.out, args.data_root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
