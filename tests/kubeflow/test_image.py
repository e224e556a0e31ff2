"""The image has what the compiled file names. Without Docker: its COPY lines are followed here."""

import dataclasses
import fnmatch
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest
import yaml

from ingestion import synthetic_logs
from kubeflow.__main__ import main
from kubeflow.local import spec
from kubeflow.local.runner import RAN, Runner

_ROOT = pathlib.Path(__file__).parents[2]
_GOLDEN = pathlib.Path(__file__).parent / "golden"
_DOCKERFILE = (_ROOT / "kubeflow" / "Dockerfile").read_text()
_PROJECT = (
    "audit",
    "components",
    "contract",
    "ingestion",
    "kubeflow",
    "pipeline",
    "serving",
    "trainer",
)


def _context():
    """The files that `docker build` is given: those of the commit, less .dockerignore's."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    lines = (_ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    return {file for file in listed if (_ROOT / file).is_file() and not _ignored(file, rules)}


def _ignored(file, rules):
    """The last rule that matches the file or a folder above it decides."""
    parts = file.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        anywhere = pattern.startswith("**/")
        names = parts if anywhere else above
        pattern = pattern.removeprefix("**/")
        if any(
            name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)
            for name in names
        ):
            ignored = not rule.startswith("!")
    return ignored


def _stage(name):
    """The lines of a stage and of those it is built from."""
    stages = {}
    for text in re.split(r"(?m)^(?=FROM )", _DOCKERFILE)[1:]:
        parent, own = re.match(r"FROM (\S+) AS (\S+)", text).groups()
        stages[own] = (parent, text.splitlines())
    lines = []
    while name in stages:
        name, own = stages[name]
        lines = own + lines
    return lines


def _files(stage):
    """Path in the image -> path in the project, of what a stage copies."""
    context = _context()
    files = {}
    for line in _stage(stage):
        match = re.match(r"COPY (?!--from)(\S+) (\S+)$", line)
        if not match:
            continue
        source, target = match.groups()
        copied = {file for file in context if file == source or file.startswith(source + "/")}
        assert copied, f"{line}: nothing in the build context"
        for file in copied:
            files[target.rstrip("/") + file.removeprefix(source)] = file
    return files


def _named_modules(spec):
    """Modules of this project that a compiled file names."""
    found = set()
    names = r"\b((?:" + "|".join(_PROJECT) + r")(?:\.\w+)+)"
    for executor in spec["deploymentSpec"]["executors"].values():
        container = executor["container"]
        assert container["command"][:2] == ["python", "-m"]
        found.add(container["command"][2])
        if "--executor_class_path" in container["args"]:
            path = container["args"][container["args"].index("--executor_class_path") + 1]
            found.add(path.rpartition(".")[0])
    for task in spec["root"]["dag"]["tasks"].values():
        for name, value in task["inputs"]["parameters"].items():
            if name in ("run_fn", "preprocessing_fn"):
                path = value["runtimeValue"]["constant"]
                assert re.fullmatch(names, path)
                found.add(path.rpartition(".")[0])
    return {name for name in found if name.split(".")[0] in _PROJECT}


@pytest.fixture(scope="module")
def modules():
    files = _GOLDEN.glob("*.yaml")
    specs = [next(yaml.safe_load_all(file.read_text())) for file in files]
    return set.union(*map(_named_modules, specs))


@pytest.mark.parametrize("stage", ["cpu", "gpu"])
def test_every_module_is_in_the_image(modules, stage):
    files = _files(stage)
    assert {"kubeflow.container_entrypoint", "kubeflow.results", "trainer.encoder.run"} <= modules
    for module in modules:
        path = "/app/" + module.replace(".", "/")
        assert f"{path}.py" in files or f"{path}/__init__.py" in files, module
    assert "/app/configs/demo.yaml" in files
    assert not [path for path in files if "/tests/" in path or "/.git" in path]


@pytest.mark.slow
@pytest.mark.one_stack
def test_every_module_can_be_imported_there(modules, tmp_path):
    """From the copied files alone, with nothing of the project's folder on the path."""
    for target, source in _files("cpu").items():
        if target.startswith("/app/"):
            path = tmp_path / target.removeprefix("/app/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / source, path)
    program = f"import {', '.join(sorted(modules))}, sys\n"
    program += f"for name in {_PROJECT!r}:\n"
    program += "  for module in [m for n, m in sys.modules.items() if n.split('.')[0] == name]:\n"
    program += f"    assert module.__file__.startswith({str(tmp_path)!r}), module.__file__\n"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_versions_are_pinned():
    for file in ("requirements.txt", "kubeflow/requirements-gpu.txt"):
        for line in (_ROOT / file).read_text().splitlines():
            pinned = re.fullmatch(r"[a-z0-9-]+(\[.+\])?==[\w.]+( ; .+)?", line)
            assert pinned or line.lstrip().startswith("#"), line


def test_python_is_one_of_the_stacks():
    from tools import install

    (default,) = re.findall(r"(?m)^ARG PYTHON=(\S+)$", _DOCKERFILE)
    (older,) = re.findall(r"--build-arg PYTHON=(\S+)", _DOCKERFILE)
    assert default.split("-")[0] == install._NEW_STACK[0]
    assert older.split("-")[0] in install._OLD_STACK


def test_no_step_runs_as_root():
    for stage in ("cpu", "gpu"):
        users = [line for line in _stage(stage) if line.startswith("USER ")]
        assert users == ["USER 10001"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes as another user")
def test_any_user_of_group_0_can_write_where_the_launcher_copies_to():
    """The Dockerfile's own lines, below another folder."""
    text = _DOCKERFILE.replace("\\\n", " ")
    (line,) = re.findall(r"(?m)^RUN (useradd .*)$", text)
    commands = [part.strip() for part in line.split("&&")][1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - for the other users
        os.makedirs(f"{folder}/home/app")
        for command in commands:
            words = [folder + word if word.startswith("/") else word for word in command.split()]
            subprocess.run(words, check=True)
        for name in ("gcs", "s3", "minio", "home/app"):
            for user in (10001, 12345):
                program = ["mkdir", f"{folder}/{name}/{user}"]
                assert subprocess.run(program, user=user, group=0, extra_groups=[]).returncode == 0
            program = ["mkdir", f"{folder}/{name}/other"]
            ended = subprocess.run(
                program, user=12345, group=12345, extra_groups=[], stderr=subprocess.DEVNULL
            )
            assert ended.returncode != 0


def test_cuda_is_what_tensorflow_asks_for():
    """The TensorFlow that is installed; the other one's pins are seen on the other stack."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    asked = [
        requirement
        for requirement in map(Requirement, requires("tensorflow"))
        if requirement.marker
        and requirement.marker.evaluate({"extra": "and-cuda"})
        and not requirement.marker.evaluate({"extra": ""})
    ]
    lines = (_ROOT / "kubeflow" / "requirements-gpu.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = {pin.name: pin for pin in pins if not pin.marker or pin.marker.evaluate()}
    assert asked
    assert {requirement.name for requirement in asked} == set(pinned)
    for requirement in asked:
        (version,) = pinned[requirement.name].specifier
        assert requirement.specifier.contains(version.version), requirement


def test_the_environment_is_that_of_local_runs():
    from pipeline.run_command import CHILD_ENVIRONMENT

    text = "\n".join(_stage("cpu"))
    for name, value in CHILD_ENVIRONMENT.items():
        assert f"{name}={value}" in text


@pytest.fixture
def image(monkeypatch):
    """A folder with the image's files, open to all; processes are started as its user."""
    if os.geteuid() != 0:
        pytest.skip("only root starts processes as another user")
    started = functools.partial(subprocess.Popen, user=10001, group=10001, extra_groups=[])
    try:
        started([sys.executable, "-c", ""]).wait()
    except PermissionError:
        pytest.skip(f"{sys.executable} is closed to other users")
    files = _files("cpu")
    monkeypatch.setattr(subprocess, "Popen", started)
    before = os.umask(0)
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 10001, 10001)
        for target, source in files.items():
            path = pathlib.Path(folder + target)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / source, path)
        yield pathlib.Path(folder)
    os.umask(before)


@pytest.mark.slow
@pytest.mark.one_stack
def test_steps_run_there_as_its_user(image):
    """The first steps of a compiled file, with the image's variables."""
    synthetic_logs.generate(image / "data", users=100, seed=1)
    config = {
        "name": "small",
        "data": {"events": "/data/events.jsonl.gz", "labels": "/data/labels.csv"},
        "tasks": {"likes_outdoor": None},
        "kubeflow": {
            "image": "registry.example/users:1",
            "pipeline_root": "s3://bucket/root",
            "volumes": [
                {"claim": "logs", "mount_path": "/data"},
                {"claim": "models", "mount_path": "/models"},
            ],
            "serving_dir": "/models/small",
        },
    }
    (image / "config.yaml").write_text(yaml.safe_dump(config))
    compiled = image / "pipeline.yaml"
    assert main(["compile", str(image / "config.yaml"), "--output", str(compiled)]) == 0
    pipeline = spec.load(str(compiled))
    names = {"DataFingerprint", "UnlabelledExampleGen", "UnlabelledStatisticsGen"}
    steps = tuple(step for step in pipeline.steps if step.name in names)
    variables = re.findall(r"([A-Z_]+)=(\S+)", "\n".join(_stage("step")))
    runner = Runner(
        dataclasses.replace(pipeline, steps=steps),
        pipeline.arguments({"data": str(image / "data")}),
        run_root="s3://bucket/root/1",
        store=str(image),
        run_folder=str(image),
        cache=None,
        folder=str(image / "app"),
        environment={
            **{name: value.replace("/app", f"{image}/app") for name, value in variables},
            "HOME": str(image),
        },
        report=lambda kind, **fields: None,
    )
    for name, outcome in runner.run().items():
        log = pathlib.Path(outcome.log).read_text() if outcome.log else ""
        assert outcome.state == RAN, f"{name}: {outcome.error}\n{log[-3000:]}"
    (statistics,) = image.glob(
        "s3/bucket/root/1/UnlabelledStatisticsGen/*/statistics/Split-train/*"
    )
    assert statistics.stat().st_uid == 10001
