"""Beam's steps on workers in processes of their own give what they give in memory.

Beam's own job service, and a pool of workers that shares nothing with this process but the disk:
whatever a step needs must be pickled, or lie below the folders that it is given.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import apache_beam as beam
import grpc
import ml_metadata as mlmd
import numpy as np
import pyarrow.dataset
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration import metadata
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from ingestion import files
from pipeline.backend import Backend
from pipeline.config import BeamConfig, PipelineConfig
from pipeline.pipeline import create_pipeline
from serving.bulk.config import EncodingConfig
from serving.bulk.encoding import encode_events

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
_START_SECONDS = 600
_IN_MEMORY = list(BeamConfig().args)


@pytest.fixture(scope="module")
def portable(tmp_path_factory):
    """Options for a job service and workers that last as long as the tests of this file."""
    folder = tmp_path_factory.mktemp("beam")
    ports = [_free_port() for _ in range(2)]
    commands = {
        "portability.local_job_service_main": [f"--port={ports[0]}"],
        "worker.worker_pool_main": [f"--service_port={ports[1]}"],
    }
    processes = []
    try:
        for module, arguments in commands.items():
            temporary = folder / module
            temporary.mkdir()
            with open(folder / f"{module}.log", "w") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", f"apache_beam.runners.{module}", *arguments],
                        # The pool starts its workers as `python`.
                        env={
                            **os.environ,
                            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
                            "TMPDIR": str(temporary),
                        },
                        cwd=_ROOT,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        for port in ports:
            with grpc.insecure_channel(f"localhost:{port}") as channel:
                grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{ports[0]}",
            "--job_server_timeout=600",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{ports[1]}",
            # The workers have this project already: TFX must not send itself as a package.
            "--sdk_container_image=none",
        ]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


class _Run:
    """What the first run of the pipeline left, and how to execute its components once more."""

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
            os.makedirs(artifact.uri)
            outputs[key] = [artifact]
        properties = {
            name: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
            for name, value in node.exec_properties.items()
        }
        context = BaseBeamExecutor.Context(beam_pipeline_args=self._args, tmp_dir="/dev/null")
        executor = node.executor_spec.executor_class(context)
        executor.Do({key: [artifact] for key, artifact in inputs.items()}, outputs, properties)
        return {key: artifact.uri for key, (artifact,) in outputs.items()}


@pytest.fixture
def run(pipeline, portable):
    return _Run(pipeline, portable)


def _examples(folder):
    """All examples of a split; neither the order of examples nor that of features has a meaning."""
    paths = tf.io.gfile.glob(f"{folder}/*.gz")
    records = tf.data.TFRecordDataset(paths, "GZIP").as_numpy_iterator()
    examples = map(tf.train.Example.FromString, records)
    return sorted(example.SerializeToString(deterministic=True) for example in examples)


def test_example_gen(run, tmp_path, monkeypatch):
    # Several buckets, so that users come together from more than one stage.
    monkeypatch.setattr(files, "_BUCKET_BYTES", 100_000)
    examples = run.execute("LabelledExampleGen", {}, tmp_path)["examples"]
    expected = run.artifact("LabelledExampleGen", "examples").uri
    assert len(os.listdir(f"{examples}/Split-train")) > len(os.listdir(f"{expected}/Split-train"))
    for split in ("train", "validation", "eval"):
        assert _examples(f"{examples}/Split-{split}") == _examples(f"{expected}/Split-{split}")
    reports = [
        json.loads(pathlib.Path(f, "ingestion_report.json").read_text())
        for f in (examples, expected)
    ]
    assert reports[0] == reports[1]


def test_statistics_gen(run, tmp_path):
    inputs = {"examples": run.artifact("LabelledExampleGen", "examples")}
    statistics = run.execute("LabelledStatisticsGen", inputs, tmp_path)["statistics"]
    expected = run.artifact("LabelledStatisticsGen", "statistics").uri
    for split in ("train", "validation", "eval"):
        path = f"Split-{split}/FeatureStats.pb"
        found = _exact(f"{statistics}/{path}")
        assert found == _exact(f"{expected}/{path}")
        assert found.datasets[0].num_examples > 0


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


def test_transform(run, tmp_path):
    inputs = {
        "examples": run.artifact("UnlabelledExampleGen", "examples"),
        "schema": run.artifact("UnlabelledSchemaGen", "schema"),
    }
    outputs = run.execute("Transform", inputs, tmp_path)
    assets = "transform_fn/assets"
    graphs = outputs["transform_graph"], run.artifact("Transform", "transform_graph").uri
    names = [sorted(os.listdir(f"{graph}/{assets}")) for graph in graphs]
    assert names[0] == names[1]
    assert names[0]
    for name in names[0]:
        found, expected = (pathlib.Path(graph, assets, name).read_bytes() for graph in graphs)
        assert found == expected, name
    expected = run.artifact("Transform", "transformed_examples").uri
    for split in ("train", "validation"):
        found = _examples(f"{outputs['transformed_examples']}/Split-{split}")
        assert found == _examples(f"{expected}/Split-{split}")


def test_evaluator(run, pipeline, tmp_path):
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    os.makedirs(model.uri)
    os.symlink(pipeline.first_model, f"{model.uri}/Format-Serving")
    inputs = {"examples": run.artifact("LabelledExampleGen", "examples"), "model": model}
    outputs = run.execute("Evaluator", inputs, tmp_path / "outputs")
    found = _metrics(outputs["evaluation"])
    expected = _metrics(run.artifact("Evaluator", "evaluation").uri)
    assert {key[1] for key in found} >= {"auc", "sparse_categorical_accuracy"}
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert os.path.exists(f"{outputs['blessing']}/BLESSED")


def _metrics(path):
    return {
        (str(metrics.slice_key), item.key.name, str(item.key)): item.value.double_value.value
        for metrics in tfma.load_metrics(path)
        for item in metrics.metric_keys_and_values
        if item.value.HasField("double_value")
    }


def test_bulk_encoding(run, pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BUCKET_BYTES", 100_000)
    version = tmp_path / "1"
    os.symlink(pipeline.first_model, version)
    pushed = standard_artifacts.PushedModel()
    pushed.set_int_custom_property("pushed", 1)
    pushed.set_string_custom_property("pushed_destination", str(version))
    found = run.execute("BulkEncoder", {"pushed_model": pushed}, tmp_path / "portable")["vectors"]
    expected = str(tmp_path / "in_memory")
    encode_events(
        [pipeline.config["data"]["events"]],
        str(version),
        expected,
        EncodingConfig(),
        lambda: beam.Pipeline(options=PipelineOptions(_IN_MEMORY)),
    )
    found, expected = (
        pyarrow.dataset.dataset(path, format="parquet").to_table().sort_by("user_id")
        for path in (found, expected)
    )
    assert found.num_rows == 500
    assert found.drop(["vector"]) == expected.drop(["vector"])
    np.testing.assert_allclose(
        *(np.stack(table["vector"].to_numpy()) for table in (found, expected)), atol=1e-6
    )
