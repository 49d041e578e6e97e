"""Who is who, as far as labelled pairs tell: a table of pairs names pictures, not people.

Pictures that "same" pairs join, over any number of steps, are one identity: the connected components of the graph whose
edges are the same pairs (scipy's `connected_components`). A picture in no same pair is an identity of its own. So the
labels can only split a person into several identities, never join two, unless a label is wrong: then a "different"
pair lies within one identity, which contradicts the labels and is told.
"""

from __future__ import annotations

import numpy as np


def identities(first: np.ndarray, second: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(N,) int64: the identity of each picture, numbered from 0.

    first, second (P,) int64: the pictures of each pair, 0..N-1 all named; same (P,) bool.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    edges = coo_array((np.ones(int(same.sum()), np.int8), (first[same], second[same])), shape=(n, n))
    _, found = connected_components(edges, directed=False)
    return np.asarray(found, dtype=np.int64)


def first_of_each(first: np.ndarray, second: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(P,) bool: not the repetition of an earlier pair with the same label, whichever way round."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    n = int(high.max(initial=-1)) + 1
    _, at = np.unique(2 * (low * n + high) + same, return_index=True)
    kept = np.zeros(len(first), dtype=bool)
    kept[at] = True
    return kept
