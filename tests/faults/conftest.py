"""Children of this process, forked where TFX is loaded already, that may be killed."""

import multiprocessing
import os
import pathlib
from multiprocessing import forkserver

import pytest

_FOLDER = pathlib.Path(__file__).parent

_PRELOADED = [
    "injection",
    "pushes",
    "pipeline.local_runner",
    "components.verifying_pusher",
]


@pytest.fixture(scope="session")
def in_child():
    """Returns a function that runs a module's function in a child.

    Its result is the child's exit code, or minus the number of the signal that ended it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with pytest.MonkeyPatch.context() as patch:
        # What is loaded early is looked for before this process's `sys.path` arrives.
        patch.setenv("PYTHONPATH", f"{_FOLDER.parents[1]}{os.pathsep}{_FOLDER}")
        forkserver.ensure_running()

    def run(function, *arguments, timeout=300, **options):
        child = context.Process(target=function, args=arguments, kwargs=options)
        child.start()
        child.join(timeout)
        if child.is_alive():
            child.kill()
            child.join()
            pytest.fail(f"{function.__name__} hung for {timeout} seconds")
        return child.exitcode

    return run
