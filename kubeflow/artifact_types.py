"""The type of an artifact, in each of the forms that Kubeflow Pipelines has given it.

A step's outputs have it as it was compiled. Its inputs have it not at all as long as KFP keeps
artifacts in ML Metadata (`instanceSchema` is empty, releases 2.0 to 2.17), and in `schemaTitle`
after that; there a compiled `instanceSchema` arrives whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def title_of(artifact_type: Mapping[str, Any]) -> str:
    """The name of an artifact's type.

    Args:
        artifact_type: KFP's `ArtifactTypeSchema` as JSON.

    Returns:
        Such as `tfx.Model`; "" if the type does not say.
    """
    text = artifact_type.get("schemaTitle") or artifact_type.get("instanceSchema") or ""
    schema = yaml.safe_load(text)
    return schema.get("title", "") if isinstance(schema, dict) else text


def by_title(artifact_type: Mapping[str, Any]) -> dict[str, str]:
    """The same type, in the form that every release reads."""
    return {"schemaTitle": title_of(artifact_type)}
