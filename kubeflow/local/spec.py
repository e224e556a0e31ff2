"""A compiled pipeline, read and checked: KFP's PipelineSpec and nothing else."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Mapping
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from contract.errors import UsageError
from kubeflow.local.exit_handler import flatten

_TYPES = {"STRING": str, "NUMBER_INTEGER": int, "NUMBER_DOUBLE": float, "BOOLEAN": bool}
_BOOLEANS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Step:
    """One task of the graph with everything it refers to.

    Attributes:
        name: Of the task.
        task: PipelineTaskSpec as JSON: inputs, dependencies, caching.
        component: ComponentSpec as JSON: types of inputs and outputs.
        container: PipelineContainerSpec as JSON: image, command, arguments, environment.
        claims: Names of the mounted volume claims.
        upstream: Names of the tasks that must end first.
    """

    name: str
    task: Mapping[str, Any]
    component: Mapping[str, Any]
    container: Mapping[str, Any]
    claims: tuple[str, ...]
    upstream: frozenset[str]

    @property
    def outputs(self) -> Mapping[str, Any]:
        """ComponentOutputsSpec as JSON: the declared artifacts and parameters."""
        return self.component.get("outputDefinitions", {})


@dataclasses.dataclass(frozen=True)
class PipelineFile:
    """A compiled pipeline.

    Attributes:
        name: Of the pipeline.
        root: Pipeline root; None if the file leaves it to the cluster.
        steps: In topological order.
        parameters: Of the pipeline, name -> ParameterSpec as JSON.
    """

    name: str
    root: str | None
    steps: tuple[Step, ...]
    parameters: Mapping[str, Mapping[str, Any]]

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter.

        Args:
            given: Name -> value, as text or as what it is.

        Returns:
            Name -> value of the parameter's type, the default where none is given.

        Raises:
            UsageError: If there is no such parameter, a value has another type, or one is missing.
        """
        for name in given:
            if name not in self.parameters:
                raise UsageError(
                    f"{name} is no parameter of {self.name}; it has "
                    f"{', '.join(sorted(self.parameters)) or 'none'}."
                )
        values = {}
        for name, spec in self.parameters.items():
            if name in given:
                values[name] = _convert(name, given[name], spec.get("parameterType", "STRING"))
            elif "defaultValue" in spec:
                values[name] = spec["defaultValue"]
            elif not spec.get("isOptional"):
                raise UsageError(f"{name} has no default: give --set {name}=VALUE.")
        return values


def load(path: str) -> PipelineFile:
    """Reads a compiled pipeline.

    Args:
        path: YAML file of one or two documents.

    Raises:
        UsageError: If it is none, or has what only a cluster can run.
    """
    try:
        with open(path, encoding="utf-8") as file:
            documents = list(yaml.safe_load_all(file))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not valid YAML: {error}") from error
    try:
        spec = json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
        spec = json_format.MessageToDict(spec)
        tasks = flatten(spec["root"]["dag"]["tasks"], spec["components"])
    except (json_format.ParseError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path}: is no compiled pipeline ({error}). Make one with python -m kubeflow compile."
        ) from error
    platform = documents[1] if len(documents) > 1 else {}
    kubernetes = platform.get("platforms", {}).get("kubernetes", {})
    mounts = kubernetes.get("deploymentSpec", {}).get("executors", {})
    steps = {name: _step(name, task, spec, mounts, path) for name, task in tasks.items()}
    for step in steps.values():
        if missing := step.upstream - steps.keys():
            raise UsageError(f"{path}: {step.name} depends on {min(missing)}, which is missing.")
    try:
        order = tuple(
            graphlib.TopologicalSorter(
                {s.name: sorted(s.upstream) for s in steps.values()}
            ).static_order()
        )
    except graphlib.CycleError as error:
        raise UsageError(f"{path}: the steps {error.args[1]} wait for one another.") from error
    return PipelineFile(
        name=spec["pipelineInfo"]["name"],
        root=spec.get("defaultPipelineRoot"),
        steps=tuple(steps[name] for name in order),
        parameters=spec["root"].get("inputDefinitions", {}).get("parameters", {}),
    )


def _step(
    name: str,
    task: Mapping[str, Any],
    spec: Mapping[str, Any],
    mounts: Mapping[str, Any],
    path: str,
) -> Step:
    component = spec["components"][task["componentRef"]["name"]]
    label = component.get("executorLabel")
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    container = executors.get(label, {}).get("container")
    if container is None or "artifactIterator" in task or "parameterIterator" in task:
        raise UsageError(
            f"{path}: {name} is no container (a nested graph, a loop, an importer or a resolver); "
            "only a cluster can run it."
        )
    if "condition" in task.get("triggerPolicy", {}):
        raise UsageError(f"{path}: {name} has a condition; only a cluster can run it.")
    inputs = task.get("inputs", {})
    sources = [
        source
        for kind, key in (
            ("artifacts", "taskOutputArtifact"),
            ("parameters", "taskOutputParameter"),
        )
        for each in inputs.get(kind, {}).values()
        if (source := each.get(key))
    ]
    return Step(
        name=name,
        task=task,
        component=component,
        container=container,
        claims=tuple(mount["constant"] for mount in mounts.get(label, {}).get("pvcMount", [])),
        upstream=frozenset(task.get("dependentTasks", []))
        | {source["producerTask"] for source in sources},
    )


def _convert(name: str, value: Any, kind: str) -> Any:
    convert = _TYPES.get(kind)
    if convert is None or not isinstance(value, str):
        return value
    try:
        value = _BOOLEANS[value.lower()] if convert is bool else convert(value)
        # KFP passes every number as a double; a cache key must not tell 1 from 1.0.
        return float(value) if convert is int else value
    except (KeyError, ValueError):
        raise UsageError(f"{name}={value}: {kind} is needed.") from None
