"""One step: inputs resolved and outputs laid out as KFP's driver and launcher do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import Any

from contract.errors import UsageError
from kubeflow.container_entrypoint import LAUNCHER_ROOT, local_path
from kubeflow.local.spec import Step
from pipeline.processes import Processes

_PYTHONS = ("python", "python3")
_UNTYPED = {"instanceSchema": ""}
"""The type of every input, as releases of KFP with ML Metadata give it (see `artifact_types`)."""


class StepError(RuntimeError):
    """A step failed; the message says how, its log why."""


def resolve_inputs(
    step: Step, arguments: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What a step reads.

    Args:
        step: The step.
        arguments: Of the pipeline.
        results: Of the steps that ended well: name -> `artifacts` and `parameters`.

    Returns:
        `inputs` of KFP's `ExecutorInput` as JSON.

    Raises:
        StepError: If an upstream step did not give what it should.
    """
    inputs = step.task.get("inputs", {})
    artifacts = {}
    for name, source in inputs.get("artifacts", {}).items():
        output = source["taskOutputArtifact"]
        artifact = _output(
            results, output["producerTask"], "artifacts", output["outputArtifactKey"]
        )
        artifacts[name] = {"artifacts": [{**artifact, "type": _UNTYPED}]}
    values = {}
    for name, source in inputs.get("parameters", {}).items():
        if output := source.get("taskOutputParameter"):
            values[name] = _output(
                results, output["producerTask"], "parameters", output["outputParameterKey"]
            )
        elif (argument := source.get("componentInputParameter")) is not None:
            if argument in arguments:
                values[name] = arguments[argument]
        elif "taskFinalStatus" in source:
            # KFP names the graph; here it is all that the step waited for.
            good = all(upstream in results for upstream in step.upstream)
            values[name] = {"state": "SUCCEEDED" if good else "FAILED"}
        else:
            values[name] = source["runtimeValue"]["constant"]
    for name, spec in step.component.get("inputDefinitions", {}).get("parameters", {}).items():
        if name not in values and "defaultValue" in spec:
            values[name] = spec["defaultValue"]
    return {"artifacts": artifacts, "parameterValues": values}


def _output(results: Mapping[str, Any], producer: str, kind: str, key: str) -> Any:
    try:
        return results[producer][kind][key]
    except KeyError:
        raise StepError(f"{producer} has no output {key}.") from None


def lay_out_outputs(step: Step, run_root: str, work_folder: str) -> dict[str, Any]:
    """Where a step writes.

    Args:
        step: The step.
        run_root: URI of this run.
        work_folder: Local folder of this execution.

    Returns:
        `outputs` of KFP's `ExecutorInput` as JSON.
    """
    base = f"{run_root}/{step.name}/{uuid.uuid4()}"
    artifacts = {}
    for name, spec in step.outputs.get("artifacts", {}).items():
        artifact = {"uri": f"{base}/{name}", "type": spec["artifactType"]}
        if "metadata" in spec:
            artifact["metadata"] = spec["metadata"]
        artifacts[name] = {"artifacts": [artifact]}
    return {
        "artifacts": artifacts,
        "parameters": {
            name: {"outputFile": os.path.join(work_folder, "parameters", name)}
            for name in step.outputs.get("parameters", {})
        },
        "outputFile": os.path.join(work_folder, "output_metadata.json"),
    }


