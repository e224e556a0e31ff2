"""The training of the encoder."""

import logging

import keras
import numpy as np

from trainer.encoder.callbacks import ProgressLog, ResumableEarlyStopping, WholeBackup
from trainer.encoder.config import EncoderConfig
from trainer.encoder.distribution import (
    from_chief,
    has_several_workers,
    is_chief,
    training_strategy,
)
from trainer.encoder.model import BehavioralConsistencyModel, build_encoder
from trainer.encoder.optimizer import FusedAdam
from trainer.encoder.word_vectors import initial_word_vectors


def fit_encoder(
    config: EncoderConfig,
    vocabulary_size: int,
    train,
    validation,
    *,
    log_dir: str,
    backup_dir: str,
    targets: int | None = None,
    sentences=None,
    phrases=None,
    strategy=None,
    start=None,
) -> keras.Model:
    """Trains an encoder until its loss on the validation users stops improving.

    A training that was killed resumes after its last complete epoch when it is called again with
    the same `backup_dir`; shuffling and random cuts then start over from their first epoch's.
    A training that ends deletes the backup.

    Every visible GPU takes its share of each batch; the loss is that of one device. So do all
    workers that `TF_CONFIG` names: each calls this with the same arguments, on the same files, and
    gets the same encoder; the chief alone writes to `log_dir` and `backup_dir`, which all must be
    able to read.

    Example:
        >>> users = {
        ...     'history': np.array([[[1, 2, 0], [3, 0, 0]]]),
        ...     'target_ids': np.array([[4, 2]]),
        ...     'target_weights': np.log1p([[2, 1]]),
        ... }
        >>> batches = tf.data.Dataset.from_tensors(users)
        >>> config = EncoderConfig(dimension=8, max_epochs=2)
        >>> encoder = fit_encoder(config, 4, batches, batches, log_dir='logs', backup_dir='backup')
        >>> user_vectors = encoder.predict(users['history'], verbose=0)[:, -1]

    Args:
        config: The encoder's configuration.
        vocabulary_size: Integer, the number of words, without padding.
        train: Batches as `training_batches(..., training=True)` makes them.
        validation: Batches as `training_batches(..., training=False)` makes them.
        log_dir: String, where TensorBoard's logs are written.
        backup_dir: String, where the state after every epoch is kept.
        targets: Integer, the number of training users, for the identity objective; `None` stands
            for the vocabulary.
        sentences: List of lists of word ids, one a user, what word vectors are trained on. Only
            needed where `config.initial_embeddings` is not `'random'`.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it;
            `None` says that the vocabulary has no phrases.
        strategy: A `tf.distribute.Strategy`; `None` stands for that of `training_strategy`.
        start: Function of the training model, called before its training, which changes what it
            starts from; `None` leaves it.

    Returns:
        The encoder of the best epoch, a `keras.Model` as `build_encoder` makes it, which computes
        in float32 whatever the precision of training.

    Raises:
        ValueError: If `config` asks for word vectors and `sentences` is `None`.
        WorkerLostError: If another worker ended.
    """
    strategy = strategy or training_strategy()
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        model = build_training_model(config, vocabulary_size, targets)
    if config.initial_embeddings != "random":
        if sentences is None:
            raise ValueError(
                f"`initial_embeddings={config.initial_embeddings!r}` needs `sentences`."
            )
        vectors = np.zeros((vocabulary_size, config.dimension), "float32")
        # Word2Vec is another one every time.
        if is_chief(strategy):
            logging.getLogger("progress").info(
                "%s on the words of %d users", config.initial_embeddings, len(sentences)
            )
            vectors = initial_word_vectors(
                config.initial_embeddings,
                sentences,
                vocabulary_size,
                config.dimension,
                config.seed,
                phrases,
            )
        model.assign_word_vectors(from_chief(vectors, strategy))
    if start is not None:
        start(model)
    _fit(model, train, validation, config, log_dir, backup_dir, strategy)
    encoder = build_encoder(config.model_copy(update={"precision": "float32"}), vocabulary_size)
    encoder.set_weights(model.encoder.get_weights())
    return encoder


def _fit(model, train, validation, config, log_dir, backup_dir, strategy) -> None:
    writes = is_chief(strategy)
    callbacks = [
        ResumableEarlyStopping(
            backup_dir, writes=writes, monitor="val_loss", patience=config.patience
        ),
        WholeBackup(backup_dir, writes=writes),
    ]
    if writes:
        callbacks = [ProgressLog(), keras.callbacks.TensorBoard(log_dir), *callbacks]
    if not has_several_workers(strategy):
        model.fit(
            train,
            validation_data=validation,
            epochs=config.max_epochs,
            verbose=0,
            callbacks=callbacks,
        )
        return
    # Imports TensorFlow, which other backends of Keras do without.
    from trainer.encoder.workers import fit_on_workers

    fit_on_workers(
        model,
        train,
        validation,
        epochs=config.max_epochs,
        callbacks=callbacks,
        strategy=strategy,
    )


def build_training_model(
    config: EncoderConfig, vocabulary_size: int, targets: int | None = None
) -> BehavioralConsistencyModel:
    """Builds and compiles the model that trains an encoder.

    Example:
        >>> model = build_training_model(EncoderConfig(), vocabulary_size=20_000)
        >>> model.targets
        20000

    Args:
        config: The encoder's configuration.
        vocabulary_size: Integer, the number of words, without padding.
        targets: Integer, the number of training users, for the identity objective; `None` stands
            for the vocabulary.

    Returns:
        A compiled `BehavioralConsistencyModel`.
    """
    model = BehavioralConsistencyModel(
        build_encoder(config, vocabulary_size),
        vocabulary_size if targets is None else targets,
        candidates=config.identity_candidates if config.objective == "identity" else "all",
        supervised_hops=config.supervised_hops,
        dropout=config.dropout,
        user_dropout=config.user_dropout,
        projection_units=config.projection_units,
        hop_loss=config.hop_loss,
        dtype=config.dtype_policy,
    )
    # Batches differ in shape, and XLA would compile TensorFlow's graph anew for each; JAX has no
    # other way to run one.
    jit_compile = keras.backend.backend() == "jax"
    model.compile(FusedAdam(config.learning_rate), jit_compile=jit_compile)
    return model
