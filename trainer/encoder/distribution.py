"""Training on several devices, of one machine or of several."""

import json
import os

import keras


def training_strategy():
    """Returns the strategy that trains on every visible GPU, and on every worker of `TF_CONFIG`.

    With several GPUs, each takes its share of a batch (`tf.distribute.MirroredStrategy`); with one
    or none, TensorFlow chooses. Where the environment variable `TF_CONFIG` names several workers,
    all of them train one model (`tf.distribute.MultiWorkerMirroredStrategy`); it must then be the
    first thing that a program does with TensorFlow, and waits until all workers are there.

    Returns:
        A `tf.distribute.Strategy`.
    """
    import tensorflow as tf

    if _workers() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def has_several_workers(strategy) -> bool:
    """Returns whether several processes train one model under a strategy."""
    import tensorflow as tf

    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy) -> bool:
    """Returns whether this process is the one that writes: the only one, or the first worker."""
    if not has_several_workers(strategy):
        return True
    resolver = strategy.cluster_resolver
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def from_chief(array, strategy):
    """Gives every worker what the chief has.

    Args:
        array: Float array, of the same shape on every worker; only the chief's counts.
        strategy: The strategy that the workers train under.

    Returns:
        The chief's array.
    """
    import tensorflow as tf

    if not has_several_workers(strategy):
        return array
    mine = tf.constant(array) if is_chief(strategy) else tf.zeros_like(array)

    @tf.function
    def send():
        replica = tf.distribute.get_replica_context()
        # Of a worker's devices only the first gives it.
        is_first = tf.equal(replica.replica_id_in_sync_group % _devices(strategy), 0)
        return all_replicas_sum(tf.where(is_first, mine, tf.zeros_like(mine)))

    return strategy.experimental_local_results(strategy.run(send))[0].numpy()


def _devices(strategy) -> int:
    """The devices that one worker has."""
    return strategy.num_replicas_in_sync // _workers()


def _workers() -> int:
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return sum(len(cluster.get(job, [])) for job in ("chief", "worker"))


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
