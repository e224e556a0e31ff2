"""Real engines, where `make test-engines` has installed them."""

import os
import pathlib

import pytest
from clusters import Flink, Spark, start_pools
from component_runs import ComponentRuns
from hosts import HERE, Processes, namespaces
from pipeline_runs import PipelineRuns

from pipeline.config import BeamConfig

_INSTALLED = os.environ.get("ENGINES")


def pytest_collection_modifyitems(items):
    if not _INSTALLED:
        reason = "needs Flink and Spark, which `make test-engines` installs and starts"
        for item in items:
            if item.path.parent == pathlib.Path(__file__).parent:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def hosts():
    """Two hosts with addresses of their own; one where network namespaces are forbidden."""
    try:
        with namespaces(2) as found:
            yield found
    except PermissionError:
        yield [HERE, HERE]


@pytest.fixture(scope="session")
def pools(hosts, tmp_path_factory):
    """Python workers on each host, for whatever engine runs there."""
    processes = Processes(tmp_path_factory.mktemp("pools"))
    try:
        start_pools(processes, hosts)
        yield
    finally:
        processes.kill_all()


@pytest.fixture(scope="session", params=[Flink, Spark], ids=["flink", "spark"])
def engine(request, hosts, pools, tmp_path_factory):
    """A cluster of two workers on two hosts."""
    processes = Processes(tmp_path_factory.mktemp("engine"))
    try:
        yield request.param(pathlib.Path(_INSTALLED), processes, hosts)
    finally:
        processes.kill_all()


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """Where all pipelines have their logs: reports name the files that were read."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def pipeline(engine, logs, tmp_path_factory):
    """A pipeline whose components run on the engine."""
    pipeline = PipelineRuns(tmp_path_factory.mktemp("pipeline"), logs)
    pipeline.config["beam"] = {"args": list(engine.options)}
    pipeline.config["serving"] = {"encode_users": True}
    # What is compared does not need good heads, nor many.
    pipeline.config["heads"] = {"max_epochs": 2}
    tasks = pipeline.config["tasks"]
    pipeline.config["tasks"] = {name: tasks[name] for name in ("likes_outdoor", "age_range")}
    return pipeline


@pytest.fixture(scope="session")
def whole_run(pipeline):
    """One run of the whole pipeline on the engine."""
    return pipeline.run()


@pytest.fixture(scope="session")
def run(pipeline, whole_run):
    """What it left, and its components to be executed once more, in memory."""
    assert whole_run.exit_code == 0, whole_run.text
    return ComponentRuns(pipeline, list(BeamConfig().args))


@pytest.fixture(scope="session")
def in_memory(tmp_path_factory):
    """Executes a component of a run in memory, once for both engines.

    For the components before the trainers: what goes into them is the same in every run, which
    the tests of the components before them hold.
    """
    made = {}

    def execute(run, component, inputs):
        if component not in made:
            made[component] = run.execute(component, inputs, tmp_path_factory.mktemp(component))
        return made[component]

    return execute
