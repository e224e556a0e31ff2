"""The pipeline: which components there are and what flows from one to the next."""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

import tensorflow_data_validation as tfdv

# Not through tfx.v1: that also loads the clients of Google Cloud, a third of the start-up time.
from tfx.components import SchemaGen, StatisticsGen, Transform
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.io import fileio
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2, transform_pb2

from components.behavior_example_gen.component import BehaviorExampleGen
from components.behavior_example_gen.config import IngestionConfig
from components.bulk_encoder import BulkEncoder
from components.sealing_evaluator import SealingEvaluator
from components.strict_example_validator import StrictExampleValidator
from components.tunable_trainer import TunableTrainer
from components.verifying_pusher import VerifyingPusher
from pipeline.backend import Backend
from pipeline.code_digest import code_digest
from pipeline.config import PipelineConfig
from pipeline.evaluation import eval_config
from serving.bulk.config import EncodingConfig

EVALUATOR = "Evaluator"
PUSHER = "Pusher"

HYPERPARAMETERS = ("batch_size", "learning_rate", "max_epochs")
"""Fields of both trainers that people change from run to run."""

_PREPROCESSING = "trainer.text.preprocessing"
_ENCODER = "trainer.encoder.run"
_HEADS = "trainer.heads.run"


def create_pipeline(config: PipelineConfig, backend: Backend) -> Pipeline:
    """Wires the components, from raw logs to a pushed model.

    Args:
      config: what to compute.
      backend: what differs between the places where the pipeline runs.

    Returns:
      The pipeline, for the backend's runner.
    """
    # Other contents are other results, which TFX's cache does not see from the paths.
    text_files = {key: _file_digest(path) for key, path in config.text.files().items()}
    config = backend.as_steps_see_it(config)
    input_base = _common_folder([config.data.events, config.data.labels])
    events, labels = (
        os.path.relpath(f"{path}/*" if backend.is_folder(path) else path, input_base)
        for path in (config.data.events, config.data.labels)
    )
    input_base = backend.parameter("data", input_base)
    serving_dir = backend.parameter("serving_dir", backend.serving_dir)
    fingerprint = backend.data_fingerprint(input_base, [events, labels])
    ingestion = IngestionConfig(
        **{name: getattr(config.data, name) for name in IngestionConfig.model_fields}
    )

    unlabelled = BehaviorExampleGen(
        input_base=input_base, events=events, config=ingestion, **fingerprint.arguments
    ).with_id("UnlabelledExampleGen")
    labelled = BehaviorExampleGen(
        input_base=input_base,
        events=events,
        config=ingestion,
        labels=labels,
        tasks=config.tasks,
        **fingerprint.arguments,
    ).with_id("LabelledExampleGen")

    unlabelled_checks = _checks("Unlabelled", unlabelled, config.data.schemas.unlabelled)
    labelled_checks = _checks("Labelled", labelled, config.data.schemas.labelled)

    transform = Transform(
        examples=unlabelled.outputs["examples"],
        schema=unlabelled_checks.schema_gen.outputs["schema"],
        preprocessing_fn=f"{_PREPROCESSING}.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(
            analyze=["train"], transform=["train", "validation"]
        ),
        # The raw examples have statistics of their own; those of word ids say nothing.
        disable_statistics=True,
        custom_config={
            "text": config.text.model_dump(),
            "text_files": text_files,
        },
    )
    transform.add_upstream_node(unlabelled_checks.example_validator)

    hyperparameters = {
        section: {
            name: backend.parameter(f"{section}_{name}", getattr(values, name))
            for name in HYPERPARAMETERS
        }
        for section, values in (("encoder", config.encoder), ("heads", config.heads))
    }
    encoder_trainer = TunableTrainer(
        section="encoder",
        hyperparameters=hyperparameters["encoder"],
        run_fn=f"{_ENCODER}.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
        custom_config={"encoder": config.encoder.model_dump(exclude=set(HYPERPARAMETERS))},
    ).with_id("EncoderTrainer")

    heads_trainer = TunableTrainer(
        section="heads",
        hyperparameters=hyperparameters["heads"],
        run_fn=f"{_HEADS}.run_fn",
        examples=labelled.outputs["examples"],
        base_model=encoder_trainer.outputs["model"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
        custom_config={
            "heads": config.heads.model_dump(exclude=set(HYPERPARAMETERS)),
            "tasks": {name: len(task.classes) for name, task in config.tasks.items()},
        },
    ).with_id("HeadsTrainer")
    heads_trainer.add_upstream_node(labelled_checks.example_validator)

    baseline = backend.baseline(heads_trainer.outputs["model"])

    evaluator = SealingEvaluator(
        examples=labelled.outputs["examples"],
        example_splits=["eval"],
        model=heads_trainer.outputs["model"],
        eval_config=eval_config(config.evaluation, config.tasks),
        **baseline.arguments,
    ).with_id(EVALUATOR)

    pusher = VerifyingPusher(
        model=heads_trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        serving_dir=serving_dir,
        hyperparameters=hyperparameters,
        custom_config={
            # For the model card; what only says how this machine computes it is left out.
            "configuration": config.model_dump(
                mode="json", exclude={"beam", "kubeflow", "metadata", "serving"}
            ),
            "keep_versions": config.serving.keep_versions,
        },
    ).with_id(PUSHER)

    after_the_push = []
    depends_on_code = {
        unlabelled: ["components.behavior_example_gen.executor"],
        labelled: ["components.behavior_example_gen.executor"],
        unlabelled_checks.example_validator: ["components.strict_example_validator"],
        labelled_checks.example_validator: ["components.strict_example_validator"],
        transform: [_PREPROCESSING],
        encoder_trainer: ["components.tunable_trainer", _ENCODER],
        heads_trainer: ["components.tunable_trainer", _HEADS],
        evaluator: ["components.sealing_evaluator"],
        pusher: ["components.verifying_pusher"],
    }
    if config.serving.encode_users:
        bulk_encoder = BulkEncoder(
            pushed_model=pusher.outputs["pushed_model"],
            input_base=input_base,
            events=[events],
            config=EncodingConfig(
                columns=config.data.columns,
                max_bad_fraction=config.data.max_bad_fraction,
                period_days=config.serving.period_days,
            ),
        )
        after_the_push.append(bulk_encoder)
        depends_on_code[bulk_encoder] = ["components.bulk_encoder"]
    for component, modules in depends_on_code.items():
        component.exec_properties["code_digest"] = code_digest(*modules)

    components = [
        *([fingerprint.node] if fingerprint.node else []),
        unlabelled,
        labelled,
        *unlabelled_checks,
        *labelled_checks,
        transform,
        encoder_trainer,
        heads_trainer,
        baseline.node,
        evaluator,
        pusher,
        *after_the_push,
    ]
    for component in components:
        if component.id in config.beam.components:
            component.with_beam_pipeline_args(config.beam.components[component.id])

    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=backend.pipeline_root,
        components=components,
        enable_cache=True,
        metadata_connection_config=backend.metadata_connection_config,
        beam_pipeline_args=list(config.beam.args),
    )


