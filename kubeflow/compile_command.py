"""The `compile` command: a configuration in, a file for Kubeflow or Vertex AI out."""

from __future__ import annotations

import json
import warnings

from contract.errors import UsageError
from pipeline.config import PipelineConfig, load_config
from serving.quiet import quiet_tensorflow


def load(
    config_file: str,
    *,
    image: str | None = None,
    gpu_image: str | None = None,
    pipeline_root: str | None = None,
) -> PipelineConfig:
    """Reads a configuration; the command line's values replace those of its section `kubeflow`.

    Raises:
        ConfigError: If the configuration has mistakes.
    """
    config = load_config(config_file)
    given = {"image": image, "gpu_image": gpu_image, "pipeline_root": pipeline_root}
    given = {key: value for key, value in given.items() if value is not None}
    return config.model_copy(update={"kubeflow": config.kubeflow.model_copy(update=given)})


def compile_file(config: PipelineConfig, target: str, output: str) -> None:
    """Compiles a pipeline to a file.

    Args:
        config: The pipeline's configuration.
        target: `kfp` or `vertex`.
        output: File to write.

    Raises:
        UsageError: If something is missing or the file cannot be written.
    """
    # TensorFlow and TFX take their time, and talk; what is wrong with the configuration is known
    # by now.
    quiet_tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kubeflow.compiler import compile_pipeline
    from kubeflow.paths import KFP

    compiled = compile_pipeline(config, target)
    text = compiled.to_yaml() if target == KFP else json.dumps(compiled.job, indent=2) + "\n"
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error
