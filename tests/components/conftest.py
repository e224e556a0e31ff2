"""Runs of the ExampleGen's executor on small files."""

import dataclasses
import json
import pathlib

import pytest

from ingestion.config import IngestionConfig
from pipeline.config import BeamConfig


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

    def run(events, config=None, labels=None, tasks=None, output="examples", beam=()):
        component = BehaviorExampleGen(
            str(tmp_path), events, config or IngestionConfig(), labels, tasks
        )
        properties = {
            name: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
            for name, value in component.spec.exec_properties.items()
        }
        artifact = standard_artifacts.Examples()
        artifact.uri = str(tmp_path / output)
        context = BaseBeamExecutor.Context(beam_pipeline_args=[*BeamConfig().args, *beam])
        Executor(context).Do({}, {"examples": [artifact]}, properties)
        examples = {}
        for folder in sorted((tmp_path / output).glob("Split-*")):
            paths = sorted(str(path) for path in folder.iterdir())
            records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
            examples[folder.name.removeprefix("Split-")] = list(records.as_numpy_iterator())
        report = json.loads((tmp_path / output / "ingestion_report.json").read_text())
        return Run(examples, report, artifact, tmp_path)

    return run
