"""The head of one task: user vector to class probabilities."""

from __future__ import annotations

import keras
import numpy as np

from trainer.heads.config import HeadsConfig
from trainer.heads.mixture import Mixture

HIDDEN = "hidden"
"""The hidden layer of all members side by side."""

MEMBERS = "members"
"""The layer that holds the probabilities of every member, float32 [batch, members, classes]."""

MEAN = "mean"
"""The layer of their mean, float32 [batch, classes]."""

REGRESSION = "regression"
"""The layer of the logistic regression: float32 [batch, classes], probabilities."""

MIXTURE = "mixture"
"""The layer that mixes both, a `Mixture`."""


def build_head(task: str, classes: int, config: HeadsConfig, vectors: np.ndarray) -> keras.Model:
    """The mean of some MLPs with one hidden layer, which differ in what they start from.

    With `regression` a share of the probabilities are those of a logistic regression: where few
    users have labels a straight line is often right, and MLPs that stop early have no good way to
    it. It says that all classes are as likely until `fit_head` fits it; the share is a half until
    `fit_heads` chooses it.

    With `standardize` the vectors are centred and brought to a mean variance of 1, all directions
    by one factor: a direction in which users differ little stays faint, and weight decay keeps it
    from mattering more than the data says.

    Args:
        task: Name of the task; names the model.
        classes: Number of classes, at least 2.
        config: Width, members, dropout, seed.
        vectors: Float32 [users, d]; training vectors that centre and scale are taken from.

    Returns:
        Model from float32 [batch, d] to float32 [batch, classes], each row a distribution.
    """
    keras.utils.set_random_seed(config.seed)
    inputs = keras.Input([vectors.shape[1]])
    scaled = inputs
    if config.standardize:
        variance = max(float(vectors.var(axis=0).mean()), np.finfo(np.float32).eps)
        scaled = keras.layers.Normalization(
            mean=vectors.mean(axis=0), variance=np.full(vectors.shape[1], variance)
        )(inputs)
    x = keras.layers.Dense(config.members * config.hidden_units, activation="relu", name=HIDDEN)(
        scaled
    )
    x = keras.layers.Dropout(config.dropout)(x)
    x = keras.layers.Reshape([config.members, config.hidden_units])(x)
    members = keras.layers.EinsumDense(
        "bmh,mhc->bmc",
        output_shape=[config.members, classes],
        bias_axes="mc",
        activation="softmax",
        dtype="float32",
        name=MEMBERS,
    )(x)
    outputs = keras.layers.GlobalAveragePooling1D(dtype="float32", name=MEAN)(members)
    if config.regression:
        line = keras.layers.Dense(
            classes,
            activation="softmax",
            kernel_initializer="zeros",
            dtype="float32",
            name=REGRESSION,
        )(scaled)
        outputs = Mixture(name=MIXTURE)(outputs, line)
    return keras.Model(inputs, outputs, name=task)
