"""The trap of a network whose answer does not depend on the picture: one answer to everything, a few answers only, or
answers that stay what they were when each picture is replaced by noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from siamese_core.findings import Finding, Place
from siamese_core.modalities.image import ImageItems
from siamese_core.types import Embedder, LabelledSet

MOST_LOOKED_AT = 256  # items
STILL = 1e-4  # of the embeddings' length: a spread below which they are one point
FEW = 100  # pairs a distance, from which on most comparisons are ties


def constant_output(data: LabelledSet, embedder: Embedder, part: str, seed: int = 0) -> list[Finding]:
    """Whether the network's answer depends on the picture at all: on up to 256 different items, and on noise."""
    _, once = np.unique(np.array(data.items.digests()), return_index=True)
    rng = np.random.default_rng([seed, 19])
    items = np.sort(rng.permutation(once)[:MOST_LOOKED_AT])
    if len(items) < 3:
        return []
    chosen = data.items.select(items)
    z = embedder.embed(chosen)
    i, j = np.triu_indices(len(items), 1)
    apart = np.asarray(embedder.distances(z[i], z[j]), dtype=np.float64)
    length = float(np.linalg.norm(z, axis=1).mean())
    spread = float(np.sqrt(z.var(axis=0).sum()))
    kinds = len(np.unique(np.round(apart / max(1e-12, float(apart.max())), 6)))
    details = {"items": len(items), "spread": spread / max(1e-12, length), "different_distances": kinds,
               "pairs": len(apart)}  # fmt: skip
    pictures: tuple[tuple[Place, Place], ...] = (((part, int(items[0])), (part, int(items[-1]))),)
    if not np.isfinite(apart).all():
        return [Finding("constant output", "problem",
                        f"The network's distances between {len(items)} different pictures are not all numbers, so they "
                        "say nothing: its output is broken; train it again with a lower learning rate.",
                        {"items": len(items), "pairs": len(apart)}, pictures)]  # fmt: skip
    if spread <= STILL * length or apart.max() <= 1e-9:
        return [Finding("constant output", "problem",
                        f"The network gives nearly the same answer to {len(items)} different pictures, so its "
                        "distances say nothing: it has collapsed; train again with a lower learning rate or another "
                        "loss.",
                        details, pictures)]  # fmt: skip
    if kinds <= max(2, len(apart) // FEW):
        return [Finding("constant output", "problem",
                        f"Among {len(apart):,} pairs of different pictures there are only {kinds} different distances, "
                        "so most comparisons are ties and no threshold can part them; train again with another loss or "
                        "distance.", details, pictures)]  # fmt: skip
    noise = _noise_tells_apart(chosen, embedder, z, apart, (i, j), rng)
    if noise is not None and noise["alike"]:
        return [Finding("constant output", "problem",
                        "The network's distances hardly change when the pictures are replaced by noise, so they do not "
                        "depend on the pictures; its weights are broken or it was never trained: train it again.",
                        details | noise, pictures)]  # fmt: skip
    return [Finding("constant output", "fine",
                    f"The network answers differently to {len(items)} different pictures"
                    f"{'' if noise is None else ', and differently to noise'}: it has not collapsed.",
                    details | (noise or {}))]  # fmt: skip


def _noise_tells_apart(
    items: Any, embedder: Embedder, z: np.ndarray, apart: np.ndarray, at: tuple[np.ndarray, np.ndarray], rng: Any
) -> dict[str, Any] | None:
    """Each picture replaced by noise: whether distances, or embeddings, stay what they were."""
    if not isinstance(items, ImageItems):
        return None
    noise = ImageItems(rng.integers(0, 256, items.pixels.shape).astype(np.uint8), items.spec)
    other = embedder.embed(noise)
    again = np.asarray(embedder.distances(other[at[0]], other[at[1]]), dtype=np.float64)
    usual = float(np.median(apart))
    change = float(np.median(np.asarray(embedder.distances(z, other), dtype=np.float64))) / max(1e-12, usual)
    kept = 0.0
    if apart.std() > 0 and again.std() > 0:
        kept = float(np.corrcoef(apart, again)[0, 1])
    return {"moved_by_noise": change, "distances_kept": kept, "alike": bool(kept > 0.95 or change < 0.05)}
