"""How much of a head is its logistic regression, the rest being its MLPs."""

import keras
import numpy as np

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the regression that are tried."""

# As so many validation users count those of all tasks together, when a task chooses its share.
_USERS_OF_ALL_TASKS = 1000

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
    """Chooses the share of every task by the loss of validation users.

    What some hundred users say of one task is mostly chance, and which of both is better depends
    more on the vectors and on how many users have labels than on the task. So the mean loss of all
    tasks counts beside the task's own, as 1,000 of its users do.

    >>> losses = np.array([[0.50, 0.48, 0.46, 0.44, 0.42], [0.30, 0.31, 0.32, 0.33, 0.34]])
    >>> choose_shares(losses, users=np.array([100, 100])).tolist()
    [1.0, 1.0]
    >>> choose_shares(losses, users=np.array([100, 10_000])).tolist()
    [1.0, 0.0]

    Args:
        losses: Float array of shape `[tasks, len(SHARES)]`, as of `losses_of_shares`.
        users: Integer array of shape `[tasks]`, of how many users each is the mean.

    Returns:
        Float array of shape `[tasks]`.
    """
    of_all = _USERS_OF_ALL_TASKS * losses.mean(axis=0)
    return np.array(SHARES)[(users[:, np.newaxis] * losses + of_all).argmin(axis=1)]
