"""Beam's steps on workers in processes of their own give what they give in memory.

Beam's own job service, and a pool of workers that shares nothing with this process but the disk:
whatever a step needs must be pickled, or lie below the folders that it is given.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys

import apache_beam as beam
import component_runs
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from component_runs import ComponentRuns
from tfx.types import standard_artifacts

from ingestion import files
from pipeline.config import BeamConfig
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
        "apache_beam.runners.portability.local_job_service_main": f"--port={ports[0]}",
        "pipeline.worker_pool": f"--port={ports[1]}",
    }
    processes = []
    try:
        for module, port in commands.items():
            temporary = folder / module
            temporary.mkdir()
            with open(folder / f"{module}.log", "w") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", module, port],
                        env={**os.environ, "TMPDIR": str(temporary)},
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


@pytest.fixture
def run(pipeline, portable):
    return ComponentRuns(pipeline, portable)


def test_example_gen(run, tmp_path, monkeypatch):
    # Several buckets, so that users come together from more than one stage.
    monkeypatch.setattr(files, "_BUCKET_BYTES", 100_000)
    examples = run.execute("LabelledExampleGen", {}, tmp_path)["examples"]
    expected = run.artifact("LabelledExampleGen", "examples").uri
    assert len(os.listdir(f"{examples}/Split-train")) > len(os.listdir(f"{expected}/Split-train"))
    component_runs.same_ingestion(examples, expected)


def test_statistics_gen(run, tmp_path):
    inputs = {"examples": run.artifact("LabelledExampleGen", "examples")}
    statistics = run.execute("LabelledStatisticsGen", inputs, tmp_path)["statistics"]
    component_runs.same_statistics(
        statistics, run.artifact("LabelledStatisticsGen", "statistics").uri
    )


def test_transform(run, tmp_path):
    inputs = {
        "examples": run.artifact("UnlabelledExampleGen", "examples"),
        "schema": run.artifact("UnlabelledSchemaGen", "schema"),
    }
    component_runs.same_transform(
        run.execute("Transform", inputs, tmp_path),
        {key: run.artifact("Transform", key).uri for key in component_runs.OF_TRANSFORM},
    )


def test_evaluator(run, pipeline, tmp_path):
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    os.makedirs(model.uri)
    os.symlink(pipeline.first_model, f"{model.uri}/Format-Serving")
    inputs = {"examples": run.artifact("LabelledExampleGen", "examples"), "model": model}
    outputs = run.execute("Evaluator", inputs, tmp_path / "outputs")
    component_runs.same_metrics(outputs["evaluation"], run.artifact("Evaluator", "evaluation").uri)
    assert os.path.exists(f"{outputs['blessing']}/BLESSED")


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
        EncodingConfig(channels=("type", "value")),
        lambda: beam.Pipeline(options=PipelineOptions(_IN_MEMORY)),
    )
    component_runs.same_vectors(found, expected)
