"""The first Trainer: fits the encoder on unlabelled examples and exports it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Collection

import keras
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from contract.environment import TRAINING_BACKUPS
from contract.event_channels import EVENT_CHANNELS, channels_of
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import (
    measure,
    sentences,
    training_batches,
    user_behaviors,
    user_events,
)
from trainer.encoder.distribution import is_chief, training_strategy
from trainer.encoder.served import ServedEncoder
from trainer.encoder.training import fit_encoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder
from trainer.encoder.warm_start import (
    assign_others,
    check_dimension,
    known_rows,
    read_state,
    start_vectors,
    write_state,
)
from trainer.text.phrases import parts_of_phrases
from trainer.text.vocabulary import read_vocabulary


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point.

    With `TF_CONFIG` every worker calls it with the same arguments, and the chief exports.

    Args:
        fn_args: `train_files`, `eval_files`: transformed examples, for fitting and early stopping;
            `transform_output`: the analysed graph; `serving_model_dir`: where the model goes;
            `model_run_dir`: TensorBoard logs; `custom_config`: `encoder`, an `EncoderConfig` as a
            dict; with `serving.compatible_with` `previous`, path of the model to go on from.
    """
    # Before TensorFlow does anything else: several workers find each other then or never.
    strategy = training_strategy()
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    config = EncoderConfig.model_validate(fn_args.custom_config["encoder"])
    encoder = train_encoder(
        config,
        transform_output,
        fn_args.train_files,
        fn_args.eval_files,
        log_dir=fn_args.model_run_dir,
        backup_dir=_backup_dir(fn_args),
        strategy=strategy,
        previous=fn_args.custom_config.get("previous"),
    )
    if not is_chief(strategy):
        return
    served = ServedEncoder(transform_output.transform_features_layer(), encoder, config.full_vector)
    served.export(fn_args.serving_model_dir)
    if "previous" in fn_args.custom_config:
        words = [word for word, _ in read_vocabulary(transform_output)]
        write_state(encoder.encoder, words, fn_args.serving_model_dir)


def train_encoder(
    config: EncoderConfig,
    transform_output: tft.TFTransformOutput,
    train_files: list[str],
    validation_files: list[str],
    *,
    log_dir: str,
    backup_dir: str,
    strategy=None,
    previous: str | None = None,
    channels: Collection[str] | None = None,
) -> UserEncoder:
    """Trains an encoder on what Transform wrote, and fits the channels beside it.

    Args:
        config: The encoder's configuration.
        transform_output: The analysed graph, with its vocabulary.
        train_files: Patterns of transformed examples to fit.
        validation_files: The same, for early stopping.
        log_dir: Folder for TensorBoard.
        backup_dir: Folder for the state after every epoch.
        strategy: As `fit_encoder` takes it.
        previous: Folder of the exported model to go on from; None or "": of none.
        channels: Of the channels of events that the examples have, those that are used; None: all.

    Returns:
        The user encoder, with the channels of events that the examples have.

    Raises:
        WarmStartError: The earlier model is gone, or its vectors are of another length.
    """
    # Before the batches are described: what is shuffled and left out depends on it.
    keras.utils.set_random_seed(config.seed)
    feature_spec = transform_output.transformed_feature_spec()
    corpus = measure(train_files, feature_spec)
    identity = config.objective == "identity"

    def batches(files: list[str], training: bool):
        return training_batches(
            files, feature_spec, config, max_behaviors=corpus.longest_history, training=training
        )

    vocabulary = [word for word, _ in read_vocabulary(transform_output)]
    phrases = parts_of_phrases(vocabulary)
    encoder = fit_encoder(
        config,
        len(vocabulary),
        batches(train_files, training=True),
        # Nobody can tell who users are that training never saw.
        batches(train_files if identity else validation_files, training=False),
        targets=corpus.users if identity else None,
        log_dir=log_dir,
        backup_dir=backup_dir,
        strategy=strategy,
        sentences=sentences(train_files, feature_spec)
        if config.initial_embeddings != "random"
        else None,
        phrases=phrases,
        start=_warm_start(previous, vocabulary, config) if previous else None,
    )
    wanted = EVENT_CHANNELS if channels is None else channels_of(channels)
    found = [channel for channel in wanted if channel.history in feature_spec]
    if not (config.latent_semantics or config.paragraph_vectors or found):
        return UserEncoder(encoder)

    def users_of(files: list[str]):
        # What is encoded at serving is cut to |S| behaviours too, and the latest are kept.
        behaviors = [u[-corpus.longest_history :] for u in user_behaviors(files, feature_spec)]
        return behaviors, user_events(files, feature_spec, found)

    users, events = users_of(train_files)
    return fit_user_encoder(
        config, encoder, users, events, lambda: users_of(validation_files), phrases
    )


def _warm_start(previous: str, vocabulary: list[str], config: EncoderConfig):
    """What has a training model go on from an earlier one; None if that carries no weights."""
    state = read_state(previous)
    if state is None:
        logging.getLogger("progress").info("the earlier model carries no weights to go on from")
        return None
    check_dimension(state, config.dimension)
    rows = known_rows(state, vocabulary)
    logging.getLogger("progress").info(
        "%s of %s words go on from the earlier model",
        f"{(rows >= 0).sum():,}",
        f"{len(vocabulary):,}",
    )

    def start(model):
        table = model.encoder.get_layer("behavior_embedding").embeddings
        usual = keras.ops.convert_to_numpy(table)
        vectors = start_vectors(usual, state.embeddings, rows)
        if config.initial_embeddings == "random":
            table.assign(vectors)
        else:
            model.assign_word_vectors(vectors)
        assign_others(model.encoder, state)

    return start


def training_key(fn_args: FnArgs) -> str:
    """Names a training: the same files and configuration, the same name."""
    key = json.dumps([fn_args.train_files, fn_args.custom_config], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _backup_dir(fn_args: FnArgs) -> str:
    """A folder that the next attempt at the very same training finds again."""
    # TFX gives every execution its own `model_run_dir`, beside those of earlier ones.
    usual = os.path.dirname(fn_args.model_run_dir.rstrip("/"))
    return os.path.join(os.environ.get(TRAINING_BACKUPS, usual), f"backup-{training_key(fn_args)}")
