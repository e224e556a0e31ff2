"""The first Trainer: fits the encoder on unlabelled examples and exports it."""

from __future__ import annotations

import hashlib
import json
import os

import keras
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from contract.environment import TRAINING_BACKUPS
from contract.features import HISTORY_TIMESTAMPS
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import (
    measure,
    sentences,
    training_batches,
    user_behaviors,
    user_timestamps,
)
from trainer.encoder.distribution import is_chief, training_strategy
from trainer.encoder.served import ServedEncoder
from trainer.encoder.training import fit_encoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder
from trainer.text.phrases import parts_of_phrases
from trainer.text.vocabulary import read_vocabulary


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point.

    With `TF_CONFIG` every worker calls it with the same arguments, and the chief exports.

    Args:
        fn_args: `train_files`, `eval_files`: transformed examples, for fitting and early stopping;
            `transform_output`: the analysed graph; `serving_model_dir`: where the model goes;
            `model_run_dir`: TensorBoard logs; `custom_config`: `encoder`, an `EncoderConfig` as a
            dict.
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
    )
    if not is_chief(strategy):
        return
    served = ServedEncoder(transform_output.transform_features_layer(), encoder, config.full_vector)
    served.export(fn_args.serving_model_dir)


def train_encoder(
    config: EncoderConfig,
    transform_output: tft.TFTransformOutput,
    train_files: list[str],
    validation_files: list[str],
    *,
    log_dir: str,
    backup_dir: str,
    strategy=None,
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

    Returns:
        The user encoder. It has the channel of time if the examples have moments.
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
    )
    has_times = HISTORY_TIMESTAMPS in feature_spec
    if not (config.latent_semantics or config.paragraph_vectors or has_times):
        return UserEncoder(encoder)

    def users_of(files: list[str]):
        # What is encoded at serving is cut to |S| behaviours too, and the latest are kept.
        behaviors = [u[-corpus.longest_history :] for u in user_behaviors(files, feature_spec)]
        return behaviors, user_timestamps(files, feature_spec) if has_times else None

    users, timestamps = users_of(train_files)
    return fit_user_encoder(
        config, encoder, users, timestamps, lambda: users_of(validation_files), phrases
    )


def training_key(fn_args: FnArgs) -> str:
    """Names a training: the same files and configuration, the same name."""
    key = json.dumps([fn_args.train_files, fn_args.custom_config], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _backup_dir(fn_args: FnArgs) -> str:
    """A folder that the next attempt at the very same training finds again."""
    # TFX gives every execution its own `model_run_dir`, beside those of earlier ones.
    usual = os.path.dirname(fn_args.model_run_dir.rstrip("/"))
    return os.path.join(os.environ.get(TRAINING_BACKUPS, usual), f"backup-{training_key(fn_args)}")
