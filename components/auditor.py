"""Component that writes the audit of an evaluated model, blessed or not (see `audit.make`)."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types.standard_component_specs import (
    BLESSING_KEY,
    EVALUATION_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    STATISTICS_KEY,
)
from tfx.utils import io_utils, path_utils

from audit.checks import data_checks
from audit.compatibility import compatibility_section
from audit.config import AuditConfig, Gate
from audit.drift import drift_check, earlier_statistics, keep_statistics
from audit.groups import read_groups
from audit.label_times import read_label_times
from audit.make import Sources, make_audit
from audit.pseudonyms import user_key
from audit.refusal import reasons_against
from audit.training_section import training_section
from audit.unknown_words import unknown_words_check
from components.tunable_trainer import with_hyperparameters
from contract.splits import EVAL, TRAIN
from ingestion.report import REPORT_FILE
from serving.releases.evaluation_metrics import overall_metrics

AUDIT, ENCODER_RUN, HEADS_RUN = "audit", "encoder_run", "heads_run"
ENCODER, HEADS = "encoder", "head"


class Executor(base_executor.BaseExecutor):
    """Collects what is audited; the work is in `audit`."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the audit.

        Args:
            input_dict: `examples`: labelled ones; `statistics`: of these; `model`; `encoder_run`
                and `heads_run`: logs of their training, may be missing; `evaluation` and
                `blessing` of the `SealingEvaluator`.
            output_dict: `audit`: the folder.
            exec_properties: `pipeline`: its name; `gate`, `config`: JSON of `audit.config`'s
                models; `configuration`: JSON of the pipeline's; `code_digests`: JSON object,
                component -> digest; `input_base`: folder of the labels; `labels`: path or pattern
                in it; `label_user_id`: name of its column; `image`: of the step, "" without one.

        Raises:
            DataError: The labels' files lack a column that the configuration names.
            KeyFileError: The key that signs cannot be used.
            UserKeyError: The key of the users' pseudonyms is not there.
        """
        config = AuditConfig.model_validate_json(exec_properties["config"])
        models = input_dict[MODEL_KEY]
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(models))
        blessing = artifact_utils.get_single_instance(input_dict[BLESSING_KEY])
        pipeline = exec_properties["pipeline"]
        labels = os.path.join(exec_properties["input_base"], exec_properties["labels"])
        user_column = exec_properties["label_user_id"]
        key = user_key(config.user_key_env, pipeline)
        groups = read_groups(labels, user_column, config.slices, key)
        label_times = None
        if config.label_time:
            label_times = read_label_times(labels, user_column, config.label_time)
        gate = Gate.model_validate_json(exec_properties["gate"])
        evaluation = artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])
        examples = artifact_utils.get_single_uri(input_dict[EXAMPLES_KEY])
        configuration = with_hyperparameters(json.loads(exec_properties["configuration"]), models)
        baseline = _baseline(blessing)
        folder = artifact_utils.get_single_uri(output_dict[AUDIT])
        before = earlier_statistics(folder, baseline) if baseline else None
        fileio.makedirs(folder)
        make_audit(
            Sources(
                pipeline=pipeline,
                model=model,
                baseline=baseline,
                evaluation=evaluation,
                metrics=overall_metrics(evaluation, gate.classes),
                reasons_against=[each.sentence for each in reasons_against(evaluation)],
                labelled_examples=examples,
                checks=[
                    *data_checks(examples, configuration, label_times, _latest(examples)),
                    unknown_words_check(
                        io_utils.all_files_pattern(
                            artifact_utils.get_split_uri(input_dict[EXAMPLES_KEY], EVAL)
                        ),
                        model,
                        configuration,
                    ),
                    drift_check(keep_statistics(_statistics(input_dict), folder), before),
                ],
                blessed=blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
                == constants.BLESSED_VALUE,
                configuration=configuration,
                code_digests=json.loads(exec_properties["code_digests"]),
                image=exec_properties["image"] or None,
                training=training_section(
                    {
                        name: artifact_utils.get_single_uri(input_dict[run])
                        for name, run in ((ENCODER, ENCODER_RUN), (HEADS, HEADS_RUN))
                        if run in input_dict
                    }
                ),
                compatibility=compatibility_section(
                    model,
                    [
                        io_utils.all_files_pattern(
                            artifact_utils.get_split_uri(input_dict[EXAMPLES_KEY], EVAL)
                        )
                    ],
                    list(gate.classes),
                ),
                created_at=datetime.datetime.now(datetime.timezone.utc).isoformat(
                    timespec="seconds"
                ),
            ),
            gate,
            config,
            groups,
            folder,
        )


def _latest(examples: str) -> float | None:
    """Moment of the latest behaviour that was read, Unix seconds."""
    with fileio.open(os.path.join(examples, REPORT_FILE)) as file:
        latest: float | None = json.load(file)["latest"]
    return latest


def _statistics(input_dict: dict[str, list[types.Artifact]]) -> str:
    """File of the statistics of the labelled training users."""
    statistics = input_dict[STATISTICS_KEY]
    return io_utils.get_only_uri_in_dir(artifact_utils.get_split_uri(statistics, TRAIN))


def _baseline(blessing: types.Artifact) -> str:
    """Folder of the model that was compared with: a model of a run, or a pushed version."""
    uri = blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY)
    is_artifact = blessing.has_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY)
    return path_utils.serving_model_path(uri) if uri and is_artifact else uri


class _Spec(types.ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        name: component_spec.ExecutionParameter(type=str)
        for name in (
            *("pipeline", "gate", "config", "configuration", "code_digests"),
            *("input_base", "labels", "label_user_id", "image"),
        )
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        ENCODER_RUN: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        HEADS_RUN: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        AUDIT: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation)
    }


class Auditor(base_component.BaseComponent):
    """Writes the audit of an evaluated model.

    Args:
        examples: Labelled examples.
        statistics: Of the labelled examples.
        model: The model.
        encoder_run: Logs of the encoder's training.
        heads_run: Those of the heads'.
        evaluation: Of the `SealingEvaluator`.
        blessing: Of the `SealingEvaluator`.
        pipeline: Its name.
        gate: What was asked of the model.
        config: What the configuration says of it.
        configuration: The pipeline's, for the record.
        code_digests: Component -> digest of its code.
        input_base: Folder of the labels; a string or a `RuntimeParameter`.
        labels: Their path or pattern, relative to it.
        label_user_id: Name of the column of the user's id.
        image: Of the step; "" without one.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        model: types.BaseChannel,
        encoder_run: types.BaseChannel,
        heads_run: types.BaseChannel,
        evaluation: types.BaseChannel,
        blessing: types.BaseChannel,
        pipeline: str,
        gate: Gate,
        config: AuditConfig,
        configuration: Mapping[str, Any],
        code_digests: Mapping[str, str],
        input_base: Any,
        labels: str,
        label_user_id: str,
        image: str,
    ):
        super().__init__(
            _Spec(
                examples=examples,
                statistics=statistics,
                model=model,
                encoder_run=encoder_run,
                heads_run=heads_run,
                evaluation=evaluation,
                blessing=blessing,
                pipeline=pipeline,
                gate=gate.model_dump_json(),
                config=config.model_dump_json(),
                configuration=json.dumps(configuration),
                code_digests=json.dumps(code_digests),
                input_base=input_base,
                labels=labels,
                label_user_id=label_user_id,
                image=image,
                audit=types.Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
