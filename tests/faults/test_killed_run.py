"""A run that is killed in writes of every component, and what is left when it is done."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest
import small_runs
from injection import KILLED

from serving.releases.model_digest import model_digest
from serving.releases.releases import Releases

pytestmark = pytest.mark.slow

_LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def finished(in_child, tmp_path_factory):
    """A run that was killed in the writes 1, 3, 9, ... of every component, one after the other.

    Each child goes on where the last one died.
    """
    folder = tmp_path_factory.mktemp("killed")
    small_runs.prepare(folder)
    deaths = {}
    for component in small_runs.COMPONENTS:
        die = 1
        while (code := in_child(small_runs.run, str(folder), component, die)) == KILLED:
            deaths.setdefault(component, []).append(die)
            assert not small_runs.check_served(folder) or component == "Pusher"
            die *= 3
        assert code == 0, (folder / "log").read_text()[-3000:]
    assert in_child(small_runs.run, str(folder)) == 0
    shutil.copytree(folder / "output", folder / "kept")
    return folder, deaths


@pytest.fixture
def folder(finished):
    """The output as the run left it, whatever other tests did."""
    folder, _ = finished
    shutil.rmtree(folder / "output")
    shutil.copytree(folder / "kept", folder / "output")
    return folder


def test_every_component_died_and_the_run_ended(finished):
    folder, deaths = finished
    assert list(deaths) == small_runs.COMPONENTS
    assert all(len(numbers) >= 2 for numbers in deaths.values())
    assert sum(map(len, deaths.values())) > 40
    assert len(small_runs.check_served(folder)) == 1
    # The last run, which was not killed, had nothing left to do.
    assert small_runs.ran(folder) == set()


def _newest(folder, component, key):
    path = folder / "output" / "artifacts" / component / key
    return path / max(os.listdir(path), key=int)


def test_a_half_written_model_of_an_earlier_run_is_not_used(in_child, folder):
    damaged = _newest(folder, "HeadsTrainer", "model") / "Format-Serving" / "saved_model.pb"
    os.truncate(damaged, damaged.stat().st_size // 2)
    assert in_child(small_runs.run, str(folder)) == 0
    assert (
        {"HeadsTrainer", "Evaluator", "Auditor", "Pusher"}
        >= small_runs.ran(folder)
        >= {"HeadsTrainer"}
    )
    (warning,) = (event for event in small_runs.events(folder) if event["event"] == "warning")
    assert warning["text"].startswith(str(damaged.parents[1]))
    assert warning["text"].endswith("is not what an earlier run left there; not used")
    small_runs.check_served(folder)
    # TFX has one execution for a component and run, and that one has the damaged result as well: it
    # is no cached one for the next run, whose own is. What is computed once more does no harm.
    for expected in ({"HeadsTrainer"}, set()):
        assert in_child(small_runs.run, str(folder)) == 0
        assert small_runs.ran(folder) - {"Evaluator", "Auditor", "Pusher"} == expected
        assert not [event for event in small_runs.events(folder) if event["event"] == "warning"]
    assert small_runs.ran(folder) == set()


@pytest.mark.parametrize("content", ["half", "other"])
def test_a_version_that_is_no_longer_the_blessed_model_is_followed_by_it(in_child, folder, content):
    (number,) = small_runs.check_served(folder)
    file = folder / "output" / "serving" / small_runs.NAME / str(number) / "saved_model.pb"
    serving = str(file.parents[1])
    _, labels = Releases(serving).state()
    file.write_bytes(file.read_bytes()[:1000] if content == "half" else b"")
    assert in_child(small_runs.run, str(folder)) == 0
    assert small_runs.ran(folder) == {"Pusher"}
    newest = max(file.parents[1].glob("[0-9]*"), key=lambda path: int(path.name))
    assert int(newest.name) > number
    card = json.loads((newest / "model_card.json").read_text())
    assert model_digest(str(newest)) == card["digest"] != model_digest(str(file.parent))
    # Whoever moved them moves them again.
    assert Releases(serving).state()[1] == labels
    assert number in labels.values()


@pytest.mark.parametrize("size", [0, 50, 100_000])
def test_a_cut_database_is_named_with_the_remedy(in_child, folder, size):
    database = folder / "output" / "metadata.sqlite"
    os.truncate(database, size)
    assert in_child(small_runs.run, str(folder)) == 1
    said = small_runs.failure(folder)
    assert f"Move {database} and {folder}/output/artifacts away" in said
    database.unlink()
    shutil.rmtree(folder / "output" / "artifacts")
    assert in_child(small_runs.run, str(folder), "UnlabelledSchemaGen") == 0
    # What was served is served on.
    assert (folder / "output" / "serving" / "models.config").exists()


def test_a_locked_database_is_waited_for_then_named(in_child, folder):
    database = folder / "output" / "metadata.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", _LOCKING, database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "locked\n"
        assert in_child(small_runs.run, str(folder)) == 1
        process.communicate("\n")
    assert f"{database} cannot be opened. Another program may have locked it" in small_runs.failure(
        folder
    )
    assert in_child(small_runs.run, str(folder)) == 0
    assert small_runs.ran(folder) == set()


def test_the_command_says_that_its_run_was_killed(tmp_path):
    """As the kernel does when memory is short."""
    config = small_runs.prepare(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", config, "--output", tmp_path / "output"],
        cwd=pathlib.Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (pids := children.read_text().split()):
        assert process.poll() is None
    os.kill(int(pids[0]), signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the run was killed, perhaps for want of memory." in said
    assert "the same command goes on where it stopped" in said
