"""From a size and a configuration to hours, bytes and, where there are prices, money."""

from __future__ import annotations

import pydantic

from ingestion.files import InputFile, count_buckets
from pipeline.config import PipelineConfig
from pipeline.estimate.constants import Constants
from pipeline.estimate.size import Size
from trainer.encoder.config import EncoderConfig

_HOUR = 3600.0
_BYTES_OF_A_WORD = 36
"""In CPython: a pointer in a list of 8 bytes, and the number it points to of 28."""


class Estimate(pydantic.BaseModel, frozen=True):
    """What a run costs.

    Attributes:
        cpu_hours: Of the steps of Beam and of the Auditor.
        training_cpu_hours: Of the encoder's training, without a GPU.
        training_gpu_hours: Of it on one V100, of the paper's shape and speed.
        shuffle_bytes: That travel when events come together by user, once.
        disk_bytes: Of the artifacts of one run, without the shuffle's.
        vector_bytes: Of these, the vectors of all users.
        bucket_bytes: Of one bucket of users, through files and through a shuffle.
        worker_bytes: Memory of one worker through files and through a shuffle.
        trainer_bytes: Memory that the trainer's lists of words take, at least.
        auditor_bytes: Memory of the Auditor.
        nightly_cpu_hours: Of encoding all users once.
        serving_cores: That answer the requests at the peak.
    """

    cpu_hours: dict[str, float]
    training_cpu_hours: float
    training_gpu_hours: float
    shuffle_bytes: float
    disk_bytes: float
    vector_bytes: float
    bucket_bytes: dict[str, float]
    worker_bytes: dict[str, float]
    trainer_bytes: float
    auditor_bytes: float
    nightly_cpu_hours: float
    serving_cores: float


def estimate(config: PipelineConfig, size: Size, constants: Constants) -> Estimate:
    """Estimates what a run costs.

    Args:
        config: Of the pipeline; the encoder's and the texts' sections decide on the training.
        size: Of the platform.
        constants: Measured ones.

    Returns:
        The estimate. ExampleGen and StatisticsGen run twice, over all events each time.
    """
    users, events = float(size.users), size.events
    evaluated = users * size.labelled * 0.2
    seconds = {step: growth.at(users, events) for step, growth in constants.cpu.items()}
    # Which has a part of ExampleGen's own.
    del seconds["gathering"]
    seconds["ExampleGen"] *= 2
    seconds["StatisticsGen"] *= 2
    seconds["Auditor"] = evaluated * constants.audit_cpu.value
    bytes_ = {step: growth.at(users, events) for step, growth in constants.bytes.items()}
    logs = events * size.event_bytes
    file = InputFile(index=0, kind="events", path="events.jsonl", size=round(logs))
    buckets = {way: count_buckets([file], way) for way in ("files", "shuffle")}
    trained = users * (0.7 + 0.1)
    epoch = trained * training_seconds(config, size.behaviors, constants)
    return Estimate(
        cpu_hours={step: each / _HOUR for step, each in seconds.items()},
        training_cpu_hours=size.epochs * epoch / _HOUR,
        training_gpu_hours=size.epochs * trained / constants.gpu_users.value / _HOUR,
        shuffle_bytes=bytes_["gathering"],
        disk_bytes=2 * bytes_["ExampleGen"] + bytes_["Transform"] + bytes_["encoding"],
        vector_bytes=bytes_["encoding"],
        bucket_bytes={way: logs / number for way, number in buckets.items()},
        worker_bytes={
            way: constants.worker_bytes.value + constants.bucket_event_bytes.value * events / number
            for way, number in buckets.items()
        },
        trainer_bytes=_lists_of_words(config.encoder, trained * size.behaviors * size.words),
        auditor_bytes=evaluated * constants.audit_bytes.value,
        nightly_cpu_hours=seconds["encoding"] / _HOUR,
        serving_cores=size.requests * constants.request_cpu.value,
    )


def training_seconds(config: PipelineConfig, behaviors: float, constants: Constants) -> float:
    """CPU seconds of one user in one epoch: products with the vocabulary and with keys and values.

    Args:
        config: Of the pipeline.
        behaviors: Of a user, on average; the half of them that is the history is read.
        constants: Measured ones.
    """
    encoder, text = config.encoder, config.text
    history = behaviors / 2
    if isinstance(text.max_behaviors, int):
        history = min(history, text.max_behaviors)
    hops = encoder.hops if encoder.supervised_hops == "all" else 1
    # Forward and twice backward, a multiplication and an addition each.
    products: float = 6 * encoder.dimension * hops * text.vocabulary_size
    products += 12 * encoder.dimension**2 * history
    faster = constants.bfloat16.value if encoder.precision == "bfloat16" else 1.0
    return products / constants.training_flops.value / faster


def _lists_of_words(encoder: EncoderConfig, words: float) -> float:
    """Word2Vec and latent semantic analysis take all training users' words at once."""
    held = encoder.initial_embeddings != "random" or encoder.latent_semantics
    return words * _BYTES_OF_A_WORD if held else 0.0
