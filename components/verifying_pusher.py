"""Pusher that pushes only the very files that were blessed, and no model twice in a row.

A version appears at once and complete, with its model card; `models.config` beside the model's
folder then has it served (see `serving.releases`), and old versions are deleted.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import uuid
from typing import Any, ClassVar

from tfx import types
from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import (
    artifact_utils,
    component_spec,
    standard_artifacts,
    standard_component_specs,
)
from tfx.utils import proto_utils

from audit.config import AuditConfig
from audit.keys import trusted_keys
from audit.statement import STATEMENT_FILE
from audit.trust import carry, doubts
from components.auditor import AUDIT
from components.tunable_trainer import with_hyperparameters
from contract.errors import UserError
from serving.releases.journal import JOURNAL_FILE
from serving.releases.leftovers import remove_leftovers
from serving.releases.mirror import publish_model
from serving.releases.model_card import model_card, write_model_card
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest, sha256_of
from serving.releases.publish import complete_push, is_model, publish, readopt
from serving.releases.releases import MODEL_CARD
from serving.releases.versions import newest_version

SERVING_DIR, EVALUATION = "serving_dir", "evaluation"

OUTCOME_FILE = "outcome.json"
"""What happened, in the folder of `pushed_model`: KFP fails a step that leaves an output out."""

PUSHED, ALREADY_SERVED, REFUSED = "pushed", "already served", "refused"

_STAGING = ".pushing"


class TamperedModelError(UserError):
    """The model's files are not those that were blessed."""


class UntrustedAuditError(UserError):
    """The model's audit does not hold."""


class Executor(pusher_executor.Executor):
    """TFX's executor with the check of the digest."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model, unless the newest served version is that model already.

        Whatever happens, `outcome.json` in the output's folder says it.

        Args:
            input_dict: `model`, whose hyper-parameters (`TunableTrainer`) stand in the model card
                in place of the configuration's; `model_blessing` as `SealingEvaluator` gives it;
                `evaluation`: its metrics, for the model card; they may be missing; `audit`: what
                must hold, and where the model card says that it is.
            output_dict: `pushed_model`; gets `pushed`, and if it is 1 also `pushed_destination`,
                `pushed_version` and the digest.
            exec_properties: `serving_dir`: folder of versions; `custom_config`: JSON object,
                `configuration` of the pipeline for the model card, `keep_versions`, how many of
                the newest versions stay (without: all), `audit`, an `AuditConfig` whose keys
                say by whom the audit must be signed, and `publish_models`, a folder of a store to
                which versions and `models.config` are copied as well.

        Raises:
            TamperedModelError: If the model was blessed and is not any more what was blessed.
            UntrustedAuditError: If its audit does not hold, or is not signed by one of the keys.
            KeyFileError: If one of the keys cannot be used.
            ReleaseError: If another push, label or rollback keeps the lock of `models.config`.
            StoreError: If the store refuses; the model is pushed, and a second run goes on here.
        """
        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        outcome = self._push(pushed, input_dict, output_dict, exec_properties)
        config = _custom_config(exec_properties)
        if outcome != REFUSED and (folder := config.get("publish_models")):
            publish_model(exec_properties[SERVING_DIR], folder, config.get("keep_versions"))
        _write_outcome(outcome, pushed)

    def _push(
        self,
        pushed: types.Artifact,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> str:
        """Does it; returns what happened: one of `PUSHED`, `ALREADY_SERVED`, `REFUSED`."""
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return REFUSED
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
        base = exec_properties[SERVING_DIR]
        custom_config = _custom_config(exec_properties)
        _check_audit(input_dict, digest, AuditConfig(**custom_config.get(AUDIT, {})))
        keep, is_remote = custom_config.get("keep_versions"), "://" in base
        newest = newest_version(base)
        if newest and is_model(newest, digest):
            if not is_remote:
                complete_push(base, newest, keep)
                _readopt(input_dict, newest)
            self._MarkPushed(pushed, newest, os.path.basename(newest))
            return ALREADY_SERVED
        if is_remote:
            # Object stores cannot rename a folder at once; there `saved_model.pb` comes last.
            staged = self._copy(input_dict, output_dict, exec_properties, base)
            _carry_audit(input_dict, staged)
            write_model_card(_card(input_dict, base, staged, digest, custom_config), staged)
            logging.warning(
                "%s is in an object store, which has no lock: no line of %s tells of this push.",
                staged,
                JOURNAL_FILE,
            )
            return PUSHED
        # TFX copies file by file into the version's folder, where a server might already look. On
        # this machine the copy is made beside and renamed. No two pushes share its folder, and one
        # that another push may still be writing to stays.
        remove_leftovers(base, _STAGING)
        staging = os.path.join(base, f"{_STAGING}-{uuid.uuid4().hex}")
        try:
            staged = self._copy(input_dict, output_dict, exec_properties, staging)
            _carry_audit(input_dict, staged)
            card = _card(input_dict, base, staged, digest, custom_config)
            path = publish(staged, base, card, newest, keep)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        self._MarkPushed(pushed, path, os.path.basename(path))
        return PUSHED

    def _copy(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        folder: str,
    ) -> str:
        """Lets TFX copy the model into a version of a folder; returns the version's path."""
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder)
        )
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
        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        return pushed.get_string_custom_property("pushed_destination")


