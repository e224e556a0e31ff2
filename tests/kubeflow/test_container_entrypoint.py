"""URIs become the launcher's local paths on the way in, and URIs again on the way out."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from google.protobuf import json_format

from kubeflow import container_entrypoint
from kubeflow.container_entrypoint import globalize, local_path, localize, name_types


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("minio://mlpipeline/v2/a", "/minio/mlpipeline/v2/a"),
        ("/data/x", None),
        ("hdfs://x/y", None),
    ],
)
def test_local_paths(uri, path):
    assert local_path(uri) == path


def test_another_root():
    assert local_path("s3://bucket/a", "/tmp/store") == "/tmp/store/s3/bucket/a"


def _artifacts(**uris):
    return {name: {"artifacts": [{"uri": uri}]} for name, uri in uris.items()}


def test_both_ways():
    executor_input = {
        "inputs": {
            "artifacts": _artifacts(model="s3://b/1/model", other="minio://c/2"),
            "parameterValues": {"serving_dir": "s3://b/serving"},
        },
        "outputs": {"artifacts": _artifacts(blessing="s3://b/3/blessing")},
    }
    buckets = localize(executor_input, "/")
    assert buckets == {"/s3/b": "s3://b", "/minio/c": "minio://c"}
    assert executor_input["inputs"]["artifacts"] == _artifacts(
        model="/s3/b/1/model", other="/minio/c/2"
    )
    assert executor_input["outputs"]["artifacts"] == _artifacts(blessing="/s3/b/3/blessing")
    # The launcher copies artifacts, no parameters.
    assert executor_input["inputs"]["parameterValues"] == {"serving_dir": "s3://b/serving"}

    executor_output = {
        "artifacts": {
            "blessing": {
                "artifacts": [
                    {
                        "uri": "/s3/b/3/blessing",
                        "metadata": {
                            "current_model": "/s3/b/1/model",
                            "baseline_model": "/models/7",
                            "near": "/s3/bb/1",
                            "blessed": 1.0,
                        },
                    }
                ]
            }
        }
    }
    globalize(executor_output, buckets)
    (blessing,) = executor_output["artifacts"]["blessing"]["artifacts"]
    assert blessing == {
        "uri": "s3://b/3/blessing",
        "metadata": {
            "current_model": "s3://b/1/model",
            "baseline_model": "/models/7",
            "near": "/s3/bb/1",
            "blessed": 1.0,
        },
    }


_SCHEMA = "title: tfx.Examples\ntype: object\nproperties:\n  span:\n    type: integer\n"
_SPEC = {"artifacts": {"examples": {"artifactType": {"schemaTitle": "tfx.Examples"}}}}
_NO_SPEC: dict = {}


@pytest.mark.parametrize(
    ("given", "inputs_spec"),
    [
        # KFP's launcher with ML Metadata: the type is in the file alone.
        ({"instanceSchema": ""}, _SPEC),
        (
            {"instanceSchema": ""},
            {"artifacts": {"examples": {"artifactType": {"instanceSchema": _SCHEMA}}}},
        ),
        ({}, _SPEC),
        # Without it: what was compiled, in `schemaTitle`.
        ({"schemaTitle": "tfx.Examples"}, _NO_SPEC),
        ({"schemaTitle": _SCHEMA}, _NO_SPEC),
        ({"instanceSchema": _SCHEMA}, _NO_SPEC),
        ({"instanceSchema": "title: tfx.Examples"}, _NO_SPEC),
    ],
)
def test_tfx_reads_the_types_of_every_release(given, inputs_spec):
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils
    from tfx.types import standard_artifacts

    artifact = {"uri": "s3://b/x", "type": given, "metadata": {"split_names": '["train"]'}}
    executor_input = {
        "inputs": {"artifacts": {"examples": {"artifacts": [artifact]}}},
        "outputs": {"artifacts": {"examples": {"artifacts": [{"type": {"schemaTitle": _SCHEMA}}]}}},
    }
    name_types(executor_input, inputs_spec)
    message = json_format.ParseDict(executor_input, pipeline_spec_pb2.ExecutorInput())
    names: dict = {}
    for side in (message.inputs, message.outputs):
        (examples,) = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(side.artifacts, names)[
            "examples"
        ]
        assert isinstance(examples, standard_artifacts.Examples)
    # TFX's Evaluator looks its models' names up.
    assert list(names.values()) == ["s3://b/x"]


_LAUNCHERS = {
    "with ML Metadata": lambda title: {"instanceSchema": ""},
    "without ML Metadata": lambda title: {"schemaTitle": title},
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", _LAUNCHERS)
def test_a_compiled_step_runs_on_the_inputs_of_every_launcher(launcher, tmp_path):
    """The Pusher of the golden file on a model that was not blessed, by its own command."""
    golden = pathlib.Path(__file__).parent / "golden" / "demo.yaml"
    spec = next(yaml.safe_load_all(golden.read_text()))
    container = spec["deploymentSpec"]["executors"]["Pusher_executor"]["container"]
    component = spec["components"]["Pusher"]
    inputs = {}
    for name, declared in component["inputDefinitions"]["artifacts"].items():
        (tmp_path / "s3" / "b" / name).mkdir(parents=True)
        artifact_type = _LAUNCHERS[launcher](declared["artifactType"]["schemaTitle"])
        artifact = {"name": name, "uri": f"s3://b/{name}", "type": artifact_type}
        inputs[name] = {"artifacts": [artifact]}
    (out,) = component["outputDefinitions"]["artifacts"].items()
    output = {"uri": "s3://b/out", "type": out[1]["artifactType"]}
    executor_input = {
        "inputs": {
            "artifacts": inputs,
            "parameterValues": {
                "serving_dir": str(tmp_path / "serving"),
                "custom_config": "{}",
                "code_digest": "",
            },
        },
        "outputs": {
            "artifacts": {out[0]: {"artifacts": [output]}},
            "outputFile": str(tmp_path / "output.json"),
        },
    }
    arguments = [part.replace("{{$}}", json.dumps(executor_input)) for part in container["args"]]
    ended = subprocess.run(
        [sys.executable, *container["command"][1:], *arguments],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "KFP_LAUNCHER_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "s3" / "b" / "out" / "outcome.json").read_text()) == {
        "outcome": "refused",
        "destination": None,
    }
    (written,) = json.loads((tmp_path / "output.json").read_text())["artifacts"][out[0]][
        "artifacts"
    ]
    assert written["metadata"]["pushed"] == 0


@pytest.fixture
def tfx_entrypoint(monkeypatch, tmp_path):
    """Puts a script in the place of TFX's entry point; returns how to run it."""

    def run(script):
        (tmp_path / "stand_in.py").write_text(script)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(container_entrypoint, "_TFX_ENTRYPOINT", "stand_in")
        monkeypatch.setattr(sys, "argv", [])
        monkeypatch.setenv("KFP_LAUNCHER_ROOT", str(tmp_path / "store"))
        output_file = tmp_path / "output.json"
        executor_input = {
            "inputs": {},
            "outputs": {
                "artifacts": _artifacts(out="s3://b/out"),
                "outputFile": str(output_file),
            },
        }
        container_entrypoint.main(
            ["--json_serialized_invocation_args", json.dumps(executor_input), "--runner=X"]
        )
        return json.loads(output_file.read_text())

    return run


