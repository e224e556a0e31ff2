"""Flink and Spark give what Beam gives in memory, on hosts that share nothing but the disk.

One run of the whole pipeline on each. Then each component once more in this process: once for both
engines, but for those that a model goes into, for no two runs train the same.
"""

import os
import subprocess

import component_runs
import pytest
from hosts import HERE

from pipeline.steps import BEAM_STEPS

pytestmark = pytest.mark.slow


def test_two_hosts_and_nothing_beyond(hosts):
    if HERE in hosts:
        pytest.skip("one host: namespaces are forbidden here, or it was not by `make test-engines`")
    assert hosts[0].address != hosts[1].address
    network = f"{hosts[0].address.rpartition('.')[0]}.0/24"
    for enter in ((), *(host.enter for host in hosts)):
        found = subprocess.run([*enter, "ip", "route"], check=True, capture_output=True, text=True)
        assert [route.split()[0] for route in found.stdout.splitlines()] == [network]


def test_whole_run(whole_run, pipeline):
    assert whole_run.exit_code == 0, whole_run.text
    assert whole_run.ran >= set(BEAM_STEPS)
    assert len(pipeline.versions) == 1


@pytest.mark.parametrize("kind", ["Unlabelled", "Labelled"])
def test_example_gen(run, in_memory, kind):
    found = run.artifact(f"{kind}ExampleGen", "examples").uri
    expected = in_memory(run, f"{kind}ExampleGen", {})["examples"]
    component_runs.same_ingestion(found, expected)
    assert not os.path.exists(f"{found}/.gathered")


@pytest.mark.parametrize("kind", ["Unlabelled", "Labelled"])
def test_statistics_gen(run, in_memory, kind):
    inputs = {"examples": run.artifact(f"{kind}ExampleGen", "examples")}
    component_runs.same_statistics(
        run.artifact(f"{kind}StatisticsGen", "statistics").uri,
        in_memory(run, f"{kind}StatisticsGen", inputs)["statistics"],
    )


def test_transform(run, in_memory):
    inputs = {
        "examples": run.artifact("UnlabelledExampleGen", "examples"),
        "schema": run.artifact("UnlabelledSchemaGen", "schema"),
    }
    component_runs.same_transform(
        {key: run.artifact("Transform", key).uri for key in component_runs.OF_TRANSFORM},
        in_memory(run, "Transform", inputs),
    )


def test_evaluator(run, tmp_path):
    inputs = {
        "examples": run.artifact("LabelledExampleGen", "examples"),
        "model": run.artifact("HeadsTrainer", "model"),
    }
    outputs = run.execute("Evaluator", inputs, tmp_path)
    component_runs.same_metrics(run.artifact("Evaluator", "evaluation").uri, outputs["evaluation"])


def test_bulk_encoding(run, tmp_path):
    inputs = {"pushed_model": run.artifact("Pusher", "pushed_model")}
    component_runs.same_vectors(
        run.artifact("BulkEncoder", "vectors").uri,
        run.execute("BulkEncoder", inputs, tmp_path)["vectors"],
    )
