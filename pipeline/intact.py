"""Whether an earlier result still is what its component left: found by its digest.

A disk that lost something, a power cut or a hand may have changed the files since. TFX's cache
only looks whether they exist.
"""

from __future__ import annotations

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.io import fileio

from serving.releases.model_digest import model_digest

_DIGEST_PROPERTY = "content_digest"
"""Custom property of every artifact whose component has ended."""


def seal(store: mlmd.MetadataStore, artifacts: Sequence[metadata_store_pb2.Artifact]) -> None:
    """Records what artifacts contain, of those of which nothing is recorded yet."""
    unsealed = [each for each in artifacts if _DIGEST_PROPERTY not in each.custom_properties]
    for artifact in unsealed:
        artifact.custom_properties[_DIGEST_PROPERTY].string_value = _digest(artifact.uri)
    if unsealed:
        store.put_artifacts(unsealed)


def damaged(
    artifacts: Sequence[metadata_store_pb2.Artifact],
) -> list[metadata_store_pb2.Artifact]:
    """Returns the artifacts that are not any more what was recorded."""
    return [
        each
        for each in artifacts
        if _DIGEST_PROPERTY in each.custom_properties
        and each.custom_properties[_DIGEST_PROPERTY].string_value != _digest(each.uri)
    ]


def discard(
    store: mlmd.MetadataStore,
    artifacts: Sequence[metadata_store_pb2.Artifact],
    executions: Sequence[metadata_store_pb2.Execution],
) -> None:
    """Has TFX never use artifacts again; their files stay, for whoever wants to know.

    Args:
        store: Where both are recorded.
        artifacts: All that a component left of which one is damaged: a later component would find
            the others beside those that are made in their place.
        executions: Of this run, that took them from the cache. TFX launches no component twice in
            a run, unless it failed.
    """
    for artifact in artifacts:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    store.put_artifacts(artifacts)
    for execution in executions:
        execution.last_known_state = metadata_store_pb2.Execution.FAILED
    store.put_executions(executions)


def _digest(uri: str) -> str:
    """Empty if there is no file: some artifacts have only properties."""
    try:
        return model_digest(uri) if fileio.isdir(uri) else ""
    except FileNotFoundError:
        return ""
