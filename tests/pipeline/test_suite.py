"""The settings of the test suite itself: what a test must not get away with."""

import pathlib
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).parents[2]

_THREAD = """
import threading

def test_it():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
"""

_FINALIZER = """
class Thing:
    def __del__(self):
        raise ValueError

def test_it():
    Thing()
"""


@pytest.mark.parametrize(
    ("test", "warning"),
    [
        (_THREAD, "PytestUnhandledThreadExceptionWarning"),
        (_FINALIZER, "PytestUnraisableExceptionWarning"),
    ],
)
def test_an_error_that_nobody_catches_fails_the_test(tmp_path, test, warning):
    (tmp_path / "test_it.py").write_text(test)
    settings = str(_ROOT / "pyproject.toml")
    command = [sys.executable, "-m", "pytest", "-c", settings, "-p", "no:cacheprovider", tmp_path]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stdout
    assert "1 failed" in ended.stdout
    assert warning in ended.stdout
