"""Runs of the executor on small files."""

import dataclasses
import gzip
import json
import pathlib

import pytest

from components.behavior_example_gen.config import IngestionConfig


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run of the executor left behind."""

    examples: dict
    report: dict
    artifact: object
    folder: pathlib.Path


@pytest.fixture
def ingest(tmp_path):
    """Returns a function that runs the executor, as TFX does, on files in `tmp_path`."""
    import tensorflow as tf
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.behavior_example_gen.component import BehaviorExampleGen
    from components.behavior_example_gen.executor import Executor

    def run(events, config=None, labels=None, tasks=None, output="examples"):
        component = BehaviorExampleGen(
            str(tmp_path), events, config or IngestionConfig(), labels, tasks
        )
        properties = {
            name: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
            for name, value in component.spec.exec_properties.items()
        }
        artifact = standard_artifacts.Examples()
        artifact.uri = str(tmp_path / output)
        context = BaseBeamExecutor.Context(beam_pipeline_args=["--runner=DirectRunner"])
        Executor(context).Do({}, {"examples": [artifact]}, properties)
        examples = {}
        for folder in sorted((tmp_path / output).glob("Split-*")):
            paths = sorted(str(path) for path in folder.iterdir())
            records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
            examples[folder.name.removeprefix("Split-")] = list(records.as_numpy_iterator())
        report = json.loads((tmp_path / output / "ingestion_report.json").read_text())
        return Run(examples, report, artifact, tmp_path)

    return run


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes a file below `tmp_path`: text, bytes or JSON objects."""

    def write_file(name, content):
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        if isinstance(content, str):
            content = content.encode()
        if name.lower().endswith(".gz"):
            content = gzip.compress(content)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return write_file


@pytest.fixture
def events():
    """Returns a function that makes events of users u0, u1, ...: texts `<user> <number>`."""

    def make(users, each=4):
        return [
            {"user_id": f"u{user}", "timestamp": 1000 + number, "text": f"u{user} {number}"}
            for number in range(each)
            for user in range(users)
        ]

    return make
