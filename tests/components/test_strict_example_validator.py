"""The validator that stops the run."""

import os

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.strict_example_validator import AnomaliesError, Executor

_STATISTICS = """
datasets {
  num_examples: 10
  features {
    path { step: "likes" }
    type: INT
    num_stats {
      common_stats {
        num_non_missing: 10 min_num_values: 1 max_num_values: 1 avg_num_values: 1
        tot_num_values: 10
      }
      min: 0 max: 7
    }
  }
}
"""


def _validate(tmp_path, schema):
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(tmp_path / "statistics")
    statistics.split_names = artifact_utils.encode_split_names(["train"])
    os.makedirs(tmp_path / "statistics" / "Split-train")
    io_utils.write_bytes_file(
        str(tmp_path / "statistics" / "Split-train" / "FeatureStats.pb"),
        text_format.Parse(
            _STATISTICS, statistics_pb2.DatasetFeatureStatisticsList()
        ).SerializeToString(),
    )
    schema_artifact = standard_artifacts.Schema()
    schema_artifact.uri = str(tmp_path / "schema")
    io_utils.write_pbtxt_file(
        str(tmp_path / "schema" / "schema.pbtxt"), text_format.Parse(schema, schema_pb2.Schema())
    )
    anomalies = standard_artifacts.ExampleAnomalies()
    anomalies.uri = str(tmp_path / "anomalies")
    Executor().Do(
        {"statistics": [statistics], "schema": [schema_artifact]}, {"anomalies": [anomalies]}, {}
    )
    return anomalies


def test_examples_that_match_pass(tmp_path):
    anomalies = _validate(tmp_path, 'feature { name: "likes" type: INT }')
    assert os.path.exists(os.path.join(anomalies.uri, "Split-train", "SchemaDiff.pb"))


def test_anomalies_stop_the_run_and_are_named(tmp_path):
    schema = """
      feature { name: "likes" type: INT int_domain { min: 0 max: 1 } }
      feature { name: "parent" type: INT presence { min_fraction: 1.0 min_count: 1 } }
    """
    with pytest.raises(AnomaliesError) as error:
        _validate(tmp_path, schema)
    assert "likes: Out-of-range values" in str(error.value)
    assert "parent: Column dropped" in str(error.value)
