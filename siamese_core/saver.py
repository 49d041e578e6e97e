"""When a training's results are written, and what happens when they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from siamese_core import checkpoint, snapshots
from siamese_core.files import DISK_FULL, write_json
from siamese_core.prepare import Prepared
from siamese_core.training import Trainer


class Saver:
    """Saves after every epoch. A failed save is told and tried again; only the last one decides."""

    def __init__(
        self, folder: Path, tell: Callable[[str], None], trainer: Trainer, data: Prepared, facts: dict[str, Any]
    ) -> None:
        self.folder, self.tell, self.trainer, self.data, self.facts = folder, tell, trainer, data, facts
        self.watched = snapshots.choose(data, trainer.config)
        self.problem = ""
        self.unsaved_best: tuple[dict[str, Any], dict[str, Any]] | None = None

    def beginning(self) -> None:
        """The snapshot of the network before it learns."""
        self._try(self._save_snapshot)

    def epoch(self, found: dict[str, Any], is_best: bool) -> None:
        """Best weights and card first, then what resuming needs: a crash in between repeats an epoch."""
        t = self.trainer
        weights = t.weights()
        if is_best:
            training = self.facts | {"seconds": round(t.seconds, 1), "steps": t.step, "epoch": max(1, t.epoch)}
            unseen = not t.config.all_classes
            self.unsaved_best = weights, checkpoint.card(found, t.probe.same, training, self.data.about, "", unseen)
        self._try(lambda: self._save_epoch(weights))

    def state(self) -> None:
        """The state as it is now, for resuming, the last weights, and a best that could not be saved before."""
        self._try(lambda: self._save(self.trainer.weights()))

    def _save_epoch(self, weights: dict[str, Any]) -> None:
        self._save(weights)
        self._save_snapshot()

    def _save_snapshot(self) -> None:
        t = self.trainer
        if snapshots.wanted(t.epoch_begun, t.config.epochs):
            snapshots.save(self.folder, t.epoch_begun, self.watched, t.embed)

    def _save(self, weights: dict[str, Any]) -> None:
        if self.unsaved_best is not None:
            best, card = self.unsaved_best
            card["weights"]["best"] = checkpoint.save_weights(self.folder / "best.safetensors", best)
            write_json(self.folder / "card.json", card)
            self.unsaved_best = None
        checkpoint.save_weights(self.folder / "last.safetensors", weights)
        checkpoint.save_state(self.folder, *self.trainer.state())

    def _try(self, save: Callable[[], None]) -> None:
        try:
            save()
            self.problem = ""
        except OSError as e:
            self.problem = (
                DISK_FULL
                if e.errno == 28
                else f"The checkpoint could not be written ({e.strerror or e}); mend that, then resume the run."
            )
            self.tell(self.problem)