_SCRIPT = """
import json, sys
assert sys.argv[3] == "--runner=X"
outputs = json.loads(sys.argv[2])["outputs"]
artifact = outputs["artifacts"]["out"]["artifacts"][0]
assert artifact["uri"].endswith("store/s3/b/out")
json.dump({"artifacts": {"out": {"artifacts": [artifact]}}}, open(outputs["outputFile"], "w"))
"""


def test_what_tfx_wrote_is_rewritten(tfx_entrypoint):
    written = tfx_entrypoint(_SCRIPT + "sys.exit(0)\n")
    assert written["artifacts"]["out"]["artifacts"][0]["uri"] == "s3://b/out"


def test_a_failure_stays_one(tfx_entrypoint):
    with pytest.raises(SystemExit, match="3"):
        tfx_entrypoint("import sys\nsys.exit(3)\n")


@pytest.fixture
def other_kubeflow(tmp_path):
    """An installed distribution that is also called kubeflow."""
    package = tmp_path / "site-packages" / "kubeflow"
    package.mkdir(parents=True)
    for name in ("__init__", "__main__", "backend", "config", "paths"):
        (package / f"{name}.py").write_text("raise ImportError('the other kubeflow')\n")
    (package / "client.py").touch()
    return str(package.parent)


def _python(*arguments, path):
    root = str(container_entrypoint.__file__).rsplit("/kubeflow/", 1)[0]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_the_command_is_found_beside_another_kubeflow(other_kubeflow):
    ended = _python("-m", "kubeflow", "run-locally", "x", "--output", "y", path=other_kubeflow)
    assert ended.returncode == 2
    assert ended.stderr == "error: x: cannot be read: No such file or directory\n"


def test_what_another_kubeflow_has_is_found_behind_this_one(other_kubeflow):
    """A step's image may hold both; the project's folder comes first there."""
    program = (
        "import kubeflow.container_entrypoint, kubeflow.client;"
        f"assert kubeflow.client.__file__.startswith({other_kubeflow!r});"
        f"assert not kubeflow.container_entrypoint.__file__.startswith({other_kubeflow!r})"
    )
    ended = _python("-c", program, path=other_kubeflow)
    assert ended.returncode == 0, ended.stderr
