"""A worker of the engine is killed in the middle of a step: nothing is lost, nothing is double."""

import contextlib
import os
import threading
from concurrent import futures

import component_runs
import pytest
from component_runs import ComponentRuns

from ingestion import files

pytestmark = pytest.mark.slow


@pytest.fixture
def on_engine(pipeline, run, engine):
    yield ComponentRuns(pipeline, list(engine.step_options))
    engine.wait_for_workers(2)


@contextlib.contextmanager
def _killed_when_there(folder, pattern, engine):
    """Kills a worker as soon as a file is there, and starts another in its place."""
    stop = threading.Event()

    def watch():
        while not stop.wait(0.02):
            if any(folder.rglob(pattern)):
                engine.replace_worker(1)
                return True
        return False

    with futures.ThreadPoolExecutor(1) as pool:
        killed = pool.submit(watch)
        try:
            yield
        finally:
            stop.set()
    assert killed.result(), f"{pattern} was never there"


def _execute(on_engine, *arguments):
    """Executes a component once, and once more if that fails, which the engine must have said."""
    try:
        return on_engine.execute(*arguments)
    except RuntimeError as error:
        if "FAILED" not in str(error):
            raise
        print(f"Failed: {str(error)[:500]}")
    return on_engine.execute(*arguments)


def test_in_example_gen(on_engine, run, engine, tmp_path, monkeypatch):
    # Many buckets, of which some are written and some are not.
    monkeypatch.setattr(files, "_BUCKET_BYTES", 30_000)
    with _killed_when_there(tmp_path, "train-*.gz", engine):
        found = _execute(on_engine, "LabelledExampleGen", {}, tmp_path)["examples"]
    expected = run.artifact("LabelledExampleGen", "examples").uri
    component_runs.same_ingestion(found, expected)
    assert sorted(os.listdir(found)) == sorted(os.listdir(expected))


def test_in_transform(on_engine, run, engine, tmp_path):
    inputs = {
        "examples": run.artifact("UnlabelledExampleGen", "examples"),
        "schema": run.artifact("UnlabelledSchemaGen", "schema"),
    }
    with _killed_when_there(tmp_path, "*vocab*", engine):
        found = _execute(on_engine, "Transform", inputs, tmp_path)
    expected = {key: run.artifact("Transform", key).uri for key in component_runs.OF_TRANSFORM}
    component_runs.same_transform(found, expected)
    for key in component_runs.OF_TRANSFORM:
        assert sorted(os.listdir(found[key])) == sorted(os.listdir(expected[key]))
