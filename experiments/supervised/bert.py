"""BERT from a random start: masked words of the training users' logs, then fine-tuned to a task.

The tokens are the project's own word ids, so that no tokenizer is needed (KerasHub's need
tensorflow-text): 0 is padding, then the words, then `[MASK]`, `[SEP]` and `[CLS]`. A user is
`[CLS] words [SEP] words [SEP] ...`, the most recent tokens of all.
"""

from __future__ import annotations

import logging
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from experiments.supervised.batches import batches_by_length

LAYERS, HEADS, DIMENSION, TOKENS = 2, 2, 128, 128
"""The size of "BERT-Tiny" (Turc et al., 2019), for some thousand users and a CPU."""

PRETRAINING_EPOCHS, PATIENCE = 10, 2
LEARNING_RATE = 0.0005
"""Of pretraining."""

_MASKED_PERCENT = 15
_BY_MASK, _BY_ANY_WORD = 0.8, 0.1
_DROPOUT = 0.1
_progress = logging.getLogger("progress")


def tokens(users: list[list[list[int]]], words: int) -> tf.RaggedTensor:
    """Joins each user's behaviours to one row of tokens.

    >>> tokens([[[1, 2], [3]], []], words=3).to_list()
    [[6, 1, 2, 5, 3, 5], [6]]

    Args:
        users: Per user and behaviour the words, from 1.
        words: How many words there are.

    Returns:
        Int32 [users, (tokens)], at most `TOKENS` of each.
    """
    separator, start = words + 2, words + 3
    rows = []
    for user in users:
        row = [token for behavior in user if behavior for token in (*behavior, separator)]
        rows.append([start, *row[-(TOKENS - 1) :]])
    return tf.RaggedTensor.from_row_lengths(
        np.array([token for row in rows for token in row], np.int32), [len(row) for row in rows]
    )


def masked(token_ids: tf.Tensor, words: int, draw: tf.Tensor):
    """Hides some words: of 15 % of them 8 in 10 become `[MASK]`, 1 in 10 any word.

    Args:
        token_ids: Int32 [batch, n].
        words: How many words there are.
        draw: Int64 scalar, the seed.

    Returns:
        Features `token_ids` with words hidden, int32 [batch, n], and `mask_positions`, int32
        [batch, m]; the words that stood there, int32 [batch, m]; and float32 [batch, m], 0 where
        a shorter user has fewer.
    """
    shape = tf.shape(token_ids)
    is_word = (token_ids > 0) & (token_ids <= words)
    numbers = tf.reduce_sum(tf.cast(is_word, tf.int32), axis=1)
    wanted = (_MASKED_PERCENT * numbers + 99) // 100
    scores = tf.random.stateless_uniform(shape, [draw, 0])
    most = tf.maximum(tf.reduce_max(wanted), 1)
    _, positions = tf.math.top_k(tf.where(is_word, scores, -1.0), most)
    counted = tf.range(most)[tf.newaxis] < wanted[:, tf.newaxis]
    hidden = tf.gather(token_ids, positions, batch_dims=1)
    chance = tf.random.stateless_uniform(tf.shape(hidden), [draw, 1])
    any_word = tf.random.stateless_uniform(
        tf.shape(hidden), [draw, 2], 1, words + 1, dtype=token_ids.dtype
    )
    shown = tf.where(chance < _BY_MASK + _BY_ANY_WORD, any_word, hidden)
    shown = tf.where(chance < _BY_MASK, tf.cast(words + 1, token_ids.dtype), shown)
    shown = tf.where(counted, shown, hidden)
    rows = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], tf.shape(positions))
    places = tf.stack([rows, positions], axis=-1)
    replaced = tf.tensor_scatter_nd_update(token_ids, places, shown)
    features = {"token_ids": replaced, "mask_positions": positions}
    return features, hidden, tf.cast(counted, tf.float32)


def pretrain(
    train: tf.RaggedTensor, validation: tf.RaggedTensor, words: int, seed: int, epochs: int
) -> tuple[Any, list[float]]:
    """Trains a backbone to find the hidden words, until validation users tell to stop.

    Args:
        train: Tokens of the users that it learns from, labelled or not.
        validation: Of others.
        words: How many words there are.
        seed: Of weights, masks and order.
        epochs: The most.

    Returns:
        The `BertBackbone` of the best epoch, and the validation losses.
    """
    import keras_hub

    keras.utils.set_random_seed(seed)
    bert = backbone(words)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        vocabulary_size=words + 4, token_embedding=bert.token_embedding
    )
    hidden = bert(_inputs(token_ids))["sequence_output"]
    model = keras.Model(
        {"token_ids": token_ids, "mask_positions": positions},
        head(hidden, mask_positions=positions),
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )

    def hide(rows: tf.RaggedTensor, order: int | None):
        draws = tf.data.Dataset.random(seed, rerandomize_each_iteration=order is not None)
        batches = tf.data.Dataset.zip(batches_by_length([rows], seed=order), draws)
        return batches.map(lambda batch, draw: masked(batch[0], words, draw)).prefetch(1)

    history = model.fit(
        hide(train, seed),
        validation_data=hide(validation, None),
        epochs=epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: _progress.info(
                    "masked words, epoch %d: val_loss %.4f", epoch + 1, logs["val_loss"]
                )
            ),
        ],
    ).history
    return bert, history["val_loss"]


def classifier(pretrained: Any, words: int, classes: int) -> keras.Model:
    """A copy of a backbone below a softmax on its pooled output.

    Args:
        pretrained: The `BertBackbone`, which stays as it is.
        words: How many words there are.
        classes: Of the task.

    Returns:
        Model from int32 [batch, n] to float32 [batch, classes].
    """
    bert = backbone(words)
    bert.set_weights(pretrained.get_weights())
    token_ids = keras.Input((None,), dtype="int32")
    pooled = keras.layers.Dropout(_DROPOUT)(bert(_inputs(token_ids))["pooled_output"])
    return keras.Model(token_ids, keras.layers.Dense(classes, activation="softmax")(pooled))


def backbone(words: int) -> Any:
    """A `BertBackbone` with random weights."""
    import keras_hub

    return keras_hub.models.BertBackbone(
        vocabulary_size=words + 4,
        num_layers=LAYERS,
        num_heads=HEADS,
        hidden_dim=DIMENSION,
        intermediate_dim=4 * DIMENSION,
        dropout=_DROPOUT,
        max_sequence_length=TOKENS,
    )


def _inputs(token_ids):
    return {
        "token_ids": token_ids,
        "padding_mask": ops.cast(ops.not_equal(token_ids, 0), "int32"),
        "segment_ids": ops.zeros_like(token_ids),
    }
