"""Pusher that pushes only the very files that were blessed, and no model twice in a row.

A version appears at once and complete, with its model card; `models.config` beside the model's
folder then has it served (see `serving.releases`), and old versions are deleted.
"""

from __future__ import annotations

import json
import os
from typing import Any

from tfx import types
from tfx.components import Pusher
from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.model_card import model_card, write_model_card
from components.model_digest import MODEL_DIGEST_PROPERTY, model_digest
from components.sealing_evaluator import EVALUATION_PROPERTY
from serving.releases import Releases

_STAGING = ".pushing"


class TamperedModelError(RuntimeError):
    """The model's files are not those that were blessed."""


class Executor(pusher_executor.Executor):
    """TFX's executor with the check of the digest."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model, unless the newest served version is that model already.

        Args:
          input_dict: `model`; `model_blessing` as `SealingEvaluator` gives it.
          output_dict: `pushed_model`; gets `pushed`, and if it is 1 also `pushed_destination`,
            `pushed_version` and the digest.
          exec_properties: `push_destination`: JSON of a `PushDestination` proto;
            `custom_config`: JSON object, `configuration` of the pipeline for the model card and
            `keep_versions`, how many of the newest versions stay (without: all).

        Raises:
          TamperedModelError: if the model was blessed and is not any more what was blessed.
        """
        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        path = self.GetModelPath(input_dict)
        digest = model_digest(path)
        blessing = artifact_utils.get_single_instance(
            input_dict[standard_component_specs.MODEL_BLESSING_KEY]
        )
        if digest != blessing.get_string_custom_property(MODEL_DIGEST_PROPERTY):
            raise TamperedModelError(
                f"The model in {path} changed after it was blessed; it is not pushed. Find out who "
                "changed it, then train it anew: run again with --no-cache."
            )
        pushed.set_string_custom_property(MODEL_DIGEST_PROPERTY, digest)
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(
            exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination
        )
        newest = newest_version(destination.filesystem.base_directory)
        if newest and model_digest(newest) == digest:
            self._MarkPushed(pushed, newest, os.path.basename(newest))
            return
        custom_config = json.loads(
            exec_properties.get(standard_component_specs.CUSTOM_CONFIG_KEY) or "{}"
        )
        base = destination.filesystem.base_directory
        is_local = "://" not in base
        # TFX copies file by file into the version's folder, where a server might already look.
        # On this machine the copy is made beside and renamed; object stores cannot rename a
        # folder at once, there `saved_model.pb` comes last.
        staging = os.path.join(base, _STAGING) if is_local else base
        if is_local and fileio.exists(staging):
            fileio.rmtree(staging)
        destination.filesystem.base_directory = staging
        super().Do(
            input_dict,
            output_dict,
            {
                **exec_properties,
                standard_component_specs.PUSH_DESTINATION_KEY: proto_utils.proto_to_json(
                    destination
                ),
            },
        )
        staged = pushed.get_string_custom_property("pushed_destination")
        version = int(os.path.basename(staged))
        if is_local and newest:
            # A clock that was set back, or two pushes in a second.
            version = max(version, int(os.path.basename(newest)) + 1)
        card = model_card(
            name=os.path.basename(base.rstrip("/")),
            version=version,
            digest=digest,
            configuration=custom_config.get("configuration", {}),
            evaluation_uri=blessing.get_string_custom_property(EVALUATION_PROPERTY),
            lineage={
                key: {"id": artifact.id, "name": artifact.name, "uri": artifact.uri}
                for key, (artifact,) in input_dict.items()
            },
        )
        write_model_card(card, staged)
        if is_local:
            path = os.path.join(base, str(version))
            os.rename(staged, path)
            os.rmdir(staging)
            self._MarkPushed(pushed, path, str(version))
            releases = Releases(base)
            releases.serve(version)
            if keep := custom_config.get("keep_versions"):
                releases.prune(keep)


class VerifyingPusher(Pusher):
    """TFX's Pusher with the verifying executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def newest_version(serving_dir: str) -> str | None:
    """The version that TF Serving would load from a model's folder.

    Args:
      serving_dir: folder with one numbered folder a version.

    Returns:
      Path of the complete version with the highest number; None if there is none.
    """
    if not fileio.isdir(serving_dir):
        return None
    versions = [name.rstrip("/") for name in fileio.listdir(serving_dir)]
    versions = sorted((name for name in versions if name.isdigit()), key=int, reverse=True)
    for version in versions:
        path = os.path.join(serving_dir, version)
        if fileio.exists(os.path.join(path, "saved_model.pb")):
            return path
    return None
