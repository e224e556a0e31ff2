"""Aggregation of a user's behaviours by pooling."""

import keras
from keras import ops


class _Pooling(keras.layers.Layer):
    """What the poolings share: a user vector is one hop, and takes no weights."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, behaviors, mask=None):
        # Every user has the one hop.
        return None

    def compute_output_shape(self, behaviors_shape, mask_shape=None):
        return (behaviors_shape[0], 1, behaviors_shape[-1])


@keras.saving.register_keras_serializable(package="sumn")
class MeanPooling(_Pooling):
    """Aggregates behaviours into a user vector by their mean, `u = 1/n * sum_t e_t`.

    A user without behaviours is the zero vector.

    Example:
        >>> behaviors = np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
        >>> users = MeanPooling()(behaviors, mask=np.array([[True, True, False]]))
        >>> np.asarray(users).tolist()
        [[[2.0, 3.0]]]

    Call arguments:
        behaviors: Float tensor of shape `[batch, behaviors, dimension]`.
        mask: Boolean tensor of shape `[batch, behaviors]`, `False` for padding.

    Returns:
        Float tensor of shape `[batch, 1, dimension]`.
    """

    def call(self, behaviors, mask):
        """Returns the user vectors, as one hop; the class says of which shape."""
        weights = ops.cast(mask, self.compute_dtype)
        total = ops.einsum("bn,bnd->bd", weights, behaviors)
        count = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1)
        return ops.expand_dims(total / count, axis=1)


@keras.saving.register_keras_serializable(package="sumn")
class MaxPooling(_Pooling):
    """Aggregates behaviours into a user vector by their maximum, `u_i = max_t e_ti`.

    A user without behaviours is the zero vector.

    Example:
        >>> behaviors = np.array([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
        >>> users = MaxPooling()(behaviors, mask=np.array([[True, True, False]]))
        >>> np.asarray(users).tolist()
        [[[3.0, 4.0]]]

    Call arguments:
        behaviors: Float tensor of shape `[batch, behaviors, dimension]`.
        mask: Boolean tensor of shape `[batch, behaviors]`, `False` for padding.

    Returns:
        Float tensor of shape `[batch, 1, dimension]`.
    """

    # Finite in every precision that Keras computes in.
    _LOWEST = -6e4

    def call(self, behaviors, mask):
        """Returns the user vectors, as one hop; the class says of which shape."""
        behaviors = ops.where(ops.expand_dims(mask, axis=-1), behaviors, self._LOWEST)
        largest = ops.max(behaviors, axis=1, keepdims=True, initial=self._LOWEST)
        has_behaviors = ops.reshape(ops.any(mask, axis=1), (-1, 1, 1))
        return ops.where(has_behaviors, largest, 0)
