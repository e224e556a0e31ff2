"""The encoder, and the model that trains it by behavioural consistency."""

import keras
from keras import ops

from contract.features import HISTORY
from trainer.encoder.config import EncoderConfig
from trainer.encoder.distribution import all_replicas_sum
from trainer.encoder.layers import AGGREGATORS, BehaviorEmbedding, RowwiseDense
from trainer.encoder.losses import behavioral_consistency_loss


def build_encoder(config: EncoderConfig, vocabulary_size: int) -> keras.Model:
    """Builds the encoder: behaviours of users in, their representation after every hop out.

    The user vector is the last hop, `encoder(word_ids)[:, -1]`.

    Example:
        >>> encoder = build_encoder(EncoderConfig(dimension=8, hops=5), vocabulary_size=4)
        >>> tuple(encoder(np.array([[[1, 2, 0], [3, 0, 0]]])).shape)
        (1, 5, 8)

    Args:
        config: The encoder's configuration.
        vocabulary_size: Integer, the number of words, without padding.

    Returns:
        A `keras.Model` from an integer tensor of shape `[batch, behaviors, words]` (word ids
        `1..vocabulary_size`, 0 is padding) to a float tensor of shape
        `[batch, hops, dimension]`; pooling aggregators have one hop.
    """
    word_ids = keras.Input((None, None), dtype="int32", name="word_ids")
    behaviors, mask = BehaviorEmbedding(
        vocabulary_size, config.dimension, dtype=config.dtype_policy, name="behavior_embedding"
    )(word_ids)
    if config.behavior_layer == "relu":
        behaviors = RowwiseDense(
            config.dimension, activation="relu", dtype=config.dtype_policy, name="behavior_layer"
        )(behaviors)
    hops = AGGREGATORS[config.aggregator](config)(behaviors, mask=mask)
    return keras.Model(word_ids, hops, name="encoder")


