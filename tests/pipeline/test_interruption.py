"""Runs that are ended from outside: real processes, with a stand-in for the local runner."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from pipeline.output_folder import OutputFolder, OutputFolderError

_ROOT = pathlib.Path(__file__).parents[2]
_SECONDS = 20
"""For what should take a moment."""

_STAND_IN = """
import argparse, json, os, pathlib, signal, subprocess, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--events-fd", type=int)
events = os.fdopen(parser.parse_known_args()[0].events_fd, "w")
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
worker = subprocess.Popen(["sleep", "300"])
print(json.dumps({"event": "start", "component": "Transform", "number": 9, "of": 14}), file=events)
events.flush()
pids = pathlib.Path(__file__).with_name("pids")
pids.with_suffix(".new").write_text(f"{os.getpid()} {worker.pid}")
pids.with_suffix(".new").rename(pids)
time.sleep(300)
"""

_COMMAND = """
import sys
sys.executable = {python!r}
from pipeline.__main__ import main
{before}
sys.exit(main())
"""


class InterruptedRun:
    """A run whose local runner only sleeps.

    Attributes:
        process: The command.
        runner: Process id of the local runner.
        worker: Process id of what the local runner started.
        output: The output folder.
    """

    def __init__(self, folder, before="", **environment):
        (folder / "stand_in.py").write_text(_STAND_IN)
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/stand_in.py "$@"\n')
        python.chmod(0o755)
        (folder / "events.jsonl").write_text("{}\n")
        (folder / "labels.csv").write_text("user_id,docs\n")
        config = folder / "my.yaml"
        config.write_text(
            "name: shop\ndata: {events: events.jsonl, labels: labels.csv}\ntasks: {docs: }\n"
        )
        self.output = folder / "output"
        self._arguments = ["run", str(config), "--output", str(self.output)]
        code = _COMMAND.format(python=str(python), before=before)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *self._arguments],
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Signals go to the command alone, as those of `kill` and of a service manager do.
            start_new_session=True,
            # A shell makes what it runs in the background deaf to Ctrl-C, these tests for one.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        pids = folder / "pids"
        assert _soon(pids.exists)
        self.runner, self.worker = map(int, pids.read_text().split())

    def end(self, number):
        """Sends a signal to the command; returns its exit code and what it said."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=_SECONDS)
        return self.process.returncode, error

    def again(self):
        """The same command once more, while the folder should be in use."""
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *self._arguments],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def is_free(self):
        """Whether another run could begin."""
        try:
            with OutputFolder(str(self.output), "shop").open():
                return True
        except OutputFolderError:
            return False

    def clean(self):
        for pid in (self.process.pid, self.runner, self.worker):
            if _lives(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def start(tmp_path):
    """Starts an `InterruptedRun`."""
    runs = []

    def start_run(before="", **environment):
        runs.append(InterruptedRun(tmp_path, before, **environment))
        return runs[-1]

    yield start_run
    for run in runs:
        run.clean()


def _lives(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A zombie has ended; who inherited it may take its time to notice.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _soon(condition):
    deadline = time.monotonic() + _SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "Terminated"), (signal.SIGINT, 130, "Interrupted")],
)
def test_a_signal_to_the_command_ends_all_of_the_run(start, number, code, word):
    run = start()
    assert run.end(number) == (code, f"{word}. The same command goes on where it stopped.\n")
    assert not _lives(run.runner)
    assert not _lives(run.worker)
    assert run.is_free()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_runner_that_does_not_listen_is_killed_after_a_while(start, number):
    before = "from pipeline import processes; processes.GRACE_SECONDS = 0.5"
    run = start(before, STUBBORN="yes")
    started = time.monotonic()
    code, _ = run.end(number)
    assert code == 128 + number
    assert time.monotonic() - started > 0.5
    assert not _lives(run.runner)
    assert run.is_free()


def test_a_second_signal_changes_nothing(start):
    before = "from pipeline import processes; processes.GRACE_SECONDS = 0.5"
    run = start(before, STUBBORN="yes")
    run.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert run.end(signal.SIGTERM)[0] == 143
    assert not _lives(run.runner)


def test_a_runner_whose_command_was_killed_ends_by_itself(start):
    run = start(STUBBORN="yes")
    assert run.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert _soon(lambda: not _lives(run.runner))
    assert _soon(run.is_free)


def test_no_run_starts_beside_a_runner_that_lives_on(start):
    """Where the system does not end the runner with its command."""
    run = start("from pipeline import processes; processes._dies_with = lambda parent: None")
    run.end(signal.SIGKILL)
    assert _lives(run.runner)
    again = run.again()
    assert again.returncode == 2
    assert again.stderr.startswith(f"error: Another run is using {run.output}.")
    os.kill(run.runner, signal.SIGKILL)
    assert _soon(run.is_free)
