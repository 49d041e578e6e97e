"""The training loop: settings and data in, events out. It knows nothing of files, processes or pages.

    trainer = Trainer(config, spec, train, validation, device)
    outcome = trainer.run(emit, should_stop, on_epoch)

Two inputs, one encoder with shared weights (Bromley et al. 1993), a distance, a loss. Explicit pairs
and triplets are encoded in one batch; a batch of classes is encoded once and all of its pairs are used.
Data stays on the device as uint8; one fused warp augments each batch. What is evaluated and saved is a
running average of the weights (Polyak and Juditsky 1992) when `average` is above 0.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from siamese_core import augment, distances, encoders, losses, probe, samplers
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, SiameseError
from siamese_core.types import Batch, InputSpec, LabelBatch, LabelledSet, PairBatch

Emit = Callable[[dict[str, Any]], None]
WARMUP = 0.05  # part of the run in which the learning rate rises
STEP_EVENTS_EVERY = 0.25  # seconds between two step events


class NotANumber(SiameseError):
    """The loss is NaN or infinite."""


def batch_indices(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Every item of a batch in the order in which it is encoded, and its copy number: (M,), (M,)."""
    if isinstance(batch, PairBatch):
        return np.concatenate([batch.first, batch.second]), np.tile(batch.copies, 2)
    if isinstance(batch, LabelBatch):
        return batch.indices, batch.copies
    return np.concatenate([batch.anchor, batch.positive, batch.negative]), np.tile(batch.copies, 3)


def loss_of(loss: nn.Module, z: Tensor, batch: Batch) -> Tensor:
    """The loss of a batch whose items were encoded in the order of `batch_indices`: (M, D) -> scalar."""
    if isinstance(batch, PairBatch):
        a, b = z.chunk(2)
        return loss.on_pairs(a, b, torch.as_tensor(batch.same, device=z.device))  # type: ignore[operator]
    if isinstance(batch, LabelBatch):
        return loss.on_classes(z, torch.as_tensor(batch.labels, device=z.device))  # type: ignore[operator]
    a, p, n = z.chunk(3)
    return loss.on_triplets(a, p, n)  # type: ignore[operator]


