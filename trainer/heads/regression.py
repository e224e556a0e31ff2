"""The logistic regression beside the MLPs of a head."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

_PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""L2 penalties that are tried, per user: from next to nothing learnt to next to no penalty."""

_NEVER = -30.0
"""Bias of a class that no training user has."""


def choose_penalty(
    train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray], classes: int
) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    """Chooses the penalty that serves users that a logistic regression has not seen, of seven.

    Args:
        train: Vectors, float32 of shape `[users, d]`, and class indices, int64 of shape `[users]`.
        validation: The same of other users, whose mean cross-entropy is to be least.
        classes: The number of classes; not all of them need users.

    Returns:
        The penalty, and kernel and bias of the regression that it gives on `train`, as
        `fit_regression` returns them.
    """
    tried = {penalty: fit_regression(train, classes, penalty) for penalty in _PENALTIES}
    best = min(_PENALTIES, key=lambda penalty: _loss(*tried[penalty], *validation))
    return best, tried[best]


def fit_regression(
    users: tuple[np.ndarray, np.ndarray], classes: int, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fits a logistic regression.

    Minimises the mean cross-entropy plus `penalty / 2 * |kernel|^2`.

    Example:
        >>> vectors, labels = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
        >>> kernel, bias = fit_regression((vectors, labels), classes=2, penalty=0.1)
        >>> (vectors @ kernel + bias).argmax(axis=1).tolist()
        [0, 0, 1, 1]

    Args:
        users: Vectors, float32 of shape `[users, d]`, and class indices, int64 of shape `[users]`.
        classes: The number of classes; not all of them need users.
        penalty: L2 penalty per user.

    Returns:
        Kernel, float32 of shape `[d, classes]`, and bias, float32 of shape `[classes]`, of logits.
    """
    vectors, labels = users
    kernel = np.zeros((vectors.shape[1], classes), "float32")
    bias = np.full(classes, _NEVER, "float32")
    known = np.unique(labels)
    if len(known) < 2:
        bias[known] = 0
        return kernel, bias
    model = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=1000)
    model.fit(vectors.astype("float64"), labels)
    # Of two classes scikit-learn has one logit, that of the second.
    several = len(known) > 2
    kernel[:, known if several else known[1:]] = model.coef_.T
    bias[known] = model.intercept_ if several else [0, model.intercept_[0]]
    return kernel, bias


def _loss(kernel: np.ndarray, bias: np.ndarray, vectors: np.ndarray, labels: np.ndarray) -> float:
    """The mean cross-entropy."""
    log_probabilities = log_softmax((vectors @ kernel + bias).astype("float64"), axis=1)
    return -float(np.mean(log_probabilities[np.arange(len(labels)), labels]))
