"""What does training teach an encoder that its start does not know?

    python -m experiments.training_gain DATA_DIR
    python -m experiments.training_gain DATA_DIR --seeds 0 1 2 --encoder '{preset: medium}'

DATA_DIR is as for `python -m experiments.quality`. Three models predict the words of the same
validation users' later behaviours: one that gives the words of all training users to everybody;
the encoder as it starts, from Word2Vec, of which only what turns a vector into words is trained;
and the whole encoder, trained from that start. Printed are the KL divergences that the
behavioural consistency loss minimises, and the mean AUC of heads on the vectors of both encoders.
The last column is what training adds, of all that the vector tells about later words.

The encoder is the multi-hop vector alone, without the channels beside it; its last hop is trained.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import tempfile
from typing import Any, NamedTuple

import keras
import numpy as np
import pydantic
import yaml
from rich.console import Console
from rich.table import Table

from contract import exit_codes
from contract.signatures import USER_VECTOR
from experiments.areas import MEAN, task_areas
from experiments.labelled_users import PreparedData, configuration, prepare
from experiments.progress import show_progress
from experiments.representations import encode, of_vectors, sentences_of, vocabulary_of
from ingestion.errors import DataError
from pipeline.config import ConfigError
from serving.quiet import quiet_tensorflow
from trainer.encoder.callbacks import ProgressLog
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

_ALONE = {
    "latent_semantics": 0,
    "paragraph_vectors": 0,
    "objective": "consistency",
    # Of all hops the loss would be a sum.
    "supervised_hops": "last",
}


class Gain(NamedTuple):
    """What was measured with one seed.

    Attributes:
        alike: KL divergence where every user is given the same words, in nats.
        start: That of the encoder as it starts.
        trained: That of the trained encoder.
        start_auc, trained_auc: The mean over the tasks, of heads on the vectors of each.
    """

    alike: float
    start: float
    trained: float
    start_auc: float
    trained_auc: float

    @property
    def share(self) -> float:
        """What training adds, of all that a vector tells about later words."""
        return (self.start - self.trained) / (self.alike - self.trained)


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, trains and measures; returns the exit code."""
    args = _parser().parse_args(arguments)
    quiet_tensorflow()
    console = Console(stderr=True)
    show_progress()
    try:
        config = configuration(args.data_dir, {})
        fields = {**config.encoder.model_dump(), **yaml.safe_load(args.encoder), **_ALONE}
        encoder = EncoderConfig.model_validate(fields)
        if encoder.initial_embeddings == "random":
            raise ConfigError(
                "the encoder starts from random embeddings, which know nothing: "
                "--encoder '{initial_embeddings: word2vec}'."
            )
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(args.work_dir or scratch, pathlib.Path(args.data_dir).name)
            console.log(f"{args.data_dir}: words and examples, tasks {', '.join(config.tasks)}")
            data = prepare(config, folder)
            gains = {}
            for seed in args.seeds:
                gains[seed] = measure_gain(data, encoder.model_copy(update={"seed": seed}), folder)
                console.log(f"seed {seed}: {gains[seed]}")
    except (ConfigError, DataError, pydantic.ValidationError, yaml.YAMLError) as error:
        print(f"error: {error}", file=sys.stderr)
        return exit_codes.USAGE
    _print(gains)
    if args.output:
        found = {seed: {**gain._asdict(), "share": gain.share} for seed, gain in gains.items()}
        pathlib.Path(args.output).write_text(json.dumps(found, indent=2) + "\n")
    return exit_codes.OK


def measure_gain(data: PreparedData, config: EncoderConfig, folder: str) -> Gain:
    """Trains an encoder, and what predicts words from its start.

    Args:
        data: The users.
        config: Of the encoder, with its seed.
        folder: For the logs of the heads.
    """
    from trainer.encoder.dataset import measure, training_batches
    from trainer.encoder.word_vectors import initial_word_vectors
    from trainer.text.phrases import parts_of_phrases

    spec = data.transform_output.transformed_feature_spec()
    longest = measure(data.train_files, spec).longest_history

    def batches(files: list[str], training: bool):
        return training_batches(files, spec, config, max_behaviors=longest, training=training)

    train, validation = batches(data.train_files, True), batches(data.validation_files, False)
    vocabulary = vocabulary_of(data)
    vectors = initial_word_vectors(
        config.initial_embeddings,
        sentences_of(data),
        len(vocabulary),
        config.dimension,
        config.seed,
        parts_of_phrases(vocabulary),
    )
    losses, areas = [], []
    for frozen in (True, False):
        encoder, loss = fit(config, vectors, train, validation, frozen)
        losses.append(loss)
        areas.append(_mean_area(encoder, data, config.seed, folder))
    alike = words_of_all(batches(data.train_files, False), validation, len(vocabulary))
    return Gain(alike, *losses, *areas)