class Trainer:
    """One training: build, optionally `restore`, then `run`.

    Raises ConfigError or DataError in plain words when the data cannot feed the settings.
    """

    def __init__(
        self,
        config: TrainConfig,
        spec: InputSpec,
        train: LabelledSet,
        validation: LabelledSet,
        device: str,
        encoder_weights: dict[str, Tensor] | None = None,
    ) -> None:
        config.check()
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.encoder: nn.Module = encoders.build(config, spec).to(device)
        if encoder_weights is not None:
            self._begin_with(encoder_weights)
        self.distance: nn.Module = distances.build(config.distance, config.embedding_size).to(device)
        self.loss: nn.Module = losses.build(config, self.distance).to(device)
        self.model = nn.ModuleDict({"encoder": self.encoder, "distance": self.distance})
        self.average = encoders.build(config, spec).to(device).requires_grad_(False).eval()
        self.average_distance = distances.build(config.distance, config.embedding_size).to(device).requires_grad_(False)
        self._copy_to_average(1.0)
        self.train_table = train.items.resident(device)
        self.validation_table = validation.items.resident(device)
        self.rng = np.random.default_rng(config.seed)
        self.sampler = samplers.build(config, train.labels, train.class_groups, train.makers, self.rng)
        self.augment = augment.build(config, spec)
        self.generator = torch.Generator(device="cpu" if device == "mps" else device).manual_seed(config.seed)
        self.probe = probe.make(validation, config)
        self.optimiser = torch.optim.AdamW(self._parameter_groups(), lr=config.learning_rate)
        per_step = len(batch_indices(self._first_batch())[0])
        self.steps_per_epoch = config.steps_per_epoch or max(1, math.ceil(len(train) / per_step))
        self.step, self.seconds, self.images = 0, 0.0, 0
        self.best: tuple[float, float] = (-1.0, -1.0)

    def _begin_with(self, weights: dict[str, Tensor]) -> None:
        try:
            self.encoder.load_state_dict(weights)
        except RuntimeError:
            raise ConfigError(
                "The weights to start from are another network's (pictures of another size or in colour); "
                "start from 'nothing'."
            ) from None

    # ---- state, for checkpoints ----

    def weights(self) -> dict[str, Tensor]:
        """The weights to use (averaged when `average` > 0), on the CPU: 'encoder.*' and 'distance.*'."""
        e, d = (self.average, self.average_distance) if self.config.average else (self.encoder, self.distance)
        both = {"encoder": e.state_dict(), "distance": d.state_dict()}
        return {f"{k}.{n}": t.detach().cpu().contiguous().clone() for k, s in both.items() for n, t in s.items()}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on exactly here: tensors, and plain JSON values."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= {f"average_distance.{k}": v for k, v in self.average_distance.state_dict().items()}
        for i, per_parameter in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{k}": torch.as_tensor(v) for k, v in per_parameter.items()}
        tensors["generator"] = self.generator.get_state()
        values = {
            "step": self.step,
            "seconds": self.seconds,
            "images": self.images,
            "best": list(self.best),
            "rng": self.rng.bit_generator.state,
        }
        return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, values

    def restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """The inverse of `state`. Raises KeyError or RuntimeError when it is another network's."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.load_state_dict(part("model."))
        self.average.load_state_dict(part("average."))
        self.average_distance.load_state_dict(part("average_distance."))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimiser.").items():
            index, name = key.split(".", 1)
            moments.setdefault(int(index), {})[name] = value
        whole = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
        self.generator.set_state(tensors["generator"])
        self.rng.bit_generator.state = values["rng"]
        self.step, self.seconds, self.images = values["step"], values["seconds"], values["images"]
        self.best = (values["best"][0], values["best"][1])

    # ---- the loop ----

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.steps_per_epoch

    @property
    def epoch_begun(self) -> int:
        """The epoch that the last step was of, from 1; 0 before the first. Events and snapshots are numbered by it."""
        return math.ceil(self.step / self.steps_per_epoch)

    def embed(self, part: str, indices: np.ndarray) -> np.ndarray:
        """Embeddings of (M,) items of the part "train" or "validation" by the weights to use: (M, D) float32."""
        table = {"train": self.train_table, "validation": self.validation_table}[part]
        encoder = self.average if self.config.average else self.encoder
        return probe.embed(encoder, table.batch, indices).float().cpu().numpy()

    def run(
        self,
        emit: Emit,
        should_stop: Callable[[], bool],
        on_epoch: Callable[[dict[str, Any], bool], None],
    ) -> str:
        """Train until done or asked to stop; 'finished' or 'stopped'.

        `on_epoch(metrics, is_best)` is called after each look at the validation classes, and may save.
        Raises NotANumber when the loss is no longer a number; the weights of the last epoch stand.
        """
        began, before = time.monotonic(), self.seconds
        total, shown = self.config.epochs * self.steps_per_epoch, 0.0
        losses_seen: list[Tensor] = []
        while self.step < total and not self._out_of_time():
            if should_stop():
                if self.best[0] < 0 and self.step:
                    self._look(emit, on_epoch, losses_seen)
                return "stopped"
            losses_seen.append(self._one_step())
            self.seconds = before + time.monotonic() - began
            if self.seconds - shown >= STEP_EVENTS_EVERY or self.step == 1:
                shown = self.seconds
                emit(self._event("step", loss=self._checked(losses_seen[-1])))
            if self.step % self.steps_per_epoch == 0 or self.step == total or self._out_of_time():
                self._look(emit, on_epoch, losses_seen)
                losses_seen = []
                self.seconds = before + time.monotonic() - began
        return "finished"

    def _out_of_time(self) -> bool:
        return 0 < self.config.max_seconds <= self.seconds

    def progress(self) -> float:
        """How much of the run is done, 0 to 1, by steps or by time, whichever is further."""
        by_steps = self.step / (self.config.epochs * self.steps_per_epoch)
        by_time = self.seconds / self.config.max_seconds if self.config.max_seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def learning_rate(self) -> float:
        """Linear rise over the first 5% of the run, then half a cosine down to zero."""
        done = self.progress()
        rise = min(1.0, (done + 1e-3) / WARMUP)
        return self.config.learning_rate * rise * (0.5 * (1 + math.cos(math.pi * done)) + 1e-3)

    def _one_step(self) -> Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        batch = self.sampler.next()
        z = self.encoder(self.inputs(batch))
        loss = loss_of(self.loss, z, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        self.images += len(z)
        if self.config.average:
            self._copy_to_average(1 - min(self.config.average, (1 + self.step) / (10 + self.step)))
        return loss.detach()

    def speed(self, steps: int = 3) -> tuple[float, float]:
        """Seconds for each picture of a training step, and for one look at the validation classes.

        Measured over a few steps after one to warm up; the weights are changed by it.
        """
        float(self._one_step())
        began, before = time.perf_counter(), self.images
        for _ in range(steps):
            float(self._one_step())  # waits for the device
        trained = time.perf_counter()
        self._look(lambda event: None, lambda found, best: None, [])
        return (trained - began) / (self.images - before), time.perf_counter() - trained

    def inputs(self, batch: Batch) -> Tensor:
        """The augmented network input of a batch: (M, C, H, W) in the order of `batch_indices`."""
        indices, copies = batch_indices(batch)
        x = self.train_table.batch(torch.as_tensor(indices, device=self.device))
        return self.augment(x, torch.as_tensor(copies, device=self.device), self.generator)

    def _look(self, emit: Emit, on_epoch: Callable[[dict[str, Any], bool], None], losses_seen: list[Tensor]) -> None:
        mean = self._checked(torch.stack(losses_seen).mean()) if losses_seen else None
        encoder, distance = (
            (self.average, self.average_distance) if self.config.average else (self.encoder, self.distance)
        )
        z = probe.embed(encoder, self.validation_table.batch, self.probe.indices)
        found = probe.measure(self.probe, z, distance, self.loss)
        score = (found["one_shot"], found["auc"])
        is_best = score > self.best or self.config.all_classes  # what it learns from cannot choose: the last is taken
        self.best = max(self.best, score)
        public = {k: v for k, v in found.items() if k != "distances"}
        bins = probe.histogram(found["distances"], self.probe.same)
        emit(self._event("epoch", loss=mean, best=is_best, histogram=bins, **public))
        on_epoch(found | {"embeddings": z.float().cpu().numpy()}, is_best)

    def _event(self, kind: str, **more: Any) -> dict[str, Any]:
        return {
            "event": kind,
            "step": self.step,
            "epoch": self.epoch_begun,
            "epochs": self.config.epochs,
            "seconds": round(self.seconds, 3),
            "progress": round(self.progress(), 4),
            "learning_rate": self.learning_rate(),
            "images_per_second": round(self.images / max(self.seconds, 1e-6), 1),
        } | more

    def _checked(self, loss: Tensor) -> float:
        value = float(loss)
        if not math.isfinite(value):
            raise NotANumber(
                f"The loss was no longer a number at step {self.step}; lower the learning rate and start again "
                "(the weights of the last good epoch are kept)."
            )
        return value

    def _copy_to_average(self, share: float) -> None:
        with torch.no_grad():
            for mean, now in ((self.average, self.encoder), (self.average_distance, self.distance)):
                a: list[Tensor] = list(mean.parameters())
                b: list[Tensor] = [p.detach() for p in now.parameters()]
                if a:
                    torch._foreach_lerp_(a, b, share)
                for x, y in zip(mean.buffers(), now.buffers(), strict=True):
                    x.copy_(y)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        parameters = [p for m in (self.model, self.loss) for p in m.parameters()]
        unique = list({id(p): p for p in parameters if p.requires_grad}.values())
        decay = [p for p in unique if p.ndim > 1]
        rest = [p for p in unique if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": self.config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        return [g for g in groups if g["params"]]

    def _first_batch(self) -> Batch:
        before = self.rng.bit_generator.state
        batch = self.sampler.next()
        self.rng.bit_generator.state = before
        return batch
