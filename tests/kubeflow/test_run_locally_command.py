"""The `run-locally` command as a user runs it, on pipelines of small scripts."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import yaml
from kfp import compiler, dsl

from kubeflow.__main__ import main
from pipeline import processes

_ROOT = pathlib.Path(__file__).parents[2]

_PUSH = """
import json, os, sys
given = json.loads(sys.argv[1])
parameters = given["inputs"]["parameterValues"]
print("looking at", parameters["data"])
names = sorted(os.listdir(parameters["data"]))
pushed = parameters["pushed"]
metadata = {"pushed": pushed, "pushed_destination": parameters["serving_dir"] + "/7"}
artifacts = {"out": {"artifacts": [{"metadata": metadata}]}}
json.dump({"artifacts": artifacts}, open(given["outputs"]["outputFile"], "w"))
open(sys.argv[2], "w").close()
"""


@pytest.fixture
def push(tmp_path):
    """A pipeline that says that it pushed; its output type is TFX's."""

    @dsl.container_component
    def push_model(data: str, serving_dir: str, pushed: int, out: dsl.Output[dsl.Artifact]):
        return dsl.ContainerSpec("image", ["python", "-c", _PUSH], ["{{$}}", out.path])

    @dsl.pipeline(name="pushes")
    def pushes(data: str = "/data", serving_dir: str = "/models", pushed: int = 1):
        push_model(data=data, serving_dir=serving_dir, pushed=pushed)

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(pushes, str(path))
    content = yaml.safe_load(path.read_text())
    outputs = content["components"]["comp-push-model"]["outputDefinitions"]["artifacts"]
    outputs["out"]["artifactType"] = {"schemaTitle": "tfx.PushedModel"}
    path.write_text(yaml.safe_dump(content))
    (tmp_path / "logs").mkdir()

    def run(*more):
        output = str(tmp_path / "output")
        data = ["--data", str(tmp_path / "logs")]
        return main(["run-locally", str(path), "--output", output, *data, *more])

    return run


def test_a_pushed_model(push, tmp_path, capsys):
    assert push() == 0
    printed = capsys.readouterr().out
    assert f"model    {tmp_path}/output/serving/pushes/7" in printed
    (run,) = (tmp_path / "output" / "runs").iterdir()
    assert f"logs     {run}" in printed
    assert (run / "push-model.log").read_text() == f"looking at {tmp_path}/logs\n"
    summary = json.loads((run / "summary.json").read_text())
    assert summary["push-model"]["state"] == "ran"
    assert push() == 0
    assert "unchanged, earlier result used" in capsys.readouterr().out
    assert push("--no-cache") == 0
    assert "unchanged" not in capsys.readouterr().out


def test_a_model_that_was_not_blessed(push, capsys):
    assert push("--set", "pushed=0") == 3
    assert "model    not blessed, not pushed" in capsys.readouterr().out


def test_a_failed_step_shows_the_end_of_its_log(push, tmp_path, capsys):
    assert push("--set", "data=/nowhere") == 1
    printed = capsys.readouterr().out
    assert "push-model failed: ended with exit code 1" in printed
    assert "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'" in printed
    (run,) = (tmp_path / "output" / "runs").iterdir()
    assert f"log      {run}/push-model.log" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/no/such/folder"], "--data: there is no folder /no/such/folder."),
        (["--set", "colour=red"], "colour is no parameter of pushes"),
        (["--parallel", "0"], "--parallel 0: at least 1 is needed."),
    ],
)
def test_bad_input(push, capsys, arguments, message):
    assert push(*arguments) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_somebody_elses_folder(push, tmp_path, capsys):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "thesis.doc").touch()
    assert push() == 2
    assert "is not empty" in capsys.readouterr().err


def test_the_help_teaches(capsys):
    for command in ([], ["compile"], ["run-locally"], ["submit"], ["schedule"]):
        with pytest.raises(SystemExit) as end:
            main([*command, "--help"])
        assert end.value.code == 0
    printed = capsys.readouterr().out
    assert "KF_PIPELINES_TOKEN" in printed
    assert "exit codes:" in printed