def placeholders(executor_input: Mapping[str, Any], store: str) -> dict[str, str]:
    """What `{{$...}}` stands for in a command.

    Args:
        executor_input: KFP's `ExecutorInput` as JSON.
        store: Folder that the launcher's local paths start from.
    """
    found = {"{{$}}": json.dumps(executor_input)}
    for side in ("inputs", "outputs"):
        for name, artifacts in executor_input[side].get("artifacts", {}).items():
            uri = artifacts["artifacts"][0]["uri"]
            prefix = f"{{{{$.{side}.artifacts['{name}']"
            found[f"{prefix}.uri}}}}"] = uri
            if path := local_path(uri, store):
                found[f"{prefix}.path}}}}"] = path
    for name, value in executor_input["inputs"].get("parameterValues", {}).items():
        found[f"{{{{$.inputs.parameters['{name}']}}}}"] = _text(value)
    for name, parameter in executor_input["outputs"].get("parameters", {}).items():
        found[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter["outputFile"]
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def execute(
    step: Step,
    executor_input: Mapping[str, Any],
    *,
    store: str,
    log: str,
    folder: str,
    environment: Mapping[str, str],
    processes: Processes,
) -> dict[str, Any]:
    """Runs the container's command as a process and collects what it wrote.

    Args:
        step: The step.
        executor_input: KFP's `ExecutorInput` as JSON.
        store: Folder that the launcher's local paths start from.
        log: File to which what the process prints is added.
        folder: Working directory, as the image has one.
        environment: Variables of the process; they replace the container's own.
        processes: Starts it, and ends it if the run is ended.

    Returns:
        `artifacts`: name -> RuntimeArtifact as JSON; `parameters`: name -> value.

    Raises:
        StepError: If the command fails or a declared output is missing.
    """
    outputs = executor_input["outputs"]
    for name, artifacts in outputs["artifacts"].items():
        path = local_path(artifacts["artifacts"][0]["uri"], store)
        if path is None:
            raise StepError(f"{name}: the pipeline root must be s3://, gs:// or minio://.")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # A further attempt has a pod of its own, which is empty.
        _remove(path)
    for file in (outputs["outputFile"], *(p["outputFile"] for p in outputs["parameters"].values())):
        os.makedirs(os.path.dirname(file), exist_ok=True)

    command = [*step.container.get("command", []), *step.container.get("args", [])]
    if not command:
        raise StepError("has no command, only an image; nothing can be run without Docker.")
    for placeholder, text in placeholders(executor_input, store).items():
        command = [part.replace(placeholder, text) for part in command]
    if command[0] in _PYTHONS:
        command[0] = sys.executable
    own = {each["name"]: each.get("value", "") for each in step.container.get("env", [])}
    with open(log, "ab") as file:
        try:
            process = processes.start(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **own, **environment, LAUNCHER_ROOT: store},
            )
        except OSError as error:
            raise StepError(f"{command[0]}: {error.strerror}") from error
        code = processes.wait(process)
    if code:
        raise StepError(f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}")
    return _collect(step, executor_input, store)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def _collect(step: Step, executor_input: Mapping[str, Any], store: str) -> dict[str, Any]:
    outputs = executor_input["outputs"]
    written: dict[str, Any] = {}
    if os.path.exists(outputs["outputFile"]):
        with open(outputs["outputFile"], encoding="utf-8") as file:
            written = json.load(file)
    artifacts = {}
    for name, expected in outputs["artifacts"].items():
        artifact = {**expected["artifacts"][0], "name": str(uuid.uuid4())}
        for update in written.get("artifacts", {}).get(name, {}).get("artifacts", [])[:1]:
            artifact["uri"] = update.get("uri") or artifact["uri"]
            metadata = {**artifact.get("metadata", {}), **update.get("metadata", {})}
            artifact["metadata"] = metadata
        path = local_path(artifact["uri"], store)
        if path and not os.path.exists(path):
            raise StepError(f"did not write its output {name}")
        artifacts[name] = artifact
    parameters = dict(written.get("parameterValues", {}))
    types = step.outputs.get("parameters", {})
    for name, parameter in outputs["parameters"].items():
        if name not in parameters:
            parameters[name] = _read_parameter(name, parameter["outputFile"], types[name])
    return {"artifacts": artifacts, "parameters": parameters}


def _read_parameter(name: str, path: str, spec: Mapping[str, Any]) -> Any:
    if not os.path.exists(path):
        raise StepError(f"did not write its output parameter {name}")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kind = spec.get("parameterType", "STRING")
    try:
        return text if kind == "STRING" else json.loads(text)
    except json.JSONDecodeError:
        raise StepError(f"output parameter {name}: {text!r} is no {kind}") from None


def check_root(root: str) -> str:
    """Returns a pipeline root that the launcher can copy to.

    Raises:
        UsageError: If it is another kind of path.
    """
    if local_path(root) is None:
        raise UsageError(f"The pipeline root {root} must begin with s3://, gs:// or minio://.")
    return root.rstrip("/")
