"""The compiled files through KFP's own compiler and Argo's validation, for two releases of KFP.

Both are Go, of KFP's API server: `argo/` calls them. Without Go, or where its module proxy does not
give a module, the tests are skipped. Cold they compile Kubernetes' client and Argo, for minutes.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from kubeflow.exit_handler import add_exit_handler, add_webhook
from pipeline.kubeflow_pods import Notification

pytestmark = [pytest.mark.slow, pytest.mark.one_stack]

_HERE = pathlib.Path(__file__).parent
_MODULE = "github.com/kubeflow/pipelines"
_NESTED = ("api", "kubernetes_platform")
_RELEASES = {
    "2.16.0": "v0.0.0-20260225162537-e4ebca310f40",
    "2.17.0": "v0.0.0-20260709152847-4a3592cb2dd0",
}
"""Release of KFP -> version of its Go module: the tags lack the `v` that Go wants."""

_UNREACHABLE = re.compile(
    r"403 Forbidden|404 Not Found|410 Gone|dial tcp|i/o timeout|download go\S+: .*not available"
)


def _go(folder, *arguments):
    """Runs Go, returns what it printed; skips the test where what it needs cannot be had."""
    environment = {**os.environ, "GOTOOLCHAIN": "auto", "GOFLAGS": "-mod=mod"}
    ended = subprocess.run(
        ["go", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    # With -json, `go mod download` tells its error in what it prints; all it does is to ask.
    said = ended.stdout + ended.stderr
    if ended.returncode and ("download" in arguments or _UNREACHABLE.search(said)):
        pytest.skip(f"go {' '.join(arguments)}: {' '.join(said.split())}")
    assert ended.returncode == 0, said
    return ended.stdout


@pytest.fixture(scope="module", params=_RELEASES)
def to_argo(request, tmp_path_factory):
    """Compiles a file, and returns Argo's workflow."""
    if not shutil.which("go"):
        pytest.skip("Go is not installed.")
    version = _RELEASES[request.param]
    folder = tmp_path_factory.mktemp("argo")
    for source in (_HERE / "argo").glob("*.go"):
        shutil.copy(source, folder)
    # KFP's own versions and checksums of everything below it. It replaces two modules by folders
    # that only its own repository has.
    (folder / "go.mod").write_text("module argo\n")
    downloaded = _go(folder, "mod", "download", "-json", f"{_MODULE}@{version}")
    kfp = pathlib.Path(json.loads(downloaded)["Dir"])
    shutil.copyfile(kfp / "go.sum", folder / "go.sum")
    shutil.copyfile(kfp / "go.mod", folder / "go.mod")
    replaced = [f"-replace={_MODULE}/{name}={_MODULE}/{name}@{version}" for name in _NESTED]
    _go(folder, "mod", "edit", "-module=argo", f"-require={_MODULE}@{version}", *replaced)
    _go(folder, "build", "-o", "argo", ".")

    def compile_(path):
        ended = subprocess.run([folder / "argo", path], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    compile_.release = request.param
    return compile_


def _changed(tmp_path, change):
    """The demo's file, after a change of its two documents."""
    documents = list(yaml.safe_load_all((_HERE / "golden" / "demo.yaml").read_text()))
    change(*documents)
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


@pytest.mark.parametrize("name", ["demo", "industrial"])
def test_kfps_compiler_takes_it(to_argo, name):
    path = _HERE / "golden" / f"{name}.yaml"
    spec, platform = yaml.safe_load_all(path.read_text())
    workflow = to_argo(path)
    templates = {template["name"]: template for template in workflow["spec"]["templates"]}
    tasks = {task["name"]: task for task in templates["root"]["dag"]["tasks"]}
    steps = spec["root"]["dag"]["tasks"]
    assert set(tasks) == {*steps, *(f"{step}-driver" for step in steps)}
    for step, task in steps.items():
        waited_for = re.findall(r"(\w+)\.Succeeded", tasks[f"{step}-driver"].get("depends", ""))
        assert set(waited_for) == set(task.get("dependentTasks", [])) | {
            source["producerTask"]
            for kind in ("artifacts", "parameters")
            for each in task["inputs"].get(kind, {}).values()
            for source in (each.get("taskOutputArtifact"), each.get("taskOutputParameter"))
            if source
        }
    # KFP's templates for steps that are run again; pods' labels and annotations precede the name.
    for step in steps:
        assert tasks[step]["template"].endswith("retry-system-container-executor")
    # What is asked of Kubernetes reaches each step's driver.
    values = {each["name"]: each["value"] for each in workflow["spec"]["arguments"]["parameters"]}
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for step in steps:
        asked = json.loads(values[f"kubernetes-{step}"])
        assert asked == executors[f"{step}_executor"]


def test_what_is_asked_of_a_run(to_argo, tmp_path):
    """Younger than KFP 2.16, which refuses it."""

    def change(spec, platform):
        asked = {"activeDeadlineSeconds": 172800, "resourceTtlOnCompletion": 86400}
        platform["platforms"]["kubernetes"]["pipelineConfig"] = asked

    path = _changed(tmp_path, change)
    if to_argo.release == "2.16.0":
        with pytest.raises(AssertionError, match="unknown field"):
            to_argo(path)
        return
    workflow = to_argo(path)["spec"]
    assert workflow["activeDeadlineSeconds"] == 172800
    assert workflow["ttlStrategy"] == {"secondsAfterCompletion": 86400}


def test_the_webhook_is_an_exit_hook(to_argo, tmp_path):
    def change(spec, platform):
        add_exit_handler(spec, "image")
        add_webhook(platform, Notification.model_validate({"secret": "slack"}))

    workflow = to_argo(_changed(tmp_path, change))
    templates = {each["name"]: each for each in workflow["spec"]["templates"]}
    (hooked,) = (task for task in templates["root"]["dag"]["tasks"] if "hooks" in task)
    assert hooked["name"] == "Pipeline"
    hook = templates[hooked["hooks"]["exit"]["template"]]
    assert [task["name"] for task in hook["dag"]["tasks"]] == ["Notifier-driver", "Notifier"]


def test_kfps_compiler_refuses_what_it_does_not_know(to_argo, tmp_path):
    def change(spec, platform):
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        next(iter(executors.values()))["noSuchSetting"] = True

    with pytest.raises(AssertionError, match="noSuchSetting"):
        to_argo(_changed(tmp_path, change))
