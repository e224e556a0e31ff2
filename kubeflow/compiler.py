"""Compiles the pipeline: KFP's PipelineSpec with its Kubernetes part, or a Vertex AI job."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner, pipeline_builder

from contract.errors import UsageError
from kubeflow.artifact_types import by_title
from kubeflow.backend import KubeflowBackend
from kubeflow.container_entrypoint import INPUTS_SPEC
from kubeflow.exit_handler import add_exit_handler, add_webhook
from kubeflow.paths import KFP, VERTEX, Paths
from kubeflow.platform import platform_document
from kubeflow.results_step import add_results_step
from kubeflow.step_settings import apply_settings
from kubeflow.train_job_manifest import hand_over, train_job_manifests
from pipeline.config import PipelineConfig
from pipeline.pipeline import PUSHER, create_pipeline
from pipeline.steps import DATA_FINGERPRINT, ENCODER_TRAINER, NOTIFIER, RESULTS

_UNCACHED = (DATA_FINGERPRINT, "BaselineFinder", PUSHER)
"""Steps that look at what is outside of the pipeline, which no cache key knows."""

_COMMAND = {
    KFP: ["python", "-m", "kubeflow.container_entrypoint"],
    # Vertex AI copies nothing: TFX opens gs:// itself.
    VERTEX: list(kubeflow_v2_dag_runner.KUBEFLOW_TFX_CMD),
}
_SCHEMES = {KFP: ("s3://", "gs://", "minio://"), VERTEX: ("gs://",)}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        job: Vertex AI's PipelineJob; `pipelineSpec` alone is what KFP takes.
        platform: KFP's second document; empty where nothing is asked of Kubernetes.
    """

    job: dict[str, Any]
    platform: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        """KFP's PipelineSpec."""
        return self.job["pipelineSpec"]

    def to_yaml(self) -> str:
        """The file that KFP's form and `kfp.Client` take."""
        parameters = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        lines = ["# PIPELINE DEFINITION", f"# Name: {self.spec['pipelineInfo']['name']}"]
        lines += ["# Inputs:"]
        lines += [
            f"#    {name}: {parameter['description']} [Default: {parameter['defaultValue']}]"
            for name, parameter in sorted(parameters.items())
        ]
        documents = [self.spec, *([self.platform] if self.platform else [])]
        return "\n".join(lines) + "\n" + yaml.safe_dump_all(documents, width=100)


def compile_pipeline(config: PipelineConfig, target: str = KFP) -> Compiled:
    """Compiles a pipeline.

    Args:
        config: With the section `kubeflow` filled: image, pipeline root, volumes.
        target: `kfp` or `vertex`.

    Returns:
        The compiled pipeline.

    Raises:
        UsageError: If the section `kubeflow` lacks something, or a path cannot be opened there.
    """
    kubeflow = config.kubeflow
    pipeline_root = _checked_root(config, target)
    paths = Paths(config, target)
    backend = KubeflowBackend(
        pipeline_root=pipeline_root.rstrip("/"),
        serving_dir=paths.serving_dir(),
        image=kubeflow.image or "",
        paths=paths,
        audit=paths.as_steps_see_it(config).audit,
    )
    pipeline = create_pipeline(config, backend)
    steps = {node.id: kubeflow.step(node.id) for node in pipeline.components}
    checkpoints = paths.checkpoints(backend.serving_dir) if target == KFP else None
    train_job = None
    if kubeflow.train_job:
        train_job = train_job_manifests(kubeflow, kubeflow.train_job, target, checkpoints)
        steps[ENCODER_TRAINER] = kubeflow.waiting_step(ENCODER_TRAINER)
    if target == VERTEX:
        # It has no volumes.
        steps = {n: step.model_copy(update={"scratch": None}) for n, step in steps.items()}
    images = {
        name: (kubeflow.gpu_image or kubeflow.image) if step.gpus else kubeflow.image
        for name, step in steps.items()
    }
    job = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image={**images, pipeline_builder.DEFAULT_IMAGE_PATH_KEY: kubeflow.image},
            default_commands=_COMMAND[target],
            use_pipeline_spec_2_1=True,
        )
    ).run(pipeline, write_out=False)
    spec = job["pipelineSpec"]
    spec["defaultPipelineRoot"] = backend.pipeline_root
    for name, parameter in backend.parameters.items():
        spec["root"]["inputDefinitions"]["parameters"][name] |= {
            "defaultValue": parameter.default,
            "description": parameter.description,
        }
    for name, task in spec["root"]["dag"]["tasks"].items():
        _mend_task(name, task)
    if target == KFP:
        _name_types(spec)
        add_results_step(spec, config.tasks, kubeflow.image)
        steps[RESULTS] = kubeflow.step(RESULTS)
    for name, step in steps.items():
        container = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]
        # TFX's driver before the cache is Vertex AI's alone; DataFingerprint does its work.
        container.pop("lifecycle", None)
        apply_settings(spec, name, step, checkpoints)
    if train_job:
        hand_over(spec, ENCODER_TRAINER, train_job)
    if target == VERTEX:
        return Compiled(job, platform={})
    if kubeflow.notify:
        steps[NOTIFIER] = kubeflow.step(NOTIFIER)
        add_exit_handler(spec, kubeflow.image)
        apply_settings(spec, NOTIFIER, steps[NOTIFIER], checkpoints)
    platform = platform_document(kubeflow, steps)
    if kubeflow.notify:
        add_webhook(platform, kubeflow.notify)
    return Compiled(job, platform)


def _checked_root(config: PipelineConfig, target: str) -> str:
    """Returns the pipeline root, if nothing that Kubeflow needs is missing or wrong."""
    kubeflow = config.kubeflow
    if "_" in config.name:
        raise UsageError(f"name: {config.name}: Kubeflow allows no underscores; use hyphens.")
    if not kubeflow.image:
        raise UsageError("kubeflow.image: is required; or give --image REGISTRY/IMAGE:TAG.")
    if not kubeflow.pipeline_root:
        raise UsageError("kubeflow.pipeline_root: is required; or give --pipeline-root s3://...")
    if not kubeflow.pipeline_root.startswith(_SCHEMES[target]):
        raise UsageError(
            f"kubeflow.pipeline_root: {kubeflow.pipeline_root} must begin with "
            f"{' or '.join(_SCHEMES[target])}"
        )
    return kubeflow.pipeline_root


def _mend_task(name: str, task: dict[str, Any]) -> None:
    if name in _UNCACHED:
        task["cachingOptions"] = {}
    for parameter in task.get("inputs", {}).get("parameters", {}).values():
        if output := parameter.get("taskOutputParameter"):
            # TFX names a task that the specification does not have.
            output["producerTask"] = output["producerTask"].removesuffix("_task")


def _name_types(spec: dict[str, Any]) -> None:
    """Has every artifact's type by its title: KFP without ML Metadata hands on nothing else."""
    for name, component in spec["components"].items():
        for side in ("inputDefinitions", "outputDefinitions"):
            for artifact in component.get(side, {}).get("artifacts", {}).values():
                artifact["artifactType"] = by_title(artifact["artifactType"])
        # TFX hands the inputs' specification to the step as well.
        arguments = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]["args"]
        if INPUTS_SPEC in arguments:
            position = arguments.index(INPUTS_SPEC) + 1
            arguments[position] = json.dumps(component.get("inputDefinitions", {}), sort_keys=True)
