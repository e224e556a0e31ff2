"""Nightly encodings by a child that may die of it."""

from __future__ import annotations

import json
import os
import pathlib

from injection import Writes, die_at

EVENTS = [("a", 3, "xx"), ("b", 5, "y"), ("c", 6, "z"), ("d", 7, "zz"), ("e", 8, "yy")]


def write_events(folder: pathlib.Path, events) -> str:
    """Writes events to a file each, so that there is something to do between two of them."""
    folder.mkdir()
    for number, (user, timestamp, text) in enumerate(events):
        event = {"user_id": user, "timestamp": timestamp, "text": text}
        (folder / f"{number}.jsonl").write_text(json.dumps(event) + "\n")
    return str(folder)


def export_model(folder: str) -> None:
    """Exports a model: user vector of number of bytes, number of texts, latest moment."""
    import tensorflow as tf

    from contract.signatures import USER_VECTOR
    from trainer.export.signatures import ServedModel

    class Lengths(ServedModel):
        def outputs(self, behaviors, events):
            size = tf.cast(tf.strings.length(behaviors), tf.float32)
            there = tf.cast(size > 0, tf.float32)
            moments = tf.cast(tf.pad(events["timestamps"], [[0, 0], [1, 0]]), tf.float32)
            parts = [tf.reduce_sum(size, 1), tf.reduce_sum(there, 1), tf.reduce_max(moments, 1)]
            return {USER_VECTOR: tf.stack(parts, axis=1)}

    Lengths().export(folder)


def encode(folder: str, events: str, output: str, die: int = 0, **options) -> None:
    """Encodes with the model in `folder/1`, in so many buckets that one has hardly two users.

    Args:
        folder: Of the test.
        events: Their folder.
        output: Name of the folder of vectors.
        die: Number of the write in which this process is killed; 0: none.
        **options: Of `encode_events`.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from serving.bulk import encoding
    from serving.bulk.config import EncodingConfig

    encoding.count_buckets = lambda files, way: 4
    runner = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    path = os.path.join(folder, output)
    if die:
        Writes(path, die_at(die)).install()
    encoding.encode_events(
        [events],
        os.path.join(folder, "1"),
        path,
        EncodingConfig(),
        lambda: beam.Pipeline(options=PipelineOptions([runner])),
        **options,
    )
