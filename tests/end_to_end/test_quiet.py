"""The commands say what they have to say, and no library says anything of itself."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
# A user's shell has not what this process has set for its own sake.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}


@pytest.fixture(scope="module")
def model_dir(first_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(first_model, folder / "1")
    return folder


def _stderr(*arguments):
    ended = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=_ROOT,
        env=_ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_compile(pipeline, tmp_path):
    config = tmp_path / "config.yaml"
    kubeflow = {
        "image": "registry.example/users:1",
        "pipeline_root": "s3://bucket/root",
        "volumes": [{"claim": "logs", "mount_path": str(pipeline.events.parent)}],
        "serving_dir": str(pipeline.events.parent / "models"),
    }
    config.write_text(yaml.safe_dump({**pipeline.config, "kubeflow": kubeflow}))
    assert _stderr("kubeflow", "compile", config, "--output", tmp_path / "pipeline.yaml") == ""


def test_encode(pipeline, model_dir, tmp_path):
    printed = _stderr(
        "serving", "encode", model_dir, pipeline.events, "--output", tmp_path / "vectors"
    )
    (line,) = printed.splitlines()
    assert line.startswith(f"{tmp_path}/vectors: 500 users of ")


def test_versions(model_dir):
    assert _stderr("serving", "versions", model_dir) == ""


def test_serve(model_dir):
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", "serve", model_dir, "--port=0", "--rest-api-port=0"],
        cwd=_ROOT,
        env=_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    next(line for line in process.stdout if line.startswith("gRPC"))
    process.terminate()
    _, printed = process.communicate()
    assert printed.splitlines() == [
        "default version 1 is available",
        "default version 1 is unloaded",
    ]