class _Checks(NamedTuple):
    """The components that look at examples before anything is trained on them."""

    statistics_gen: BaseComponent
    schema_gen: BaseComponent
    example_validator: BaseComponent


def _checks(prefix: str, example_gen: BaseComponent, schema_file: str | None) -> _Checks:
    statistics_gen = StatisticsGen(
        examples=example_gen.outputs["examples"],
        # Exact counts would keep every different text in memory.
        stats_options=tfdv.StatsOptions(use_sketch_based_topk_uniques=True),
    ).with_id(f"{prefix}StatisticsGen")
    if schema_file:
        schema_gen = ImportSchemaGen(schema_file=schema_file)
    else:
        # Without fixed shapes every feature arrives as a SparseTensor, whatever its lengths are.
        schema_gen = SchemaGen(
            statistics=statistics_gen.outputs["statistics"], infer_feature_shape=False
        )
    schema_gen = schema_gen.with_id(f"{prefix}SchemaGen")
    example_validator = StrictExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    ).with_id(f"{prefix}ExampleValidator")
    return _Checks(statistics_gen, schema_gen, example_validator)


def _file_digest(path: str) -> str:
    with fileio.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _common_folder(paths: list[str]) -> str:
    """The folder, or the start of the URI, below which all `paths` lie."""
    schemes = {path.partition("://")[0] if "://" in path else "" for path in paths}
    if len(schemes) > 1:
        raise ValueError(f"data.events and data.labels must be in one store, not {schemes}.")
    scheme = schemes.pop()
    prefix = f"{scheme}://" if scheme else ""
    return prefix + os.path.commonpath(
        [os.path.dirname(path.removeprefix(prefix).rstrip("/")) for path in paths]
    )
