"""A folder of events and labels, prepared by the pipeline's own components."""

from __future__ import annotations

import glob
import logging
import os
from typing import Any, NamedTuple

import numpy as np
import yaml

from contract.event_channels import channels_of
from contract.features import BEHAVIORS, HISTORY, weight_name
from contract.splits import EVAL, TRAIN, VALIDATION
from pipeline.config import ConfigError, PipelineConfig
from pipeline.init_command import Names, init
from trainer.encoder.config import EncoderConfig

_EVENTS = ("events.jsonl.gz", "events.jsonl", "events.csv.gz", "events.csv", "events.parquet")
_LABELS = ("labels.csv", "labels.csv.gz", "labels.jsonl", "labels.jsonl.gz", "labels.parquet")
_BATCH = 512


class LabelledUsers(NamedTuple):
    """The labelled users of one split.

    Attributes:
        word_ids: Per user, per behaviour, the word ids: what a served encoder reads of the user.
        events: By channel of events that the data have, per user the numbers of the behaviours, as
            of `trainer.text.event_numbers`.
        texts: Per user its most recent texts as they were written, as many as have words.
        labels: Task to (class index int64 [users], weight float32 [users]); weight 0 marks a
            missing label.
    """

    word_ids: list[list[list[int]]]
    events: dict[str, list[list[int]]]
    texts: list[list[str]]
    labels: dict[str, tuple[np.ndarray, np.ndarray]]


class PreparedData(NamedTuple):
    """What representations are fitted on and heads are fitted and tried on.

    Attributes:
        tasks: The number of classes of each task.
        encoder: The encoder's configuration that `init` writes.
        transform_output: The analysed graph (`tft.TFTransformOutput`).
        train_files, validation_files: Patterns of what Transform wrote of all users, labelled or
            not: what an encoder is trained on.
        train, validation, evaluation: The labelled users.
    """

    tasks: dict[str, int]
    encoder: EncoderConfig
    transform_output: Any
    train_files: list[str]
    validation_files: list[str]
    train: LabelledUsers
    validation: LabelledUsers
    evaluation: LabelledUsers


def configuration(
    folder: str, text: dict[str, Any], channels: list[str] | None = None
) -> PipelineConfig:
    """Makes the configuration that `init` would write for a folder.

    Args:
        folder: Holds `events.jsonl.gz` (or .jsonl, .csv, .csv.gz, .parquet) and `labels.csv` (or
            .jsonl, .parquet).
        text: Fields of `TextConfig` that take the place of what `init` writes.
        channels: Of the events, in place of those that `init` writes; `None` changes nothing.

    Raises:
        ConfigError: If a file is missing, or the labels have no column that can be a task.
        pydantic.ValidationError: If a field of `text` or a channel is not known.
    """
    events, labels = _find(folder, _EVENTS), _find(folder, _LABELS)
    content = yaml.safe_load(init("quality", events, labels, Names()))
    content["text"] |= text
    if channels is not None:
        content["data"]["channels"] = channels
    return PipelineConfig.model_validate(content)


def _find(folder: str, names: tuple[str, ...]) -> str:
    for name in names:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return os.path.abspath(path)
    raise ConfigError(f"{folder} has none of {', '.join(names)}. Name a folder that has.")


def prepare(config: PipelineConfig, folder: str) -> PreparedData:
    """Runs the pipeline up to Transform, and reads what it wrote.

    Splits, vocabulary, stems and truncation are so the pipeline's by construction.

    Args:
        config: As `configuration` makes it.
        folder: For the artifacts; given again, nothing unchanged is computed again.
    """
    import tensorflow_transform as tft
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import RunOptions

    from pipeline.backend import Backend
    from pipeline.pipeline import create_pipeline

    logging.getLogger("absl").setLevel(logging.ERROR)
    artifacts = os.path.join(folder, "artifacts")
    pipeline = create_pipeline(
        config,
        Backend(
            pipeline_root=artifacts,
            serving_dir=os.path.join(folder, "serving"),
            metadata_connection_config=sqlite_metadata_connection_config(
                os.path.join(folder, "metadata.sqlite")
            ),
        ),
    )
    LocalDagRunner().run(
        pipeline, run_options=RunOptions(to_nodes=["Transform", "LabelledExampleGen"])
    )

    def newest(component: str, output: str) -> str:
        folders = glob.glob(os.path.join(artifacts, component, output, "*"))
        return max(folders, key=lambda path: int(os.path.basename(path)))

    transform_output = tft.TFTransformOutput(newest("Transform", "transform_graph"))
    transformed = newest("Transform", "transformed_examples")
    labelled = newest("LabelledExampleGen", "examples")
    tasks = {name: len(task.classes) for name, task in config.tasks.items()}
    layer = transform_output.transform_features_layer()
    splits = (
        _read(os.path.join(labelled, f"Split-{split}"), tasks, layer, config)
        for split in (TRAIN, VALIDATION, EVAL)
    )
    return PreparedData(
        tasks,
        config.encoder,
        transform_output,
        [os.path.join(transformed, f"Split-{TRAIN}", "*")],
        [os.path.join(transformed, f"Split-{VALIDATION}", "*")],
        *splits,
    )


def _read(folder: str, tasks: dict[str, int], layer, config: PipelineConfig) -> LabelledUsers:
    import tensorflow as tf

    channels = channels_of(config.data.ingestion.channels)
    inputs = {BEHAVIORS: tf.io.VarLenFeature(tf.string)}
    for channel in channels:
        inputs[channel.feature] = tf.io.VarLenFeature(tf.as_dtype(channel.dtype))
    spec = {}
    for task in tasks:
        spec[task] = tf.io.FixedLenFeature([], tf.int64)
        spec[weight_name(task)] = tf.io.FixedLenFeature([], tf.float32)
    files = sorted(glob.glob(os.path.join(folder, "*")))
    word_ids: list[list[list[int]]] = []
    events: dict[str, list[list[int]]] = {channel.name: [] for channel in channels}
    texts: list[list[str]] = []
    columns: dict[str, list[np.ndarray]] = {name: [] for name in spec}
    for serialized in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH):
        features = tf.io.parse_example(serialized, inputs | spec)
        raw = {HISTORY: features[BEHAVIORS]}
        transformed = layer(raw | {each.history: features[each.feature] for each in channels})
        words = transformed[HISTORY].to_list()
        word_ids += words
        written = tf.RaggedTensor.from_sparse(features[BEHAVIORS]).to_list()
        for user, behaviors in zip(written, words, strict=True):
            texts.append([text.decode() for text in user[len(user) - len(behaviors) :]])
        for channel in channels:
            events[channel.name] += transformed[channel.history].to_list()
        for name, values in columns.items():
            values.append(features[name].numpy())
    column = {name: np.concatenate(values) for name, values in columns.items()}
    labels = {task: (column[task], column[weight_name(task)]) for task in tasks}
    return LabelledUsers(word_ids, events, texts, labels)
