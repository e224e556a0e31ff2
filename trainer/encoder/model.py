"""The encoder, and the model that trains it by behavioural consistency."""

import keras
from keras import ops

from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers import AGGREGATORS, BehaviorEmbedding
from trainer.encoder.losses import behavioral_consistency_loss


def build_encoder(config: EncoderConfig, vocabulary_size: int) -> keras.Model:
    """Builds the encoder: behaviours of users in, their representation after every hop out.

    The user vector is the last hop, `encoder(word_ids)[:, -1]`.

    Example:

    >>> encoder = build_encoder(EncoderConfig(dimension=8, hops=5), vocabulary_size=4)
    >>> encoder(np.array([[[1, 2, 0], [3, 0, 0]]])).shape
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
        vocabulary_size, config.dimension, name="behavior_embedding"
    )(word_ids)
    hops = AGGREGATORS[config.aggregator](config)(behaviors, mask=mask)
    return keras.Model(word_ids, hops, name="encoder")


@keras.saving.register_keras_serializable(package="sumn")
class BehavioralConsistencyModel(keras.Model):
    """Trains an encoder to predict a user's later behaviours from the earlier ones.

    `fit` takes batches of a dictionary with `history`, integers of shape
    `[batch, behaviors, words]`; `target_ids`, integers of shape `[batch, targets]`; and
    `target_counts` of the same shape. There are no labels: the loss is
    `behavioral_consistency_loss`, averaged over the users that have a target.

    Example:

    >>> encoder = build_encoder(EncoderConfig(), vocabulary_size=20_000)
    >>> model = BehavioralConsistencyModel(encoder, vocabulary_size=20_000)
    >>> model.compile(optimizer=keras.optimizers.Adam(0.001))
    >>> model.fit(batches)
    >>> user_vectors = encoder.predict(histories)[:, -1]

    Args:
        encoder: A `keras.Model` as `build_encoder` makes it.
        vocabulary_size: Integer, the number of words, without padding.
        supervised_hops: `'all'`, as in the paper, or `'last'`, which leaves the hops before the
            user vector to what it needs of them and computes one softmax instead of `N`.
        dropout: Float, the share of `f(u) = ReLU(W_o u)` that is dropped in training.

    Call arguments:
        inputs: A dictionary whose `history` is given to the encoder.

    Returns:
        Float tensor of shape `[batch, supervised hops, dimension]`, `f(u)` of every supervised
        hop.
    """

    def __init__(
        self,
        encoder,
        vocabulary_size: int,
        supervised_hops: str = "all",
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.supervised_hops = supervised_hops
        self.vocabulary_size = vocabulary_size
        dimension = encoder.output_shape[-1]
        self.projection = keras.layers.Dense(
            dimension, activation="relu", use_bias=False, name="projection"
        )
        self.projection.build(encoder.output_shape)
        self.dropout = keras.layers.Dropout(dropout)
        self.output_embeddings = self.add_weight(
            name="output_embeddings",
            shape=(vocabulary_size, dimension),
            initializer="random_normal",
        )
        self.built = True

    def call(self, inputs, training=False):
        hops = self.encoder(inputs["history"], training=training)
        if self.supervised_hops == "last":
            hops = hops[:, -1:]
        return self.dropout(self.projection(hops), training=training)

    def compute_loss(self, x, y=None, y_pred=None, sample_weight=None, training=True):
        losses = behavioral_consistency_loss(
            y_pred,
            ops.cast(self.output_embeddings, y_pred.dtype),
            x["target_ids"],
            x["target_counts"],
        )
        has_target = ops.cast(ops.any(ops.not_equal(x["target_ids"], 0), axis=1), losses.dtype)
        return ops.sum(losses) / ops.maximum(ops.sum(has_target), 1)

    def assign_word_vectors(self, vectors):
        """Starts input and output embeddings from vectors that know the words already.

        Args:
            vectors: Float array of shape `[vocabulary_size, dimension]` with a root mean square
                of 1.
        """
        self.encoder.get_layer("behavior_embedding").embeddings.assign(vectors)
        # The softmax starts from logits as small as random embeddings would give it.
        self.output_embeddings.assign(0.05 * vectors)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "vocabulary_size": self.vocabulary_size,
            "supervised_hops": self.supervised_hops,
            "dropout": self.dropout.rate,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["encoder"] = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**config)
