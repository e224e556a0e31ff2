"""Batches of users for the training of the encoder."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from contract.event_channels import EventChannel
from contract.features import HISTORY, TARGET
from trainer.encoder.config import EncoderConfig

# Compressed; unpacked, users take some ten times as much.
_BYTES_IN_MEMORY = 200_000_000

# Batches whose users are sorted by length among themselves.
_BATCHES_OF_A_WINDOW = 16

# `EncoderConfig.target_weights` to a function of the counts of a target's words.
_WEIGHTS = {"log_count": tf.math.log1p, "uniform": tf.ones_like}


def read_users(file_pattern, feature_spec) -> tf.data.Dataset:
    """Reads users from the TFRecords that Transform wrote.

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it. `history`
            and `target` in it are int64 `tf.io.RaggedFeature`s of rank 2, `[behaviors, words]`.

    Returns:
        A `tf.data.Dataset` of pairs `(history, target)`, one user's int64 `tf.RaggedTensor`s of
        shape `[behaviors, (words)]`, in an order that does not change.

    Raises:
        ValueError: If `feature_spec` lacks `history` or `target`.
    """
    return _read(file_pattern, feature_spec, HISTORY, TARGET)


def user_events(
    file_pattern, feature_spec, channels: Sequence[EventChannel]
) -> dict[str, list[np.ndarray]]:
    """Reads the channels of every user's behaviours, history and target together.

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it. The channels
            in it are int64 `tf.io.RaggedFeature`s of rank 1, `[behaviors]`.
        channels: Those that are read.

    Returns:
        For each channel, by its name, int64 `[behaviors]` per user, in the order of `read_users`.

    Raises:
        ValueError: If `feature_spec` lacks a channel.
    """
    return {
        channel.name: list(
            _joined(
                _read(file_pattern, feature_spec, channel.history, channel.target)
            ).as_numpy_iterator()
        )
        for channel in channels
    }


def _joined(users: tf.data.Dataset) -> tf.data.Dataset:
    """History and target of every user, one behind the other."""
    return users.map(lambda history, target: tf.concat([history, target], axis=0))


def _read(file_pattern, feature_spec, *names: str) -> tf.data.Dataset:
    """Tuples of these features of every user, in an order that does not change."""
    missing = set(names) - set(feature_spec)
    if missing:
        raise ValueError(
            f"`feature_spec` lacks {sorted(missing)}. Received: {sorted(feature_spec)}"
        )
    spec = {name: feature_spec[name] for name in names}

    def parse(record):
        features = tf.io.parse_single_example(record, spec)
        return tuple(features[name] for name in names)

    files = tf.data.Dataset.list_files(file_pattern, shuffle=False)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return records.map(parse, num_parallel_calls=tf.data.AUTOTUNE)


def user_behaviors(file_pattern, feature_spec) -> list[list[list[int]]]:
    """Reads every user's behaviours in the order of time, history and target together.

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it.

    Returns:
        Per user, per behaviour, its word ids; users in the order of `read_users`.
    """
    return [user.to_list() for user in _joined(read_users(file_pattern, feature_spec))]


def sentences(file_pattern, feature_spec) -> list[list[int]]:
    """Reads every user's words in the order of time, what Word2Vec is trained on.

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it.

    Returns:
        One list of word ids per user.
    """
    words = _joined(read_users(file_pattern, feature_spec)).map(lambda user: user.flat_values)
    return [user.tolist() for user in words.as_numpy_iterator()]


class Corpus(NamedTuple):
    """What training must know of all users before it begins.

    Attributes:
        users: Integer, how many there are.
        longest_history: Integer, the behaviours of the longest history, at most the |S| that
            Transform cuts at and at least 1.
    """

    users: int
    longest_history: int


def measure(file_pattern, feature_spec) -> Corpus:
    """Reads all users once and measures them.

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it.

    Returns:
        A `Corpus`.
    """
    lengths = read_users(file_pattern, feature_spec).map(lambda history, _: history.nrows())
    users, longest = lengths.reduce(
        (tf.constant(0, tf.int64), tf.constant(1, tf.int64)),
        lambda state, length: (state[0] + 1, tf.maximum(state[1], length)),
    )
    return Corpus(int(users), int(longest))


def training_batches(
    file_pattern,
    feature_spec,
    config: EncoderConfig,
    *,
    max_behaviors: int | None = None,
    training: bool,
) -> tf.data.Dataset:
    """Makes the batches that `BehavioralConsistencyModel` is trained or validated on.

    What is predicted from a history depends on `config.objective`: the words of the target; of
    the history itself; or the number of the user. A number means the same in training and in
    validation only if both read the same files, so there validation asks who it is from what
    training does not see: the target.

    With `config.random_cut`, a user's history and target are joined in the order of time and cut
    anew in every epoch, at a point in `1..n-1` drawn with equal probability. Validation draws the
    same points in every epoch, so that its losses can be compared. Users of whom there is nothing
    to predict teach nothing and are left out.

    With `config.behavior_dropout` and `config.word_dropout` training sees a part of every history
    only, another one in every epoch; of a user who keeps nothing there is still `u(0)`.

    Users are sorted by the length of their histories, some thousand at a time, before they are
    batched, and the batches are shuffled: little of a batch is padding, and all but the last of the
    thousands are full.

    Users are kept in memory between epochs if their files are small.

    Example:
        >>> spec = tft.TFTransformOutput(uri).transformed_feature_spec()  # doctest: +SKIP
        >>> batches = training_batches(  # doctest: +SKIP
        ...     'Split-train/*', spec, EncoderConfig(), max_behaviors=50, training=True
        ... )
        >>> next(iter(batches))['history'].shape  # doctest: +SKIP
        TensorShape([256, 50, 20])

    Args:
        file_pattern: String or list of strings, patterns of gzipped TFRecord files.
        feature_spec: Dictionary as `tft_output.transformed_feature_spec()` returns it.
        config: The encoder's configuration.
        max_behaviors: Integer, the most recent behaviours of a history that are kept and, of a
            target that is cut anew, the first ones; `None` keeps all, for Transform has truncated
            them already. A cut that is drawn anew can leave either longer than Transform's.
        training: Boolean, whether to shuffle and to draw anew in every epoch.

    Returns:
        A `tf.data.Dataset` of dictionaries with `history`, int64 of shape
        `[batch, behaviors, words]`; `target_ids`, int64 of shape `[batch, targets]`, distinct
        words or the user's number from 1; and `target_weights`, float32 of the same shape. 0 is
        padding.
    """
    users = read_users(file_pattern, feature_spec)
    if _bytes(file_pattern) <= _BYTES_IN_MEMORY:
        users = users.cache()
    users = users.enumerate(start=1)
    if training:
        users = users.shuffle(8 * config.batch_size + 10_000, seed=config.seed)
    if config.random_cut:
        users = users.filter(lambda _, user: user[0].nrows() + user[1].nrows() > 1)
    # A number for every user, whatever thread the user comes to: several workers that train one
    # model must see the same batches.
    draws = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=training)

    def to_features(numbered, draw):
        number, (history, target) = numbered
        if config.random_cut:
            history, target = _cut_anew(history, target, draw)
        if max_behaviors is not None:
            history = history[-max_behaviors:]
        if max_behaviors is not None and config.random_cut:
            target = target[:max_behaviors]
        if training:
            history = _thinned(history, config.behavior_dropout, config.word_dropout, draw)
        if config.objective == "identity":
            seen = history if training else target
            # A user who did nothing is nobody.
            ids = tf.repeat(number, tf.minimum(seen.nrows(), 1))
            return _features(seen, ids, tf.ones_like(ids))
        source = history if config.objective == "autoencoder" else target
        ids, _, counts = tf.unique_with_counts(source.flat_values)
        return _features(history, ids, counts)

    def _features(history, ids, counts):
        return {
            HISTORY: history,
            "target_ids": ids,
            "target_weights": _WEIGHTS[config.target_weights](tf.cast(counts, tf.float32)),
        }

    features = tf.data.Dataset.zip(users, draws).map(
        to_features, num_parallel_calls=tf.data.AUTOTUNE
    )
    features = features.filter(lambda user: tf.size(user["target_ids"]) > 0)
    windows = features.ragged_batch(_BATCHES_OF_A_WINDOW * config.batch_size)
    batches = windows.prefetch(1).flat_map(lambda users: _by_length(users, config.batch_size))
    if training:
        batches = batches.shuffle(_BATCHES_OF_A_WINDOW, seed=config.seed)
    return batches.prefetch(tf.data.AUTOTUNE)


def _by_length(users, batch_size):
    """Makes batches, padded each, of a window of users, a ragged row each."""
    order = tf.argsort(users[HISTORY].row_lengths(), stable=True)
    starts = tf.data.Dataset.range(0, tf.size(order, tf.int64), batch_size)

    def batch(start):
        rows = order[start : start + batch_size]
        return {name: tf.gather(feature, rows).to_tensor() for name, feature in users.items()}

    return starts.map(batch, num_parallel_calls=tf.data.AUTOTUNE)


def _thinned(history, behavior_dropout: float, word_dropout: float, draw):
    """Leaves out behaviours and words at random, but never all behaviours."""
    if behavior_dropout:
        kept = tf.random.stateless_uniform([history.nrows()], [draw, 0]) >= behavior_dropout
        history = tf.ragged.boolean_mask(history, kept | ~tf.reduce_any(kept))
    if word_dropout:
        shape = tf.shape(history.flat_values)
        kept = tf.random.stateless_uniform(shape, [draw, 1]) >= word_dropout
        history = tf.ragged.boolean_mask(history, history.with_flat_values(kept))
    return history


def _cut_anew(history, target, draw):
    behaviors = tf.concat([history, target], axis=0)
    cut = 1 + draw % (behaviors.nrows() - 1)
    return behaviors[:cut], behaviors[cut:]


def _bytes(file_pattern) -> int:
    return sum(tf.io.gfile.stat(path).length for path in tf.io.gfile.glob(file_pattern))
