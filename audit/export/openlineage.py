"""An OpenLineage event: which files a pipeline read, and which model it made of them."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from typing import Any

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    documentation_job,
    ownership_job,
)
from openlineage.client.serde import Serde

from audit.record import RECORD_FILE
from serving.releases.model_digest import sha256_of

_PRODUCER = "urn:universal-user-representations:audit:1"


def write(record: Mapping[str, Any], folder: str, output: str) -> None:
    """Writes the event that a run was completed.

    Args:
        record: Of the audit.
        folder: Of the audit.
        output: JSON file, which a backend of OpenLineage takes by POST.
    """
    # The same audit is the same run, however often it is exported.
    digest = hashlib.sha256(sha256_of(os.path.join(folder, RECORD_FILE)).encode()).hexdigest()
    facets: dict[str, Any] = {}
    if purpose := record["subject"]["intended_use"]:
        facets["documentation"] = documentation_job.DocumentationJobFacet(description=purpose)
    if owner := record["subject"]["owner"]:
        facets["ownership"] = ownership_job.OwnershipJobFacet(
            owners=[ownership_job.Owner(name=owner)]
        )
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=record["created_at"],
        run=Run(runId=str(uuid.UUID(digest[:32], version=4))),
        job=Job(namespace=record["pipeline"], name="pipeline", facets=facets),
        producer=_PRODUCER,
        inputs=[_input(file) for file in record["data"]["files"]],
        outputs=[
            OutputDataset(
                *_dataset(record["model"]["path"]),
                facets={"version": _version(record["model"]["digest"])},
            )
        ],
    )
    with open(output, "w", encoding="utf-8") as stream:
        stream.write(Serde.to_json(event) + "\n")


def _input(file: Mapping[str, Any]) -> InputDataset:
    metrics = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        rowCount=file["records"], bytes=file["size"], columnMetrics={}
    )
    return InputDataset(
        *_dataset(file["path"]),
        facets={"version": _version(file["content"])},
        inputFacets={"dataQualityMetrics": metrics},
    )


def _version(digest: str) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=digest)


def _dataset(path: str) -> tuple[str, str]:
    """As OpenLineage names files: the store, the namespace, and the path in it, the name."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        return "file", path
    bucket, _, name = rest.partition("/")
    return f"{scheme}://{bucket}", name
