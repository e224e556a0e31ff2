"""The training of the encoder."""

import logging

import keras

from trainer.encoder.callbacks import ProgressLog, ResumableEarlyStopping
from trainer.encoder.config import EncoderConfig
from trainer.encoder.model import BehavioralConsistencyModel, build_encoder
from trainer.encoder.word_vectors import initial_word_vectors


def fit_encoder(
    config: EncoderConfig,
    vocabulary_size: int,
    train,
    validation,
    *,
    log_dir: str,
    backup_dir: str,
    sentences=None,
) -> keras.Model:
    """Trains an encoder until its loss on the validation users stops improving.

    A training that was killed resumes after its last complete epoch when it is called again with
    the same `backup_dir`; shuffling and random cuts then start over from their first epoch's.
    A training that ends deletes the backup.

    Example:

    >>> encoder = fit_encoder(
    ...     config, vocabulary_size, train, validation, log_dir='logs', backup_dir='backup'
    ... )
    >>> user_vectors = encoder.predict(histories)[:, -1]

    Args:
        config: The encoder's configuration.
        vocabulary_size: Integer, the number of words, without padding.
        train: Batches as `training_batches(..., training=True)` makes them.
        validation: Batches as `training_batches(..., training=False)` makes them.
        log_dir: String, where TensorBoard's logs are written.
        backup_dir: String, where the state after every epoch is kept.
        sentences: List of lists of word ids, one a user, what word vectors are trained on. Only
            needed where `config.initial_embeddings` is not `'random'`.

    Returns:
        The encoder, a `keras.Model` as `build_encoder` makes it, of the best epoch.

    Raises:
        ValueError: If `config` asks for word vectors and `sentences` is `None`.
    """
    keras.utils.set_random_seed(config.seed)
    model = build_training_model(config, vocabulary_size)
    if config.initial_embeddings != "random":
        if sentences is None:
            raise ValueError(
                f"`initial_embeddings={config.initial_embeddings!r}` needs `sentences`."
            )
        logging.getLogger("progress").info(
            "%s on the words of %d users", config.initial_embeddings, len(sentences)
        )
        vectors = initial_word_vectors(
            config.initial_embeddings, sentences, vocabulary_size, config.dimension, config.seed
        )
        model.assign_word_vectors(vectors)
    model.fit(
        train,
        validation_data=validation,
        epochs=config.max_epochs,
        verbose=0,
        callbacks=[
            ProgressLog(),
            keras.callbacks.TensorBoard(log_dir),
            ResumableEarlyStopping(backup_dir, monitor="val_loss", patience=config.patience),
            keras.callbacks.BackupAndRestore(backup_dir),
        ],
    )
    return model.encoder


def build_training_model(config: EncoderConfig, vocabulary_size: int) -> BehavioralConsistencyModel:
    """Builds and compiles the model that trains an encoder.

    Example:

    >>> model = build_training_model(EncoderConfig(), vocabulary_size=20_000)
    >>> model.fit(batches)

    Args:
        config: The encoder's configuration.
        vocabulary_size: Integer, the number of words, without padding.

    Returns:
        A compiled `BehavioralConsistencyModel`.
    """
    model = BehavioralConsistencyModel(
        build_encoder(config, vocabulary_size),
        vocabulary_size,
        supervised_hops=config.supervised_hops,
        dropout=config.dropout,
    )
    # Batches differ in shape, and XLA would compile TensorFlow's graph anew for each; JAX has no
    # other way to run one.
    jit_compile = keras.backend.backend() == "jax"
    model.compile(keras.optimizers.Adam(config.learning_rate), jit_compile=jit_compile)
    return model