def _custom_config(exec_properties: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(
        exec_properties.get(standard_component_specs.CUSTOM_CONFIG_KEY) or "{}"
    )
    return config


def _check_audit(
    input_dict: dict[str, list[types.Artifact]], digest: str, config: AuditConfig
) -> None:
    if AUDIT not in input_dict:
        return
    folder = artifact_utils.get_single_uri(input_dict[AUDIT])
    if wrong := list(doubts(folder, digest, trusted_keys(config))):
        raise UntrustedAuditError(
            f"The audit of the model does not hold, so it is not pushed: {'; '.join(wrong)}. Find "
            f"out who changed {folder}, then have it made anew: run again with --no-cache."
        )


def _carry_audit(input_dict: dict[str, list[types.Artifact]], version: str) -> None:
    if AUDIT in input_dict:
        carry(artifact_utils.get_single_uri(input_dict[AUDIT]), version)


def _readopt(input_dict: dict[str, list[types.Artifact]], version: str) -> None:
    """Gives a served version this audit, if it was audited once more since it was pushed."""
    if AUDIT not in input_dict:
        return
    with open(os.path.join(version, MODEL_CARD), encoding="utf-8") as file:
        card = json.load(file)
    audit = _lineage(input_dict)[AUDIT]
    lineage = card.setdefault("lineage", {})
    if lineage.get(AUDIT, {}).get("sha256") != audit["sha256"]:
        lineage[AUDIT] = audit
        readopt(version, card, lambda folder: carry(audit["uri"], folder))


def _write_outcome(outcome: str, pushed: types.Artifact) -> None:
    """Leaves the output, which for a model that is not copied would not exist."""
    fileio.makedirs(pushed.uri)
    destination = pushed.get_string_custom_property("pushed_destination") or None
    with fileio.open(os.path.join(pushed.uri, OUTCOME_FILE), "w") as file:
        file.write(json.dumps({"outcome": outcome, "destination": destination}) + "\n")


def _card(
    input_dict: dict[str, list[types.Artifact]],
    base: str,
    staged: str,
    digest: str,
    custom_config: dict[str, Any],
) -> dict[str, Any]:
    """The model card of a copied version."""
    return model_card(
        name=os.path.basename(base.rstrip("/")),
        version=int(os.path.basename(staged)),
        digest=digest,
        configuration=with_hyperparameters(
            custom_config.get("configuration", {}), input_dict[standard_component_specs.MODEL_KEY]
        ),
        evaluation_uri=artifact_utils.get_single_uri(input_dict[EVALUATION])
        if EVALUATION in input_dict
        else "",
        lineage=_lineage(input_dict),
    )


def _lineage(input_dict: dict[str, list[types.Artifact]]) -> dict[str, dict[str, Any]]:
    lineage: dict[str, dict[str, Any]] = {
        key: {"id": artifact.id, "name": artifact.name, "uri": artifact.uri}
        for key, (artifact,) in input_dict.items()
    }
    if AUDIT in lineage:
        # The statement has the digests of all other files of the audit.
        statement = os.path.join(lineage[AUDIT]["uri"], STATEMENT_FILE)
        lineage[AUDIT]["sha256"] = sha256_of(statement)
    return lineage


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        SERVING_DIR: component_spec.ExecutionParameter(type=str),
        standard_component_specs.CUSTOM_CONFIG_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        standard_component_specs.MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model
        ),
        standard_component_specs.MODEL_BLESSING_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelBlessing
        ),
        EVALUATION: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        AUDIT: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        standard_component_specs.PUSHED_MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.PushedModel
        )
    }


class VerifyingPusher(base_component.BaseComponent):
    """Pushes a blessed model to a folder.

    Args:
        model: The model.
        model_blessing: As `SealingEvaluator` gives it.
        evaluation: The metrics, for the model card.
        audit: As the `Auditor` gives it; the model card says where it is.
        serving_dir: Folder of versions; a string or a `RuntimeParameter`.
        custom_config: See `Executor`.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        evaluation: types.BaseChannel,
        audit: types.BaseChannel,
        serving_dir: Any,
        custom_config: dict[str, Any],
    ):
        super().__init__(
            _Spec(
                model=model,
                model_blessing=model_blessing,
                evaluation=evaluation,
                audit=audit,
                serving_dir=serving_dir,
                custom_config=json.dumps(custom_config),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
