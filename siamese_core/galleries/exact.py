"""The exact engine: every embedding is looked at, in memory.

With L2, |g|^2 - 2 q.g is one matrix product; its smallest values, and all that rounding might have put in their place,
are handed back as candidates. So the k nearest by the run's own distance are always among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from siamese_core.galleries.spaces import EPSILON, Space

BLOCK = 2**24  # values held at once


class Exact:
    """(N, D) embeddings in a space, all but the removed `gone` (R,) rows. Threads may share it. Vectors that can
    be written to are not copied and must not be changed.

    matrix: the run's own (Q, D), (G, D) -> (Q, G) distances, used where there is no space.
    """

    def __init__(
        self,
        space: Space,
        vectors: np.ndarray,
        gone: np.ndarray,
        matrix: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> None:
        import torch

        self._metric = space.metric
        self._matrix = matrix
        own = vectors.dtype == np.float32 and vectors.flags.writeable and vectors.flags.c_contiguous
        self._x = torch.from_numpy(vectors if own else np.array(vectors, dtype=np.float32))
        self._gone = torch.from_numpy(np.asarray(gone, dtype=np.int64))
        extents = extent(space.metric, self._x.numpy())
        self._squares = torch.from_numpy(extents) if self._metric == "l2" else None
        self._largest = float(extents.max(initial=0.0))

    def __len__(self) -> int:
        return len(self._x)

    def candidates(self, queries: np.ndarray, k: int) -> list[np.ndarray]:
        """(Q, D) in the space -> for each the rows, in order, among which its k nearest are."""
        import torch

        k = min(k, len(self._x) - len(self._gone))
        if k < 1:
            return [np.empty(0, dtype=np.int64)] * len(queries)
        found: list[np.ndarray] = []
        step = max(1, BLOCK // len(self._x))
        with torch.inference_mode():
            for begin in range(0, len(queries), step):
                q = torch.from_numpy(np.ascontiguousarray(queries[begin : begin + step]))
                scores = self._scores(q)
                last = torch.topk(scores, k, dim=1, largest=False, sorted=False).values.amax(1)
                sizes = extent(self._metric, q.numpy()) + self._largest
                error = torch.tensor([rounding(self._metric, q.shape[1], float(size)) for size in sizes])
                near = scores <= (last + error)[:, None]
                found += [torch.nonzero(row)[:, 0].numpy() for row in near]
        return found

    def _scores(self, q: Any) -> Any:
        """(Q, D) -> (Q, N): the metric, less what is the same for all of a query; removed rows are infinitely far."""
        import torch

        if self._squares is not None and len(q) == 1:  # numpy's product with one vector is the quicker
            scores = torch.from_numpy(self._squares.numpy() - 2 * (self._x.numpy() @ q[0].numpy()))[None]
        elif self._squares is not None:
            scores = torch.addmm(self._squares, q, self._x.T, alpha=-2)
        elif self._metric == "l1":
            scores = torch.cdist(q, self._x, p=1.0)
        else:
            scores = torch.from_numpy(np.array(self._matrix(q.numpy(), self._x.numpy()), dtype=np.float32))
        scores[:, self._gone] = torch.inf
        return scores


def extent(metric: str, x: np.ndarray) -> np.ndarray:
    """(N, D) in a space -> (N,) how large each is, in the metric: |x|^2 with L2, the sum of |x_j| otherwise."""
    return np.einsum("ij,ij->i", x, x) if metric == "l2" else np.abs(x).sum(1)


def rounding(metric: str, size: int, largest: float) -> float:
    """By how much rounding can move a score of two vectors of `size` numbers, or a distance of the run, at most;
    `largest` is the sum of their extents."""
    if not metric:  # the run's own distance, whose weights are not known here
        return 1e-4 * (1.0 + largest)
    return 4 * EPSILON * size * largest