@keras.saving.register_keras_serializable(package="sumn")
class BehavioralConsistencyModel(keras.Model):
    """Trains an encoder to predict of every user what the batch says.

    With SUMN's own objective that are the words of the user's later behaviours; other objectives
    differ in what `training_batches` gives as targets (`EncoderConfig.objective`). `fit` takes
    batches of a dictionary with `history`, integers of shape `[batch, behaviors, words]`;
    `target_ids`, integers of shape `[batch, targets]`; and `target_weights` of the same shape.
    There are no labels: the loss is `behavioral_consistency_loss`, averaged over the users that
    have a target. Under a `tf.distribute` strategy the average is over the users of all replicas.

    Example:
        >>> encoder = build_encoder(EncoderConfig(dimension=8), vocabulary_size=4)
        >>> model = BehavioralConsistencyModel(encoder, targets=4)
        >>> model.compile(optimizer=keras.optimizers.Adam(0.001))
        >>> users = {
        ...     'history': np.array([[[1, 2, 0], [3, 0, 0]]]),
        ...     'target_ids': np.array([[4, 2]]),
        ...     'target_weights': np.log1p([[2, 1]]),
        ... }
        >>> losses = model.fit(tf.data.Dataset.from_tensors(users), verbose=0)
        >>> user_vectors = encoder.predict(users['history'], verbose=0)[:, -1]
        >>> user_vectors.shape
        (1, 8)

    Args:
        encoder: A `keras.Model` as `build_encoder` makes it.
        targets: Integer, the number of targets, without padding: of words, or for the identity
            objective of users.
        candidates: `'all'`, the softmax runs over all targets; or `'batch'`, over the first
            targets of the users of the batch.
        supervised_hops: `'all'`, as in the paper, or `'last'`, which leaves the hops before the
            user vector to what it needs of them and computes one softmax instead of `N`.
        dropout: Float, the share of `f(u) = ReLU(W_o u)` that is dropped in training.
        user_dropout: Float, the share of `u` that is dropped in training.
        projection_units: Integer, the size of `f(u)`, which then has biases, as the targets have
            in the softmax; `None` for the paper's, as large as `u` and without biases.
        hop_loss: `'sum'` or `'mean'`, how the losses of the supervised hops become one.
        dtype: Dtype policy of the projection `W_o`, and with it of the logits.

    Call arguments:
        inputs: A dictionary whose `history` is given to the encoder.

    Returns:
        Float tensor of shape `[batch, supervised hops, dimension]`, `f(u)` of every supervised
        hop; with `projection_units` of shape `[batch, supervised hops, projection_units + 1]`, a
        one behind each, which the targets' biases are multiplied with.
    """

    def __init__(
        self,
        encoder,
        targets: int,
        candidates: str = "all",
        supervised_hops: str = "all",
        dropout: float = 0.0,
        user_dropout: float = 0.0,
        projection_units: int | None = None,
        hop_loss: str = "sum",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.targets = targets
        self.candidates = candidates
        self.supervised_hops = supervised_hops
        self.projection_units = projection_units
        self.hop_loss = hop_loss
        units = projection_units or encoder.output_shape[-1]
        self.projection = RowwiseDense(
            units,
            activation="relu",
            use_bias=projection_units is not None,
            name="projection",
            dtype=self.dtype_policy,
        )
        self.projection.build(encoder.output_shape)
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.user_dropout = keras.layers.Dropout(user_dropout, dtype=self.dtype_policy)
        self.output_embeddings = self.add_weight(
            name="output_embeddings",
            shape=(targets, units),
            initializer="random_normal",
        )
        self.output_biases = None
        if projection_units is not None:
            self.output_biases = self.add_weight(
                name="output_biases", shape=(targets, 1), initializer="zeros"
            )
        self.built = True

    def call(self, inputs, training=False):
        """Returns what output embeddings are multiplied with, float [batch, hops, dimension]."""
        hops = self.encoder(inputs[HISTORY], training=training)
        if self.supervised_hops == "last":
            hops = hops[:, -1:]
        hops = self.user_dropout(hops, training=training)
        hidden = self.dropout(self.projection(hops), training=training)
        if self.output_biases is None:
            return hidden
        return ops.concatenate([hidden, ops.ones_like(hidden[..., :1])], axis=-1)

    def compute_loss(self, x, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the mean loss of the users who have a target, a scalar."""
        target_ids, embeddings = x["target_ids"], self.output_embeddings
        if self.output_biases is not None:
            embeddings = ops.concatenate([embeddings, self.output_biases], axis=1)
        has_target = ops.any(ops.not_equal(target_ids, 0), axis=1)
        users = all_replicas_sum(ops.sum(ops.cast(has_target, "float32")))
        if self.candidates == "batch":
            embeddings = ops.take(embeddings, ops.maximum(target_ids[:, 0] - 1, 0), axis=0)
            numbers = ops.arange(1, ops.shape(target_ids)[0] + 1, dtype=target_ids.dtype)
            target_ids = ops.expand_dims(ops.where(has_target, numbers, 0), axis=1)
        loss = behavioral_consistency_loss(y_pred, embeddings, target_ids, x["target_weights"])
        if self.hop_loss == "mean":
            loss = loss / y_pred.shape[1]
        return loss / ops.maximum(users, 1)

    def assign_word_vectors(self, vectors):
        """Starts embeddings from vectors that know the words already.

        Output embeddings start from them too, if it is words that the model predicts.

        Args:
            vectors: Float array of shape `[vocabulary_size, dimension]` with a root mean square
                of 1.
        """
        self.encoder.get_layer("behavior_embedding").embeddings.assign(vectors)
        if self.output_embeddings.shape == vectors.shape:
            # The softmax starts from logits as small as random embeddings would give it.
            self.output_embeddings.assign(0.05 * vectors)

    def get_config(self):
        """See base class."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "targets": self.targets,
            "candidates": self.candidates,
            "supervised_hops": self.supervised_hops,
            "dropout": self.dropout.rate,
            "user_dropout": self.user_dropout.rate,
            "projection_units": self.projection_units,
            "hop_loss": self.hop_loss,
        }

    @classmethod
    def from_config(cls, config):
        """See base class."""
        config = dict(config)
        config["encoder"] = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**config)