def fit(
    config: EncoderConfig, vectors: np.ndarray, train: Any, validation: Any, frozen: bool
) -> tuple[keras.Model, float]:
    """Trains until the loss of the validation users does not fall any more.

    Args:
        config: Of the encoder.
        vectors: Float32 [words, dimension], what the embeddings start from.
        train: Batches, as `training_batches` makes them.
        validation: The same, of other users.
        frozen: Whether the encoder stays as it starts.

    Returns:
        The encoder, and the lowest loss of the validation users, in nats.
    """
    from trainer.encoder.training import build_training_model

    keras.utils.set_random_seed(config.seed)
    model = build_training_model(config, len(vectors))
    model.assign_word_vectors(vectors)
    model.encoder.trainable = not frozen
    stop = keras.callbacks.EarlyStopping(patience=config.patience, restore_best_weights=True)
    history = model.fit(
        train,
        validation_data=validation,
        epochs=config.max_epochs,
        verbose=0,
        callbacks=[ProgressLog(), stop],
    ).history
    return model.encoder, min(history["val_loss"])


def words_of_all(train: Any, validation: Any, words: int) -> float:
    """The mean KL divergence of the mean distribution of words over the training users.

    Args:
        train: Batches, as `training_batches` makes them.
        validation: The same, of other users.
        words: How many words there are. One occurrence more is spread over all of them.

    Returns:
        In nats.
    """
    mean = np.full(words, 1 / words)
    for batch in train.as_numpy_iterator():
        ids, shares = _targets(batch)
        np.add.at(mean, ids, shares)
    log_mean = np.log(mean / mean.sum())
    divergences = []
    for batch in validation.as_numpy_iterator():
        ids, shares = _targets(batch)
        log_shares = np.log(np.where(shares > 0, shares, 1))
        divergences.append((shares * (log_shares - log_mean[ids])).sum(axis=1))
    return float(np.concatenate(divergences).mean())


def _targets(batch: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the words of each user, and how much of p(w|u) they have; 0 of padding."""
    ids = batch["target_ids"]
    weights = np.where(ids > 0, batch["target_weights"], 0).astype("float64")
    return np.maximum(ids - 1, 0), weights / weights.sum(axis=1, keepdims=True)


def _mean_area(encoder: keras.Model, data: PreparedData, seed: int, folder: str) -> float:
    from trainer.encoder.user_encoder import UserEncoder

    served = UserEncoder(encoder)
    model = of_vectors(
        "",
        lambda *_: lambda users: encode(lambda *inputs: served(*inputs)[USER_VECTOR], users),
    )
    with tempfile.TemporaryDirectory(dir=folder) as logs:
        probabilities = model.evaluate(data, seed, HeadsConfig(), logs)
    users_alike = np.ones((1, len(data.evaluation.word_ids)))
    return float(task_areas(probabilities, data.evaluation, users_alike)[MEAN][0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", metavar="DATA_DIR", help="folder with events and labels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="(default: 0)")
    parser.add_argument(
        "--encoder",
        default="{}",
        metavar="YAML",
        help="what the encoder has instead of what `init` writes",
    )
    parser.add_argument("--output", metavar="FILE", help="also write what is measured, as JSON")
    parser.add_argument("--work-dir", metavar="DIR", help="keep prepared examples here")
    return parser


def _print(gains: dict[int, Gain]) -> None:
    table = Table(title="KL divergence of later words in nats (less is better), and mean AUC")
    columns = ("seed", "words of all users", "start", "trained")
    for name in (*columns, "start, AUC", "trained, AUC", "share by training"):
        table.add_column(name, justify="right")
    for seed, gain in gains.items():
        losses = (f"{loss:.4f}" for loss in (gain.alike, gain.start, gain.trained))
        areas = (f"{area:.4f}" for area in (gain.start_auc, gain.trained_auc))
        table.add_row(str(seed), *losses, *areas, f"{gain.share:.1%}")
    Console(width=None if sys.stdout.isatty() else 110).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
