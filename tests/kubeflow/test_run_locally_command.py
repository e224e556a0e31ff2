"""The `run-locally` command as a user runs it, on pipelines of small scripts."""

import json

import pytest
import yaml
from kfp import compiler, dsl

from kubeflow.__main__ import main

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
"""


@pytest.fixture
def push(tmp_path):
    """A pipeline that says that it pushed; its output type is TFX's."""

    @dsl.container_component
    def push_model(data: str, serving_dir: str, pushed: int, out: dsl.Output[dsl.Artifact]):
        return dsl.ContainerSpec("image", ["python", "-c", _PUSH], ["{{$}}"])

    @dsl.pipeline(name="pushes")
    def pushes(data: str = "/data", serving_dir: str = "/models", pushed: int = 1):
        push_model(data=data, serving_dir=serving_dir, pushed=pushed)

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(pushes, str(path))
    content = yaml.safe_load(path.read_text())
    outputs = content["components"]["comp-push-model"]["outputDefinitions"]["artifacts"]
    outputs["out"]["artifactType"] = {"instanceSchema": "title: tfx.PushedModel\ntype: object\n"}
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
