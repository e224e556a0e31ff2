"""How much of a head is its logistic regression, the rest being its MLPs."""

import keras
import numpy as np

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the regression that are tried."""

# As so many labels count those of the other tasks at most, when the share of one is chosen.
_LABELS_OF_OTHER_TASKS = 1000

_LEAST_PROBABILITY = 1e-7


@keras.saving.register_keras_serializable(package="sumn")
class Mixture(keras.layers.Layer):
    """Mixes two distributions: `(1 - share) * members + share * regression`.

    Example:
        >>> layer = Mixture()
        >>> mixed = layer(np.array([[0.2, 0.8]]), np.array([[0.6, 0.4]]))
        >>> np.asarray(mixed, float).round(4).tolist()
        [[0.4, 0.6]]

    Call arguments:
        members: Float tensor of shape `[batch, classes]`, probabilities.
        regression: Float tensor of the same shape, probabilities.

    Returns:
        Float32 tensor of shape `[batch, classes]`, probabilities.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})

    def build(self, members_shape, regression_shape=None):
        """See base class."""
        self.share = self.add_weight(
            name="share",
            shape=(),
            initializer=keras.initializers.Constant(0.5),
            trainable=False,
        )

    def call(self, members, regression):
        """Returns the mixture; the class says of which shape."""
        return members + self.share * (regression - members)

    def compute_output_shape(self, members_shape, regression_shape=None):
        """Returns `[batch, classes]`."""
        return members_shape


def losses_of_shares(members: np.ndarray, regression: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean cross-entropy of some users by every share of the regression.

    >>> labels = np.array([0])
    >>> losses_of_shares(np.array([[0.2, 0.8]]), np.array([[0.6, 0.4]]), labels).round(3).tolist()
    [1.609, 1.204, 0.916, 0.693, 0.511]

    Args:
        members: Float array of shape `[users, classes]`, the MLPs' probabilities.
        regression: Float array of the same shape, the regression's.
        labels: Integer array of shape `[users]`, the classes.

    Returns:
        Float64 array of shape `[len(SHARES)]`, nats.
    """
    users = np.arange(len(labels))
    of_members, of_regression = (
        np.asarray(each, "float64")[users, labels][:, np.newaxis] for each in (members, regression)
    )
    mixed = of_members + np.array(SHARES) * (of_regression - of_members)
    return -np.log(np.maximum(mixed, _LEAST_PROBABILITY)).mean(axis=0)


def choose_shares(losses: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Chooses the share of every task by what validation users say.

    It is the mean of all shares, each weighted by the likelihood that it gives to the users' labels
    (the posterior mean where all are as likely before): half where they say nothing, the best where
    they are sure. What some hundred users say of one task is mostly chance, and which of both is
    better depends more on the vectors and on how many users have labels than on the task; so the
    labels of all other tasks count too, as at most 1,000 together.

    >>> losses = np.array([[0.50, 0.49, 0.48, 0.47, 0.46], [0.30, 0.31, 0.32, 0.33, 0.34]])
    >>> choose_shares(losses, users=np.array([1, 1])).round(2).tolist()
    [0.5, 0.5]
    >>> choose_shares(losses, users=np.array([1000, 100])).round(2).tolist()
    [1.0, 1.0]
    >>> choose_shares(losses, users=np.array([1000, 10_000])).round(2).tolist()
    [0.5, 0.0]

    Args:
        losses: Float array of shape `[tasks, len(SHARES)]`, as of `losses_of_shares`.
        users: Integer array of shape `[tasks]`, of how many users each is the mean.

    Returns:
        Float64 array of shape `[tasks]`.
    """
    nats = users[:, np.newaxis] * losses
    others = users.sum() - users
    believed = np.minimum(1, _LABELS_OF_OTHER_TASKS / np.maximum(others, 1))
    nats += believed[:, np.newaxis] * (nats.sum(axis=0) - nats)
    likelihoods = np.exp(nats.min(axis=1, keepdims=True) - nats)
    return likelihoods @ SHARES / likelihoods.sum(axis=1)
