"""A pipeline of its own, which the tests of this folder share."""

import shutil

import pytest
from pipeline_runs import PipelineRuns


@pytest.fixture(scope="package")
def pipeline_in():
    """Returns a function that makes a pipeline in a folder, or takes the one that is there."""
    return PipelineRuns


@pytest.fixture(scope="package")
def finished(tmp_path_factory):
    """A run whose command is killed in the middle, then the same command again; both are kept."""
    pipeline = PipelineRuns(tmp_path_factory.mktemp("pipeline"))
    process = pipeline.start()
    for line in process.stdout:
        if "Transform" in line:
            process.kill()
            break
    process.communicate()
    # The local runner ends by itself, for want of its command.
    pipeline.wait_until_free()
    assert not pipeline.versions
    run = pipeline.run()
    assert run.exit_code == 0, run.text
    shutil.copytree(run.summary["model"], pipeline.first_model)
    pipeline.keep()
    return pipeline, run


@pytest.fixture
def pipeline(finished):
    """The pipeline as the first run left it, whatever other tests did."""
    pipeline, _ = finished
    pipeline.restore()
    return pipeline


@pytest.fixture(scope="package")
def first_run(finished):
    """The run that ended with a pushed model."""
    return finished[1]


@pytest.fixture(scope="package")
def first_model(finished):
    """A copy of the model that the first run pushed."""
    return finished[0].first_model
