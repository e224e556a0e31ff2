"""Adam in one pass over memory."""

import inspect
from typing import Any

import keras

_KNOWN_KERAS = "3.6 to 3.12"
"""tests/encoder/test_optimizer.py passes with 3.6.0, 3.9.2 and 3.12."""

_USED = (
    "_get_variable_index",
    "_momentums",
    "_velocities",
    "beta_1",
    "beta_2",
    "epsilon",
    "iterations",
)
"""What `FusedAdam` takes from Keras's Adam, some of it private, and Keras's own update as well."""


def check_adam(adam: Any) -> None:
    """Checks that Keras's Adam is made as `FusedAdam` knows it.

    Args:
        adam: The class `keras.optimizers.Adam`.

    Raises:
        ImportError: If it is not; the message names the versions that are known.
    """
    update = inspect.unwrap(adam.update_step)
    missing = [name for name in _USED if name not in update.__code__.co_names]
    parameters = list(inspect.signature(update).parameters)
    if missing or parameters != ["self", "gradient", "variable", "learning_rate"]:
        found = f"without {', '.join(missing)}" if missing else f"of {', '.join(parameters)}"
        raise ImportError(
            f"FusedAdam does not know the Adam of Keras {keras.__version__}: its update_step is "
            f"{found}. Install Keras {_KNOWN_KERAS}, or train with keras.optimizers.Adam."
        )


check_adam(keras.optimizers.Adam)


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
