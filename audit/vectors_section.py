"""The part of the record that says whether the user vectors are healthy."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from audit.scoring import Vectors

NEIGHBOURS = 10

_MIN_USERS = NEIGHBOURS + 1


def vectors_section(vectors: Vectors) -> dict[str, Any]:
    """How many dimensions are in use, and whether users keep their neighbours.

    Users without any known word all have the vector of an empty history and are left out: they
    would be each other's nearest neighbours.

    Args:
        vectors: Of the probe users.

    Returns:
        `dimension`, `probes` (with a known word), `wordless` (the others), `rank_me`,
        `participation_ratio`, `neighbour_overlap`; the last three are None where there are too few
        users, or no vectors to compare with.
    """
    known = ~vectors.wordless
    own = vectors.vectors[known].astype(np.float64)
    enough = len(own) >= _MIN_USERS
    overlap = None
    if enough and vectors.baseline is not None:
        overlap = neighbour_overlap(own, vectors.baseline[known].astype(np.float64))
    return {
        "dimension": vectors.vectors.shape[1],
        "probes": int(known.sum()),
        "wordless": int(vectors.wordless.sum()),
        "rank_me": rank_me(own) if enough else None,
        "participation_ratio": participation_ratio(own) if enough else None,
        "neighbour_overlap": overlap,
    }


def rank_me(vectors: np.ndarray) -> float:
    """The effective rank: e to the entropy of the singular values (Garrido et al. 2023).

    >>> round(rank_me(np.eye(4)), 3), round(rank_me(np.ones((4, 4))), 3)
    (4.0, 1.0)

    Args:
        vectors: Float [users, d].
    """
    sizes = np.linalg.svd(vectors, compute_uv=False)
    shares = sizes / max(float(sizes.sum()), np.finfo(float).tiny)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def participation_ratio(vectors: np.ndarray) -> float:
    """The squared sum of the variances along the principal components, by the sum of squares.

    >>> round(participation_ratio(np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])), 3)
    2.0

    Args:
        vectors: Float [users, d].
    """
    centred = vectors - vectors.mean(axis=0)
    variances = np.square(np.linalg.svd(centred, compute_uv=False))
    squares = float(np.square(variances).sum())
    return float(variances.sum()) ** 2 / squares if squares else 0.0


def neighbour_overlap(vectors: np.ndarray, others: np.ndarray) -> float:
    """The share of a user's nearest neighbours, by the angle, that two models have in common.

    Args:
        vectors: Float [users, d], more than `NEIGHBOURS` users.
        others: Float [users, e], of the same users.
    """
    first, second = (_neighbours(each) for each in (vectors, others))
    shared = [len(set(one) & set(other)) for one, other in zip(first, second, strict=True)]
    return float(np.mean(shared)) / NEIGHBOURS


def _neighbours(vectors: np.ndarray) -> list[list[int]]:
    search = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(vectors)
    # Without an argument nobody is a neighbour of theirs.
    return search.kneighbors(return_distance=False).tolist()
