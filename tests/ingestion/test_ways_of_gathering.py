"""Which way records are gathered by."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from ingestion.gathering import way_of


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ([], "files"),
        (["--runner=DirectRunner"], "files"),
        (["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"], "files"),
        (["--runner=FlinkRunner"], "shuffle"),
        (["--runner=PortableRunner"], "shuffle"),
        (["--runner=DataflowRunner"], "shuffle"),
        (["--runner=DirectRunner", "--gathering=shuffle"], "shuffle"),
        (["--runner=FlinkRunner", "--gathering=files"], "files"),
        (["--runner=SparkRunner", "--gathering=auto"], "shuffle"),
    ],
)
def test_ways(options, way):
    assert way_of(PipelineOptions(options)) == way
