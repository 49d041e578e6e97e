"""Train the small model that ships: `make starter` (needs Omniglot in the data root, or the network).

It is an ordinary run, of which only what its uses need is kept, so that it stays far below 5 MB:
settings, best weights, card, curves, and a sample of training embeddings. Ten alphabets are held out,
named below, so that what the model scores on them is honest. Its threshold and probabilities come from networks of
folds: two validation alphabets are too few to tell how the next one will do.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from siamese_core import cross_fit, jobs, presets, runs
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


def make(epochs: int, folds: int, target: Path = runs.STARTER, data_root: Path | None = None) -> Path:
    """Train for so many epochs, calibrate by so many folds and put the result at `target`. Raises SystemExit when
    training fails, RunError or DataError when a fold does."""
    config = presets.build("omniglot", "laptop", hold_out=list(HELD_OUT), epochs=epochs, max_seconds=0.0)
    with tempfile.TemporaryDirectory() as scratch:
        run = jobs.start(config, Path(scratch), data_root, name="omniglot-laptop")
        status = jobs.follow(run, _show)
        if status.state != "finished":
            raise SystemExit(f"The starter was not made: {status.reason or status.state}")
        cross_fit.of_run(run, folds, Path(scratch), config.device, data_root, _Told())
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


class _Told:
    """Says each new thing once."""

    last = ""

    def __call__(self, text: str, share: float) -> None:
        if text != self.last:
            print(text)
        self.last = text


def main(argv: list[str] | None = None) -> int:
    """Entry point; prints the folder that was made."""
    parser = argparse.ArgumentParser(prog="python -m siamese_core.make_starter", description=make.__doc__)
    parser.add_argument("--epochs", type=int, default=50, help="of 50 batches each (default: 50)")
    parser.add_argument("--folds", type=int, default=4, help="networks that its calibration is made by (default: 4)")
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=runs.STARTER)
    args = parser.parse_args(argv)
    print(make(args.epochs, args.folds, args.out, args.data_root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
