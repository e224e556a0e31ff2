"""A dense layer whose gradient does not grow with the batch."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sumn")
class RowwiseDense(keras.layers.Dense):
    """`keras.layers.Dense` that multiplies all rows of its input in one product.

    Of a product of a tensor of three dimensions TensorFlow makes the kernel's gradient for every
    element of the batch, `[batch, dimension, units]`, and then sums them: for 256 users and 256
    dimensions 67 MB, and the longer part of a step on a small vocabulary that is not the softmax.

    Example:
        >>> layer = RowwiseDense(4, use_bias=False)
        >>> tuple(layer(np.ones((2, 3, 8))).shape)
        (2, 3, 4)

    Args:
        units: Integer, the size of the last dimension of what is returned.
        **kwargs: As for `keras.layers.Dense`.

    Call arguments:
        inputs: Float tensor of shape `[..., dimension]`.

    Returns:
        Float tensor of shape `[..., units]`.
    """

    def call(self, inputs, training=None):
        """Returns the products; the class says of which shape."""
        rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
        outputs = super().call(rows, training=training)
        return ops.reshape(outputs, (*ops.shape(inputs)[:-1], self.units))
