"""Adam in one pass over memory."""

import keras


@keras.saving.register_keras_serializable(package="sumn")
class FusedAdam(keras.optimizers.Adam):
    """Adam whose update of a variable is one operation.

    Keras writes an update as a dozen operations; with the TensorFlow backend each of them goes
    through memory on its own, which for a table of embeddings costs more than the arithmetic. This
    one calls TensorFlow's `ResourceApplyAdam`. Other backends compile the update into one kernel
    already and keep Keras's.

    Example:
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(FusedAdam(0.001))

    Args:
        *args: As `keras.optimizers.Adam`'s.
        **kwargs: As `keras.optimizers.Adam`'s, but for `amsgrad`.

    Raises:
        ValueError: If `amsgrad` is asked for.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.amsgrad:
            raise ValueError("`FusedAdam` has no `amsgrad`; use `keras.optimizers.Adam`.")

    def update_step(self, gradient, variable, learning_rate):
        """See base class."""
        if keras.backend.backend() != "tensorflow":
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.convert_to_tensor(tf.cast(gradient, variable.dtype)),
        )
