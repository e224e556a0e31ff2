"""URIs become the launcher's local paths on the way in, and URIs again on the way out."""

import json
import subprocess
import sys

import pytest

from kubeflow import container_entrypoint
from kubeflow.container_entrypoint import globalize, local_path, localize


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
