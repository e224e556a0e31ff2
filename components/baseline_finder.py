"""Component that finds the last blessed model in the serving folder, without ML Metadata.

Kubeflow Pipelines refuses TFX's Resolver.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from audit.config import KEYS, AuditConfig
from audit.keys import trusted_keys
from audit.trust import carries_audit, doubts_of_version
from serving.releases.baseline import find_baseline
from serving.releases.model_digest import model_digest

MODEL, BASELINE = "model", "baseline"


class Executor(base_executor.BaseExecutor):
    """Writes the path of the baseline."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Looks at the pushed versions.

        Args:
            input_dict: `model`: the candidate, which is never its own baseline.
            output_dict: `baseline`: path of the version; "" if there is none.
            exec_properties: `serving_dir`: folder of versions; `config`: JSON of an `AuditConfig`,
                whose keys say by whom audits must be signed.

        Raises:
            KeyFileError: One of the keys cannot be used.
        """
        model = artifact_utils.get_single_instance(input_dict[MODEL])
        candidate = model_digest(path_utils.serving_model_path(model.uri))
        baseline = artifact_utils.get_single_instance(output_dict[BASELINE])
        found = find_trusted(exec_properties["serving_dir"], candidate, exec_properties["config"])
        baseline.value = found or ""


def find_trusted(serving_dir: str, candidate: str, config: str) -> str | None:
    """The newest pushed version that may be trusted, and is not the candidate.

    Args:
        serving_dir: Folder of versions.
        candidate: Digest of a model; "" if there is none yet.
        config: JSON of an `AuditConfig`, whose keys say by whom audits must be signed.

    Returns:
        Path of the version; None if there is none.

    Raises:
        KeyFileError: One of the keys cannot be used.
    """
    keys = trusted_keys(AuditConfig.model_validate_json(config))
    found = find_baseline(
        serving_dir, candidate, lambda version, digest: doubts_of_version(version, digest, keys)
    )
    if found and not carries_audit(found):
        logging.warning(
            "%s was pushed before versions carried their audit; it is compared with for its model "
            "card's sake alone.",
            found,
        )
    return found


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        name: component_spec.ExecutionParameter(type=str) for name in ("serving_dir", "config")
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model)
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        BASELINE: component_spec.ChannelParameter(type=standard_artifacts.String)
    }


class BaselineFinder(base_component.BaseComponent):
    """Finds the model that a candidate is compared with.

    Args:
        model: The candidate.
        serving_dir: Folder of pushed versions; a string or a `RuntimeParameter`.
        config: By whom their audits must be signed.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, serving_dir: Any, config: AuditConfig):
        super().__init__(
            _Spec(
                model=model,
                serving_dir=serving_dir,
                config=config.model_dump_json(include=KEYS),
                baseline=types.Channel(type=standard_artifacts.String),
            )
        )
