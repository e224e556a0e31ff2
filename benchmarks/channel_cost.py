"""What the channels beside the multi-hop vector cost: fitting them, and encoding with them.

    python -m benchmarks.channel_cost
    python -m benchmarks.channel_cost --users 40000 --encoder '{preset: medium}'

Users of made-up words and events, of 20 behaviours of 8 words on average; the encoder is not
trained, which takes as long with channels as without; a tenth as many others tell how consistent
users are. Counted is the best of several rounds, all kinds in turn in each, since other programs
only slow down; ratios are to the multi-hop vector alone.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import yaml

from contract.event_channels import TIME, TYPE, VALUE
from contract.signatures import USER_VECTOR
from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers import EVENT_LAYERS
from trainer.encoder.model import build_encoder
from trainer.encoder.user_encoder import fit_user_encoder, padded
from trainer.text.event_ranges import KNOWN_TYPES, PERCENTILES

_BATCH = 256
_BEHAVIORS, _WORDS = 20, 8
_YEAR = 365 * 86_400
_NOW = 1_700_000_000


def main() -> None:
    """Runs the command line: fits and encodes with each kind of channels, and prints both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=10_000, help="to fit on (10000)")
    parser.add_argument("--vocabulary", type=int, default=50_000, help="|V| (50000)")
    parser.add_argument("--rounds", type=int, default=5, help="of encoding 2,048 users (5)")
    parser.add_argument(
        "--encoder",
        default="{preset: small}",
        metavar="YAML",
        help="a YAML mapping as in `encoder:` (preset: small)",
    )
    args = parser.parse_args()
    config = EncoderConfig.model_validate(yaml.safe_load(args.encoder))
    users, events = _users(args.users, args.vocabulary, seed=0)
    others, of_others = _users(args.users // 10, args.vocabulary, seed=1)
    none = {"latent_semantics": 0, "paragraph_vectors": 0}
    kinds = {
        "multi-hop alone": (none, []),
        "and latent semantics": ({"paragraph_vectors": 0}, []),
        "and paragraph vectors": ({"latent_semantics": 0}, []),
        **{f"and {name}": (none, [name]) for name in EVENT_LAYERS},
        "and all that is set": ({}, list(EVENT_LAYERS)),
    }
    encoder = build_encoder(config, args.vocabulary)
    encoders, fitting = {}, {}
    for name, (without, channels) in kinds.items():
        started = time.perf_counter()
        encoders[name] = fit_user_encoder(
            config.model_copy(update=without),
            encoder,
            users,
            {channel: events[channel] for channel in channels},
            others=lambda channels=channels: (others, {name: of_others[name] for name in channels}),
        )
        fitting[name] = time.perf_counter() - started
    few = {name: numbers[:2048] for name, numbers in events.items()}
    rates = _rates(encoders, users[:2048], few, args.rounds)
    alone = next(iter(rates.values()))
    print(f"{'':<22}{'fitting, s':>12}{'users/s':>10}{'ratio':>8}")
    for name, rate in rates.items():
        print(f"{name:<22}{fitting[name]:>12.1f}{rate:>10,.0f}{rate / alone:>8.2f}")


def _users(count: int, vocabulary: int, seed: int):
    """Histories of word ids, frequent words first, and their events: moments, types, values."""
    rng = np.random.default_rng(seed)
    users: list[list[list[int]]] = []
    events: dict[str, list[np.ndarray]] = {name: [] for name in EVENT_LAYERS}
    for behaviors in rng.poisson(_BEHAVIORS - 1, count) + 1:
        words = rng.poisson(_WORDS - 1, behaviors) + 1
        ids = np.minimum(rng.zipf(1.2, words.sum()), vocabulary).tolist()
        ends = np.cumsum(words)
        users.append([ids[end - n : end] for n, end in zip(words, ends, strict=True)])
        events[TIME.name].append(np.sort(_NOW - rng.integers(0, _YEAR, behaviors)))
        events[TYPE.name].append(rng.integers(1, KNOWN_TYPES + 2, behaviors))
        events[VALUE.name].append(rng.integers(1, PERCENTILES + 1, behaviors))
    return users, events


def _rates(encoders, users, events, rounds: int) -> dict[str, float]:
    """Users per second in batches, compiled as the served model is."""
    batches = [
        padded(
            users[start : start + _BATCH],
            {name: numbers[start : start + _BATCH] for name, numbers in events.items()},
        )
        for start in range(0, len(users), _BATCH)
    ]
    functions = {
        name: tf.function(
            lambda ids, events, each=each: each(ids, events)[USER_VECTOR],
            input_signature=[
                tf.TensorSpec([None, None, None], tf.int64),
                {channel: tf.TensorSpec([None, None], tf.int64) for channel in events},
            ],
        )
        for name, each in encoders.items()
    }
    best = dict.fromkeys(encoders, np.inf)
    # The first round traces.
    for round_ in range(rounds + 1):
        for name, encode in functions.items():
            started = time.perf_counter()
            for ids, of_events in batches:
                encode(
                    tf.constant(ids), {name: tf.constant(of) for name, of in of_events.items()}
                ).numpy()
            if round_:
                best[name] = min(best[name], time.perf_counter() - started)
    return {name: len(users) / seconds for name, seconds in best.items()}


if __name__ == "__main__":
    main()
