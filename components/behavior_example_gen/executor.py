"""The executor: reads logs, and labels, and writes tf.Examples in three splits."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.behavior_example_gen import custom_config
from components.behavior_example_gen.inputs import input_patterns
from contract.splits import SPLITS
from ingestion import report
from ingestion.activity import ActivityBoundaries
from ingestion.config import IngestionConfig, Task
from ingestion.files import InputFile, count_buckets, match_files
from ingestion.gather import GatherByUser
from ingestion.gathering import way_of
from ingestion.shards import WriteShards, publish_shards
from ingestion.statistics import Statistics

_GATHERED = ".gathered"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Turns the files of the input splits `events` and, if there is one, `labels` into examples.

    It does not extend TFX's `BaseExampleGenExecutor`, whose `Do` passes every example through a
    shuffle.
    """

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the component.

        Args:
            input_dict: Empty.
            output_dict: `examples`: gzipped TFRecords of serialized tf.Examples (see
                `examples.py`) in the splits `division.SPLITS`, and the report beside them.
            exec_properties: Those of TFX's file based ExampleGens: `input_base`, `input_config`,
                `output_data_format`, `output_file_format`, and `custom_config` (see
                `custom_config.py`).

        Raises:
            DataError: The files cannot be used; says what, where and what to do about it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config, tasks = custom_config.unpack(
            exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY]
        )
        files = match_files(input_patterns(exec_properties))
        examples = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.EXAMPLES_KEY]
        )
        _describe(examples, exec_properties)
        # Not in TFX's temporary folder, which may be on a disk of this machine alone: where the
        # examples go, every worker must be able to write.
        folder = os.path.join(examples.uri, _GATHERED)
        if fileio.exists(folder):
            fileio.rmtree(folder)
        fileio.makedirs(folder)
        try:
            statistics = self._ingest(files, config, tasks, folder)
            io_utils.write_string_file(
                os.path.join(examples.uri, report.REPORT_FILE),
                report.to_json(statistics, config.losses),
            )
            report.log(statistics, config.losses)
            report.check(statistics, config, tasks)
            publish_shards(
                statistics.shards,
                {split: artifact_utils.get_split_uri([examples], split) for split in SPLITS},
            )
        finally:
            fileio.rmtree(folder)

    def _ingest(
        self,
        files: list[InputFile],
        config: IngestionConfig,
        tasks: Mapping[str, Task],
        folder: str,
    ) -> Statistics:
        """Runs the Beam pipeline.

        What is wrong with the data is counted, not raised: Beam wraps what workers raise in
        messages of many pages.

        Args:
            files: What to read.
            config: How files become examples.
            tasks: Name -> task; empty for unlabelled examples.
            folder: For everything that passes between stages.

        Returns:
            The statistics, with the shards that were written to the folder.
        """
        result = os.path.join(folder, "statistics.json")
        with self._make_beam_pipeline() as pipeline:
            buckets, of_files = (
                pipeline
                | "Files" >> beam.Create(files)
                | "GatherByUser"
                >> GatherByUser(
                    config.columns,
                    tasks,
                    count_buckets(files, way_of(pipeline.options)),
                    folder,
                    config.timestamp_unit,
                    config.html_entities,
                    channels=config.channels,
                )
            )
            reading = of_files | "MergeReading" >> beam.CombineGlobally(_Merge())
            boundaries: Any = ()
            if tasks and config.activity_boundaries is None:
                boundaries = beam.pvalue.AsSingleton(
                    buckets
                    | "ActivityBoundaries"
                    >> ActivityBoundaries(config, beam.pvalue.AsSingleton(reading))
                )
            of_buckets = buckets | "WriteShards" >> beam.ParDo(
                WriteShards(config, tasks, files, folder),
                beam.pvalue.AsSingleton(reading),
                boundaries,
            )
            _ = (
                (reading, of_buckets)
                | "Flatten" >> beam.Flatten()
                | "Merge" >> beam.CombineGlobally(_Merge())
                | "WriteStatistics" >> beam.Map(_write_statistics, result)
            )
        return Statistics.model_validate_json(io_utils.read_string_file(result))


class _Merge(beam.CombineFn):
    """Merges `Statistics`."""

    def create_accumulator(self) -> Statistics:
        return Statistics()

    def add_input(self, accumulator: Statistics, statistics: Statistics) -> Statistics:
        accumulator.merge(statistics)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Statistics]) -> Statistics:
        merged = Statistics()
        for accumulator in accumulators:
            merged.merge(accumulator)
        return merged

    def extract_output(self, accumulator: Statistics) -> Statistics:
        return accumulator


def _write_statistics(statistics: Statistics, path: str) -> None:
    with FileSystems.create(path) as file:
        file.write(statistics.model_dump_json().encode())


def _describe(examples: Artifact, exec_properties: dict[str, Any]) -> None:
    """Tells downstream components which splits there are and how to read them."""
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    examples_utils.set_payload_format(
        examples, exec_properties[standard_component_specs.OUTPUT_DATA_FORMAT_KEY]
    )
    examples_utils.set_file_format(examples, "tfrecords_gzip")