def test_compile_errors(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("name: shop\n")
    assert main(["compile", str(path), "--output", str(tmp_path / "x.yaml")]) == 2
    assert "data: is required" in capsys.readouterr().err


class SleepingRun:
    """A run of two steps that sleep, in a process of its own.

    Attributes:
        process: The command.
    """

    def __init__(self, folder, trap):
        @dsl.container_component
        def nap(file: str, out: dsl.Output[dsl.Artifact]):
            script = f"{trap} echo $$ > $0.new && mv $0.new $0; while :; do sleep 0.1; done"
            return dsl.ContainerSpec("busybox", ["sh", "-c", script], [file])

        @dsl.pipeline(name="naps")
        def naps(first: str, second: str):
            nap(file=first)
            nap(file=second)

        path = folder / "naps.yaml"
        compiler.Compiler().compile(naps, str(path))
        files = [folder / "1", folder / "2"]
        self._arguments = ["run-locally", str(path), "--output", str(folder / "naps")]
        for name, file in zip(("first", "second"), files, strict=True):
            self._arguments += ["--set", f"{name}={file}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kubeflow", *self._arguments, "--parallel", "2"],
            cwd=_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell makes what it runs in the background deaf to Ctrl-C, these tests for one.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert _soon(lambda: all(file.exists() for file in files))
        self._steps = [int(file.read_text()) for file in files]

    def end(self, number):
        """Sends a signal to the command; returns its exit code and what it said."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=20)
        return self.process.returncode, error

    def living(self):
        """How many of the steps live."""
        return sum(_lives(pid) for pid in self._steps)

    def clean(self):
        for pid in self._steps:
            if _lives(pid):
                os.killpg(pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()


def _lives(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _soon(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def start_sleeping(tmp_path):
    """Starts a `SleepingRun`."""
    runs = []

    def start(trap=""):
        runs.append(SleepingRun(tmp_path, trap))
        return runs[-1]

    yield start
    for run in runs:
        run.clean()


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "Terminated"), (signal.SIGINT, 130, "Interrupted")],
)
def test_a_signal_to_the_command_ends_its_steps(start_sleeping, number, code, word):
    run = start_sleeping()
    assert run.end(number) == (code, f"{word}. The same command goes on where it stopped.\n")
    assert run.living() == 0


def test_steps_whose_command_was_killed_end_by_themselves(start_sleeping):
    run = start_sleeping("trap '' TERM;")
    run.end(signal.SIGKILL)
    assert _soon(lambda: run.living() == 0)


def test_steps_that_do_not_listen_are_killed(shell, monkeypatch):
    @dsl.container_component
    def deaf(out: dsl.Output[dsl.Artifact]):
        script = "trap '' TERM; touch begun; while :; do sleep 0.1; done"
        return dsl.ContainerSpec("busybox", ["sh", "-c", script])

    def pipeline():
        deaf()

    def interrupt(*_, **__):
        assert _soon((shell.file.parent / "begun").exists)
        raise KeyboardInterrupt

    shell.compile(pipeline)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(concurrent.futures, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shell.run()


def test_steps_hold_the_runs_claim(shell):
    """While a step lives, no other run starts in the folder, even if the command has ended."""

    @dsl.container_component
    def look(out: dsl.Output[dsl.Artifact]):
        return dsl.ContainerSpec("busybox", ["sh", "-c", 'ls -l /proc/$$/fd > "$0"'], [out.path])

    def pipeline():
        look()

    shell.compile(pipeline)
    with open(shell.file.parent / ".lock", "w") as lock:
        (outcome,) = shell.run(inherited=[lock.fileno()]).values()
    uri = outcome.result["artifacts"]["out"]["uri"]
    seen = (shell.file.parent / "store" / "s3" / uri.removeprefix("s3://")).read_text()
    assert f"-> {shell.file.parent}/.lock\n" in seen


def test_the_folder_of_the_data_is_checked_first(tmp_path, capsys):
    (tmp_path / "logs").mkdir()
    (tmp_path / "events.jsonl.gz").write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("user_id\n")
    golden = str(_ROOT / "tests" / "kubeflow" / "golden" / "demo.yaml")
    arguments = ["run-locally", golden, "--output", str(tmp_path / "out")]
    assert main([*arguments, "--data", str(tmp_path / "logs")]) == 2
    error = capsys.readouterr().err
    assert error.count("No file of events matches") == 1
    assert "--data is the folder that holds events.jsonl.gz and labels.csv." in error
    assert f"Here that is --data {tmp_path}" in error
    assert not (tmp_path / "out").exists()
