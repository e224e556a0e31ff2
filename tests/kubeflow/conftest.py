"""Small pipelines of shell commands, compiled by kfp's own compiler."""

import pytest
import yaml
from kfp import compiler, dsl

from kubeflow.local import spec
from kubeflow.local.cache import Cache
from kubeflow.local.runner import Runner


class Shell:
    """A pipeline of shell commands and its runs.

    Attributes:
        file: The compiled file.
        events: What the last run reported.
    """

    def __init__(self, folder):
        self._folder = folder
        self.file = folder / "pipeline.yaml"
        self.events = []
        self._runs = 0

    def compile(self, function):
        """Compiles a function in KFP's language."""
        compiler.Compiler().compile(dsl.pipeline(name="shell")(function), str(self.file))

    def change(self, edit):
        """Edits the compiled specification."""
        documents = list(yaml.safe_load_all(self.file.read_text()))
        edit(documents[0])
        self.file.write_text(yaml.safe_dump_all(documents))

    def run(self, parallel=1, cache=True, inherited=(), **given):
        """Runs it; returns name -> outcome."""
        self._runs += 1
        run_folder = self._folder / "runs" / str(self._runs)
        run_folder.mkdir(parents=True)
        store = str(self._folder / "store")
        self.events = []
        pipeline = spec.load(str(self.file))
        runner = Runner(
            pipeline,
            pipeline.arguments(given),
            run_root=f"s3://bucket/root/{self._runs}",
            store=store,
            run_folder=str(run_folder),
            cache=Cache(str(self._folder / "cache.json"), store) if cache else None,
            folder=str(self._folder),
            environment={"FROM_HARNESS": "yes"},
            report=lambda kind, **fields: self.events.append((kind, fields)),
            inherited=inherited,
        )
        return runner.run(parallel)


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files of tests/kubeflow"
    )
