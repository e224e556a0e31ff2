"""What sorting users by the length of their histories saves the encoder's training.

    python -m benchmarks.length_sorted_batches
    python -m benchmarks.length_sorted_batches --encoder '{supervised_hops: last}'

Logs have few users with long histories and many with short ones: here lengths are log-normal, the
longest 5 % cut at |S|, the median a tenth of it. The paper's shapes are trained with its own
configuration (d = 256, 5 hops, batches of 256) or another, in turn on the batches of
`training_batches` and on the same users in batches at random, padded to the longest of each.
Counted is the best of several epochs, since other programs only slow down; "padding" is the share
of a batch's behaviours that are none.

It saves most where histories are long and the softmax costs little, as with the loss of the last
hop alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time

from contract.features import HISTORY

# As in a run of the pipeline.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import yaml

from benchmarks.train_step.shapes import BATCH, SHAPES, Shape, draw_words
from benchmarks.transformed_users import write_users
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import training_batches
from trainer.encoder.training import build_training_model

# The quantile of 95 % of a normal distribution, and how far it is to be from the median.
_QUANTILE = 1.645
_SPREAD = np.log(10) / _QUANTILE


def main() -> None:
    """Runs the command line: trains on batches at random and sorted, and prints both rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument(
        "--encoder", default="{}", metavar="YAML", help="a YAML mapping as in `encoder:`"
    )
    parser.add_argument("--users", type=int, default=4096, help="users of an epoch (4096)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each kind (3)")
    args = parser.parse_args()
    config = EncoderConfig.model_validate(yaml.safe_load(args.encoder))
    print(f"{'shape':<11}{'at random':>20}{'sorted':>20}{'ratio':>7}")
    print(f"{'':<11}{'users/s':>10}{'padding':>10}{'users/s':>10}{'padding':>10}")
    for name in args.shapes:
        (slow, much), (fast, little) = _measure(SHAPES[name], config, args.users, args.epochs)
        print(
            f"{name:<11}{slow:>10.0f}{much:>10.0%}{fast:>10.0f}{little:>10.0%}{fast / slow:>7.2f}"
        )


def _measure(
    shape: Shape, config: EncoderConfig, users: int, epochs: int
) -> list[tuple[float, float]]:
    """Users per second and the share of padding, at random and sorted."""
    model = build_training_model(config, shape.vocabulary_size)
    train = model.make_train_function() or model.train_function
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "users-00000-of-00001.gz")
        spec = write_users(path, _users(shape, users))
        ordered = training_batches(path, spec, config, training=True)
        at_random = ordered.unbatch().shuffle(users).padded_batch(BATCH).prefetch(2)
        kinds = [at_random, ordered]
        seconds = [[_epoch(train, batches) for batches in kinds] for _ in range(1 + epochs)]
        # The first epoch also builds the graph and fills the cache.
        best = np.min(seconds[1:], axis=0)
        return [(users / time, _padding(kind)) for time, kind in zip(best, kinds, strict=True)]


def _users(shape: Shape, users: int):
    draws = np.random.default_rng(0).lognormal(np.log(shape.behaviors / 10), _SPREAD, users)
    for user, length in enumerate(np.clip(draws, 1, shape.behaviors).astype(int)):
        history, target = draw_words(shape._replace(behaviors=length), 2, seed=user)
        yield history.tolist(), target.tolist()


def _epoch(train, batches: tf.data.Dataset) -> float:
    start = time.perf_counter()
    iterator = iter(batches)
    with contextlib.suppress(tf.errors.OutOfRangeError):
        while True:
            train(iterator)
    return time.perf_counter() - start


def _padding(batches: tf.data.Dataset) -> float:
    present = [(batch[HISTORY].numpy() != 0).any(axis=2) for batch in batches]
    return 1 - sum(rows.sum() for rows in present) / sum(rows.size for rows in present)


if __name__ == "__main__":
    main()
