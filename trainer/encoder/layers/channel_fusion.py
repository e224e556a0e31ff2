"""Several descriptions of a user in one vector."""

import keras
import numpy as np
import scipy.linalg
from keras import ops

from trainer.encoder.reliability import MIN_USERS, consistent_directions

# Where no channel keeps more, halves contradict each other, and nothing was measured.
_LEAST_SHARE = 1e-6


@keras.saving.register_keras_serializable(package="sumn")
class ChannelFusion(keras.layers.Layer):
    """Fuses channels, several vectors of a user, into one of a given size.

    Every channel is centred and divided by the root of its total variance, so that one of 57
    numbers is worth as much as one of 256; side by side they are the full vector `x`. With
    `shrinks`, every principal component of a channel is believed by how much a user has shown: of
    `n` behaviours it keeps the share `n / (n + h)`, where `h` is how many it takes until half of
    what they say is the user's own (`consistent_directions`). The principal components of all of
    this are the user vector, of all linear maps to `dimension` numbers the one that loses least:

        z = x D * n / (n + h)               user vector = z C

    Nothing looks at labels, and nothing is trained further: `adapt` computes `D`, `h` and `C`.
    A user of whom a channel knows nothing gets the mean of the training users there: zeros.

    Example:
        >>> fusion = ChannelFusion(dimension=1)
        >>> counts = [np.array([1, 2])] * 2
        >>> _ = fusion.adapt([np.array([[1.0], [3.0]]), np.array([[5.0], [9.0]])], counts)
        >>> vectors, full = fusion([np.array([[1.0], [2.0]]), np.array([[5.0], [7.0]])], counts)
        >>> np.abs(np.asarray(vectors, float)).round(4).tolist()
        [[1.4142], [0.0]]
        >>> np.asarray(full).round(4).tolist()
        [[-1.0, -1.0], [0.0, 0.0]]

    Args:
        dimension: Integer, the size of the user vector; at most that of the full vector.
        shrinks: Boolean, whether components are believed by how much a user has shown.

    Call arguments:
        channels: List of float tensors of shape `[batch, size]`.
        counts: List of tensors of shape `[batch]`, of how many of a user's behaviours each channel
            knows something.

    Returns:
        A tuple of the user vector, float32 of shape `[batch, dimension]`, and the full vector,
        float32 of shape `[batch, sum of sizes]`.

    Raises:
        ValueError: If the channels together are smaller than `dimension`.
    """

    def __init__(self, dimension: int, shrinks: bool = False, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        self.dimension = dimension
        self.shrinks = shrinks

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
        if self.shrinks:
            self.directions = weight("directions", (size, size), "identity")
            self.half_points = weight("half_points", (size,), "zeros")

    def adapt(self, channels, counts, halves=None):
        """Computes everything.

        Args:
            channels: List of float arrays of shape `[users, size]`.
            counts: As in a call. Users that a channel does not know have no part in its mean.
            halves: Of one half of the behaviours of other users, and of the other half, the pair
                `(channels, counts)`; `None` or fewer than 50 users that a channel knows shrink
                nothing.

        Returns:
            List of floats, the share of each channel's variance that is kept; empty where nothing
            is shrunk.
        """
        if not self.built:
            self.build([channel.shape for channel in channels])
        means, scales = [], []
        for channel, count in zip(channels, counts, strict=True):
            users = channel[np.asarray(count) > 0]
            size = channel.shape[1]
            means.append(users.mean(axis=0) if len(users) else np.zeros(size))
            variance = float(users.var(axis=0).sum()) if len(users) else 0.0
            # A channel that says the same of everybody says nothing.
            scales.append(np.full(size, variance**-0.5 if variance > 0 else 0.0))
        self.mean.assign(np.concatenate(means))
        self.scale.assign(np.concatenate(scales))
        full = self._full(channels, counts)
        shares = []
        if self.shrinks and halves:
            shares = self._adapt_shrinkage(np.asarray(full, "float64"), channels, counts, halves)
        users = np.asarray(self._shrunk(full, channels, counts), "float64")
        weights = np.ones(users.shape[1])
        if shares:
            parts = np.split(users, self._bounds(channels), axis=1)
            # Half way between counting all channels alike and by what is left of each.
            left = [max(_spread(part), 1e-9) for part in parts]
            weights = np.concatenate(
                [np.full(part.shape[1], of**-0.5) for part, of in zip(parts, left, strict=True)]
            )
        principal = _principal_components(users * weights, self.dimension)
        self.components.assign(weights[:, np.newaxis] * principal)
        return shares

    def _adapt_shrinkage(self, full, channels, counts, halves):
        """Computes directions and half points; returns the share of each channel that is kept."""
        parts = [np.asarray(self._full(*half), "float64") for half in halves]
        maps, half_points, shares, start = [], [], [], 0
        for number, channel in enumerate(channels):
            own = slice(start, start := start + channel.shape[1])
            shown = np.stack([np.asarray(half_counts[number]) for _, half_counts in halves])
            both = (shown > 0).all(axis=0)
            if both.sum() < MIN_USERS:
                maps.append(np.eye(channel.shape[1]))
                half_points.append(np.zeros(channel.shape[1]))
                shares.append(1.0)
                continue
            directions, points = consistent_directions(
                full[:, own], (parts[0][both, own], parts[1][both, own]), shown[:, both].mean()
            )
            maps.append(directions)
            half_points.append(points)
            rotated = full[:, own] @ directions
            shown_by_each = np.asarray(counts[number], "float64")[:, np.newaxis]
            kept = rotated * np.asarray(_share(shown_by_each, points))
            shares.append(_spread(kept) ** 2 / max(_spread(rotated) ** 2, 1e-12))
        if max(shares) < _LEAST_SHARE:
            return []
        self.directions.assign(scipy.linalg.block_diag(*maps))
        self.half_points.assign(np.concatenate(half_points))
        return shares

    def call(self, channels, counts):
        """Returns user vectors and full vectors; the class says of which shape."""
        full = self._full(channels, counts)
        return ops.matmul(self._shrunk(full, channels, counts), self.components), full

    def _full(self, channels, counts):
        means = ops.split(self.mean, self._bounds(channels))
        centred = [
            (ops.cast(channel, "float32") - mean) * ops.cast(_column(count) > 0, "float32")
            for channel, count, mean in zip(channels, counts, means, strict=True)
        ]
        return ops.concatenate(centred, axis=1) * self.scale

    def _shrunk(self, full, channels, counts):
        if not self.shrinks:
            return full
        points = ops.split(self.half_points, self._bounds(channels))
        shares = [
            _share(ops.cast(_column(count), "float32"), point)
            for count, point in zip(counts, points, strict=True)
        ]
        return ops.matmul(full, self.directions) * ops.concatenate(shares, axis=1)

    def _bounds(self, channels):
        return np.cumsum([channel.shape[-1] for channel in channels])[:-1].tolist()

    def compute_output_shape(self, channels_shape, counts_shape=None):
        """Returns `[batch, dimension]` and `[batch, sum of sizes]`."""
        users = channels_shape[0][0]
        return (users, self.dimension), (users, sum(shape[-1] for shape in channels_shape))

    def get_config(self):
        """See base class."""
        return {**super().get_config(), "dimension": self.dimension, "shrinks": self.shrinks}


def _column(counts):
    return ops.expand_dims(counts, axis=1)


def _share(count, half_points):
    """What is believed of components, `[users, size]`, of counts `[users, 1]`."""
    return count / ops.maximum(count + half_points, 1e-9)


def _spread(users: np.ndarray) -> float:
    """The root of the total variance."""
    return float(np.sqrt(users.var(axis=0).sum()))


def _principal_components(users, count: int) -> np.ndarray:
    """The directions [size, count] in which centred users [users, size] differ most."""
    users = np.asarray(users, "float64")
    _, directions = np.linalg.eigh(users.T @ users)
    directions = directions[:, ::-1][:, :count]
    # Either sign is right; one of them is chosen, so that equal users give equal vectors.
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])
