"""Several descriptions of a user in one vector."""

import keras
import numpy as np
import scipy.linalg
from keras import ops

from trainer.encoder.reliability import MIN_USERS, consistent_directions


@keras.saving.register_keras_serializable(package="sumn")
class ChannelFusion(keras.layers.Layer):
    """Fuses channels, several vectors of a user, into one of a given size.

    Every channel is centred and divided by the root of its total variance, so that one of 57
    numbers is worth as much as one of 256; side by side they are the full vector. Then every
    channel keeps of each of its principal components the share that is consistent between two
    halves of a user's behaviours (`consistent_directions`), and the principal components of all of
    this are the user vector: of all linear maps to `dimension` numbers the one that loses least of
    it. Nothing looks at labels, and nothing is trained further: `adapt` computes it.

    A user of whom a channel knows nothing gets the mean of the training users there: zeros.

    Example:
        >>> fusion = ChannelFusion(dimension=1)
        >>> _ = fusion.adapt([np.array([[1.0], [3.0]]), np.array([[5.0], [9.0]])])
        >>> vectors, full = fusion([np.array([[1.0], [2.0]]), np.array([[5.0], [7.0]])])
        >>> np.abs(np.asarray(vectors, float)).round(4).tolist()
        [[1.4142], [0.0]]
        >>> np.asarray(full).round(4).tolist()
        [[-1.0, -1.0], [0.0, 0.0]]

    Args:
        dimension: Integer, the size of the user vector; at most that of the full vector.

    Call arguments:
        channels: List of float tensors of shape `[batch, size]`.
        known: List of boolean tensors of shape `[batch]` or `None`, whether a channel knows of the
            user; `None`, of all.

    Returns:
        A tuple of the user vector, float32 of shape `[batch, dimension]`, and the full vector,
        float32 of shape `[batch, sum of sizes]`.

    Raises:
        ValueError: If the channels together are smaller than `dimension`.
    """

    def __init__(self, dimension: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        self.dimension = dimension

    def build(self, channels_shape):
        """See base class."""
        size = sum(shape[-1] for shape in channels_shape)
        if size < self.dimension:
            raise ValueError(
                "The channels together must have at least `dimension` numbers. "
                f"Received: {size} and dimension={self.dimension}"
            )

        def weight(name, shape, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

        self.mean = weight("mean", (size,), "zeros")
        self.scale = weight("scale", (size,), "ones")
        self.components = weight("components", (size, self.dimension), "identity")

    def adapt(self, channels, known=None, halves=None):
        """Computes mean, scale and components.

        Args:
            channels: List of float arrays of shape `[users, size]`.
            known: As in a call. Users that a channel does not know have no part in its mean.
            halves: Of one half of the behaviours of other users, and of the other half, the pair
                `(channels, known)`; `None` or fewer than 50 users weigh all components alike.

        Returns:
            List of floats, the share of each channel's variance that is consistent; empty where
            all weigh alike.
        """
        known = known or [None] * len(channels)
        if not self.built:
            self.build([channel.shape for channel in channels])
        means, scales = [], []
        for channel, has in zip(channels, known, strict=True):
            users = channel if has is None else channel[np.asarray(has)]
            size = channel.shape[1]
            means.append(users.mean(axis=0) if len(users) else np.zeros(size))
            variance = float(users.var(axis=0).sum()) if len(users) else 0.0
            # A channel that says the same of everybody says nothing.
            scales.append(np.full(size, variance**-0.5 if variance > 0 else 0.0))
        self.mean.assign(np.concatenate(means))
        self.scale.assign(np.concatenate(scales))
        full = np.asarray(self._full(channels, known), "float64")
        weights, shares = self._consistency(full, channels, halves)
        principal = _principal_components(full @ weights, self.dimension)
        self.components.assign(weights @ principal)
        return shares

    def _consistency(self, full, channels, halves):
        """The map [size, size] to what is consistent, and the share of each channel that is."""
        if halves is None:
            return np.eye(full.shape[1]), []
        parts = [np.asarray(self._full(*half), "float64") for half in halves]
        maps, shares, start = [], [], 0
        for number, channel in enumerate(channels):
            own = slice(start, start := start + channel.shape[1])
            known = [has[number] for _, has in halves if has[number] is not None]
            both = np.logical_and.reduce([np.ones(len(parts[0]), bool), *map(np.asarray, known)])
            if both.sum() < MIN_USERS:
                maps.append(np.eye(channel.shape[1]))
                shares.append(1.0)
                continue
            directions, reliabilities = consistent_directions(
                full[:, own], (parts[0][both, own], parts[1][both, own])
            )
            maps.append(directions * reliabilities)
            variances = (full[:, own] @ directions).var(axis=0)
            shares.append(float(variances @ reliabilities / max(variances.sum(), 1e-12)))
        return (scipy.linalg.block_diag(*maps), shares) if any(shares) else (np.eye(start), [])

    def call(self, channels, known=None):
        """Returns user vectors and full vectors; the class says of which shape."""
        full = self._full(channels, known or [None] * len(channels))
        return ops.matmul(full, self.components), full

    def _full(self, channels, known):
        sizes = [channel.shape[-1] for channel in channels]
        means = ops.split(self.mean, np.cumsum(sizes)[:-1].tolist())
        scaled = []
        for channel, has, mean in zip(channels, known, means, strict=True):
            centred = ops.cast(channel, "float32") - mean
            if has is not None:
                centred = centred * ops.expand_dims(ops.cast(has, "float32"), axis=1)
            scaled.append(centred)
        return ops.concatenate(scaled, axis=1) * self.scale

    def compute_output_shape(self, channels_shape, known_shape=None):
        """Returns `[batch, dimension]` and `[batch, sum of sizes]`."""
        users = channels_shape[0][0]
        return (users, self.dimension), (users, sum(shape[-1] for shape in channels_shape))

    def get_config(self):
        """See base class."""
        return {**super().get_config(), "dimension": self.dimension}


def _principal_components(users, count: int) -> np.ndarray:
    """The directions [size, count] in which centred users [users, size] differ most."""
    users = np.asarray(users, "float64")
    _, directions = np.linalg.eigh(users.T @ users)
    directions = directions[:, ::-1][:, :count]
    # Either sign is right; one of them is chosen, so that equal users give equal vectors.
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])
