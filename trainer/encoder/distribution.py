"""Training on several devices."""

import keras


def all_devices_strategy():
    """Returns the strategy that trains on every visible GPU.

    With several, each takes its share of a batch (`tf.distribute.MirroredStrategy`); with one or
    none, TensorFlow chooses.

    Returns:
        A `tf.distribute.Strategy`.
    """
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def all_replicas_sum(x):
    """Sums a tensor over the replicas of the strategy in use; without one it is `x` itself.

    Example:
        >>> float(all_replicas_sum(tf.constant(1.0)))
        1.0
        >>> strategy = tf.distribute.MirroredStrategy(['GPU:0', 'GPU:1'])  # doctest: +SKIP
        >>> strategy.run(lambda: all_replicas_sum(tf.constant(1.0)))  # doctest: +SKIP
        PerReplica:{
          0: <tf.Tensor: shape=(), dtype=float32, numpy=2.0>,
          1: <tf.Tensor: shape=(), dtype=float32, numpy=2.0>
        }

    Args:
        x: Tensor.

    Returns:
        Tensor like `x`.
    """
    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return x
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, x)
