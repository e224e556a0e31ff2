"""Executes single components of a pipeline, and compares what they write."""

import json
import os
import pathlib

import ml_metadata as mlmd
import numpy as np
import pyarrow.dataset
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration import metadata
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from pipeline.backend import Backend
from pipeline.config import PipelineConfig
from pipeline.pipeline import create_pipeline

OF_TRANSFORM = ("transform_graph", "transformed_examples")


class ComponentRuns:
    """What a run of a pipeline left, and how to execute its components once more.

    Args:
        pipeline: A `PipelineRuns`.
        args: Options for Beam.
    """

    def __init__(self, pipeline, args):
        self._artifacts = str(pipeline.output / "artifacts")
        self._store = mlmd.MetadataStore(
            metadata.sqlite_metadata_connection_config(str(pipeline.output / "metadata.sqlite"))
        )
        self._args = args
        config = PipelineConfig.model_validate(
            {**pipeline.config, "serving": {"encode_users": True}}
        )
        wired = create_pipeline(config, Backend(pipeline_root="unused", serving_dir="unused"))
        self._nodes = {node.id: node for node in wired.components}

    def artifact(self, component, key):
        """The first complete output of a component, as TFX knows it."""
        folder = f"{self._artifacts}/{component}/{key}/"
        found = [
            artifact
            for artifact in self._store.get_artifacts()
            if artifact.uri.startswith(folder)
            and artifact.state == metadata_store_pb2.Artifact.LIVE
        ]
        first = min(found, key=lambda artifact: artifact.id)
        (kind,) = self._store.get_artifact_types_by_id([first.type_id])
        return artifact_utils.deserialize_artifact(kind, first)

    def execute(self, component, inputs, folder):
        """Runs a component's executor; its outputs go below the folder.

        TFX's folder for temporary files cannot be used: on a cluster it may be on one machine's
        disk.
        """
        node = self._nodes[component]
        outputs = {}
        for key, channel in node.outputs.items():
            artifact = channel.type()
            artifact.uri = str(folder / key)
            # A retry has the folder of the attempt that failed.
            os.makedirs(artifact.uri, exist_ok=True)
            outputs[key] = [artifact]
        properties = {
            name: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
            for name, value in node.exec_properties.items()
        }
        context = BaseBeamExecutor.Context(beam_pipeline_args=self._args, tmp_dir="/dev/null")
        executor = node.executor_spec.executor_class(context)
        executor.Do({key: [artifact] for key, artifact in inputs.items()}, outputs, properties)
        return {key: artifact.uri for key, (artifact,) in outputs.items()}


def same_ingestion(found, expected):
    """Whether two ExampleGens wrote the same, in however many files; and the same report."""
    for split in ("train", "validation", "eval"):
        if os.path.exists(f"{expected}/Split-{split}"):
            assert _examples(f"{found}/Split-{split}") == _examples(f"{expected}/Split-{split}")
    reports = [
        json.loads(pathlib.Path(f, "ingestion_report.json").read_text()) for f in (found, expected)
    ]
    assert reports[0] == reports[1]


def _examples(folder):
    """All examples of a split; neither the order of examples nor that of features has a meaning."""
    paths = tf.io.gfile.glob(f"{folder}/*.gz")
    records = tf.data.TFRecordDataset(paths, "GZIP").as_numpy_iterator()
    examples = map(tf.train.Example.FromString, records)
    return sorted(example.SerializeToString(deterministic=True) for example in examples)


def same_statistics(found, expected):
    """Whether two StatisticsGens found the same."""
    splits = sorted(os.listdir(expected))
    assert splits
    assert sorted(os.listdir(found)) == splits
    for split in splits:
        statistics = _exact(f"{found}/{split}/FeatureStats.pb")
        assert statistics == _exact(f"{expected}/{split}/FeatureStats.pb")
        assert statistics.datasets[0].num_examples > 0


def _exact(path):
    """Statistics without the tail of rare texts.

    Which of equally frequent ones a sketch keeps goes by the size of Beam's batches, and differs
    between any two runs in memory too.
    """
    statistics = tfdv.load_stats_binary(path)
    for feature in statistics.datasets[0].features:
        if feature.HasField("string_stats"):
            assert len(feature.string_stats.top_values) > 0
            feature.string_stats.ClearField("rank_histogram")
    return statistics


def same_transform(found, expected):
    """Whether two Transforms made the same vocabularies and rows.

    Args:
        found: Key of an output to its folder.
        expected: The same.
    """
    assets = "transform_fn/assets"
    graphs = found["transform_graph"], expected["transform_graph"]
    names = [sorted(os.listdir(f"{graph}/{assets}")) for graph in graphs]
    assert names[0] == names[1]
    assert names[0]
    for name in names[0]:
        one, other = (pathlib.Path(graph, assets, name).read_bytes() for graph in graphs)
        assert one == other, name
    for split in ("train", "validation"):
        rows = _examples(f"{found['transformed_examples']}/Split-{split}")
        assert rows == _examples(f"{expected['transformed_examples']}/Split-{split}")


def same_metrics(found, expected):
    """Whether two Evaluators measured the same, to 1e-6."""
    found, expected = _metrics(found), _metrics(expected)
    assert {key[1] for key in found} >= {"auc", "sparse_categorical_accuracy"}
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)


def _metrics(path):
    return {
        (str(metrics.slice_key), item.key.name, str(item.key)): item.value.double_value.value
        for metrics in tfma.load_metrics(path)
        for item in metrics.metric_keys_and_values
        if item.value.HasField("double_value")
    }


def same_vectors(found, expected):
    """Whether two bulk encodings gave the same users the same vectors, to 1e-6."""
    found, expected = (
        pyarrow.dataset.dataset(path, format="parquet").to_table().sort_by("user_id")
        for path in (found, expected)
    )
    assert found.num_rows == 500
    assert found.drop(["vector"]) == expected.drop(["vector"])
    np.testing.assert_allclose(
        *(np.stack(table["vector"].to_numpy()) for table in (found, expected)), atol=1e-6
    )
