"""The pipeline: which components there are and what flows from one to the next."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import tensorflow_data_validation as tfdv

# Not through tfx.v1: that also loads the clients of Google Cloud, a third of the start-up time.
from tfx.components import SchemaGen, StatisticsGen, Transform
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.io import fileio
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2, transform_pb2

from audit.config import KEYS
from components.auditor import Auditor
from components.behavior_example_gen.component import BehaviorExampleGen
from components.bulk_encoder import BulkEncoder
from components.previous_finder import PreviousFinder
from components.sealing_evaluator import SealingEvaluator
from components.strict_example_validator import StrictExampleValidator
from components.tunable_trainer import HYPERPARAMETERS, PREVIOUS, TunableTrainer
from components.verifying_pusher import VerifyingPusher
from contract.event_channels import further_channels_of
from contract.splits import EVAL, TRAIN, VALIDATION
from pipeline.backend import Backend, Part
from pipeline.code_digest import code_digest
from pipeline.config import DataConfig, PipelineConfig
from pipeline.evaluation import eval_config, gate
from serving.bulk.config import EncodingConfig
from trainer.text.config import TextConfig

LABELLED_EXAMPLES = "LabelledExampleGen"
EVALUATOR = "Evaluator"
AUDITOR = "Auditor"
PUSHER = "Pusher"

_CODE_DIGEST = "code_digest"

_Component = TypeVar("_Component", bound=BaseComponent)


def create_pipeline(config: PipelineConfig, backend: Backend) -> Pipeline:
    """Wires the components, from raw logs to a pushed model.

    Args:
        config: What to compute.
        backend: What differs between the places where the pipeline runs.

    Returns:
        The pipeline, for the backend's runner.
    """
    text_files = _digests(config.text)
    config = backend.as_steps_see_it(config)
    inputs = _inputs(config.data, backend)

    data, schemas = config.data, config.data.schemas
    # Who is held out is then said by the labels.
    splits = {} if data.ingestion.columns.split is None else {"labels": inputs.labels}
    unlabelled = _examples("Unlabelled", inputs, data, schemas.unlabelled, **splits)
    labelled = _examples(
        "Labelled", inputs, data, schemas.labelled, labels=inputs.labels, tasks=config.tasks
    )
    transform = _transform(unlabelled, config.text, text_files)
    previous = _previous(transform, config, backend)
    encoder = _encoder_trainer(transform, previous, config, backend)
    heads = _heads_trainer(labelled, encoder, previous, config, backend)
    baseline = backend.baseline(heads.outputs["model"])
    evaluator = _evaluator(labelled, heads, baseline, config)
    trained = [*unlabelled, *labelled, transform, encoder, heads, evaluator]
    auditor = _auditor(labelled, encoder, heads, evaluator, inputs, config, trained, backend)
    pusher = _pusher(heads, evaluator, auditor, config, backend)

    nodes: list[BaseNode | None] = [inputs.fingerprint.node]
    for of_unlabelled, of_labelled in zip(unlabelled, labelled, strict=True):
        nodes += [of_unlabelled, of_labelled]
    nodes += [transform, previous.node, encoder, heads, baseline.node, evaluator, auditor, pusher]
    if config.serving.encode_users:
        nodes.append(_bulk_encoder(pusher, inputs, config))
    components = [node for node in nodes if node is not None]

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


class _Inputs(NamedTuple):
    """Where the files are: paths or patterns, relative to a folder that may be a parameter."""

    base: Any
    events: str
    labels: str
    fingerprint: Part


class _Examples(NamedTuple):
    """An ExampleGen, and what looks at its examples before anything is trained on them."""

    example_gen: BaseComponent
    statistics_gen: BaseComponent
    schema_gen: BaseComponent
    example_validator: BaseComponent


def _inputs(data: DataConfig, backend: Backend) -> _Inputs:
    folder = _common_folder([data.events, data.labels])
    events, labels = (os.path.relpath(path, folder) for path in (data.events, data.labels))
    base = backend.parameter("data", folder)
    return _Inputs(
        base, events, labels, backend.data_fingerprint(base, {"events": events, "labels": labels})
    )


def _examples(
    prefix: str, inputs: _Inputs, data: DataConfig, schema_file: str | None, **labels: Any
) -> _Examples:
    example_gen = BehaviorExampleGen(
        input_base=inputs.base,
        events=inputs.events,
        config=data.ingestion,
        **labels,
        **inputs.fingerprint.arguments,
    ).with_id(f"{prefix}ExampleGen")
    statistics_gen = StatisticsGen(
        examples=example_gen.outputs["examples"],
        # Exact counts would keep every different text in memory.
        stats_options=tfdv.StatsOptions(use_sketch_based_topk_uniques=True),
    ).with_id(f"{prefix}StatisticsGen")
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = _schema_gen(statistics, schema_file).with_id(f"{prefix}SchemaGen")
    example_validator = StrictExampleValidator(
        statistics=statistics, schema=schema_gen.outputs["schema"]
    ).with_id(f"{prefix}ExampleValidator")
    return _Examples(
        _with_code(example_gen, "components.behavior_example_gen.executor"),
        statistics_gen,
        schema_gen,
        _with_code(example_validator, "components.strict_example_validator"),
    )


def _schema_gen(statistics: Any, schema_file: str | None) -> BaseComponent:
    if schema_file:
        return ImportSchemaGen(schema_file=schema_file)
    # Without fixed shapes every feature arrives as a SparseTensor, whatever its lengths are.
    return SchemaGen(statistics=statistics, infer_feature_shape=False)


def _transform(
    unlabelled: _Examples, text: TextConfig, text_files: Mapping[str, str]
) -> BaseComponent:
    module = "trainer.text.preprocessing"
    transform = Transform(
        examples=unlabelled.example_gen.outputs["examples"],
        schema=unlabelled.schema_gen.outputs["schema"],
        preprocessing_fn=f"{module}.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=[TRAIN], transform=[TRAIN, VALIDATION]),
        # The raw examples have statistics of their own; those of word ids say nothing.
        disable_statistics=True,
        custom_config={"text": text.model_dump(), "text_files": text_files},
    )
    transform.add_upstream_node(unlabelled.example_validator)
    return _with_code(transform, module)


def _previous(transform: BaseComponent, config: PipelineConfig, backend: Backend) -> Part:
    """What finds the model to be compatible with, and the trainers' argument."""
    if config.serving.compatible_with is None:
        return Part(None, {})
    module = "components.previous_finder"
    finder = PreviousFinder(
        transform.outputs["transform_graph"],
        backend.parameter("serving_dir", backend.serving_dir),
        config.audit,
        config.encoder.model_dump_json(exclude=set(HYPERPARAMETERS)),
        _hyperparameters("encoder", config.encoder, backend),
    )
    found = finder.outputs[PREVIOUS].future()[0].value
    return Part(_with_code(finder, module), {PREVIOUS: found})


def _encoder_trainer(
    transform: BaseComponent, previous: Part, config: PipelineConfig, backend: Backend
) -> BaseComponent:
    module = "trainer.encoder.run"
    trainer = TunableTrainer(
        section="encoder",
        hyperparameters=_hyperparameters("encoder", config.encoder, backend),
        run_fn=f"{module}.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[VALIDATION]),
        custom_config={"encoder": config.encoder.model_dump(exclude=set(HYPERPARAMETERS))},
        **previous.arguments,
    ).with_id("EncoderTrainer")
    return _with_code(trainer, "components.tunable_trainer", module)


def _heads_trainer(
    labelled: _Examples,
    encoder: BaseComponent,
    previous: Part,
    config: PipelineConfig,
    backend: Backend,
) -> BaseComponent:
    module = "trainer.heads.run"
    trainer = TunableTrainer(
        section="heads",
        hyperparameters=_hyperparameters("heads", config.heads, backend),
        run_fn=f"{module}.run_fn",
        examples=labelled.example_gen.outputs["examples"],
        base_model=encoder.outputs["model"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[VALIDATION]),
        custom_config={
            "heads": config.heads.model_dump(exclude=set(HYPERPARAMETERS)),
            "tasks": {name: len(task.classes) for name, task in config.tasks.items()},
        },
        **previous.arguments,
    ).with_id("HeadsTrainer")
    trainer.add_upstream_node(labelled.example_validator)
    return _with_code(trainer, "components.tunable_trainer", module)


def _evaluator(
    labelled: _Examples, heads: BaseComponent, baseline: Part, config: PipelineConfig
) -> BaseComponent:
    evaluator = SealingEvaluator(
        examples=labelled.example_gen.outputs["examples"],
        example_splits=[EVAL],
        model=heads.outputs["model"],
        eval_config=eval_config(config.evaluation, config.tasks),
        gate=gate(config.evaluation, config.tasks),
        user_key=(config.audit.user_key_env, config.name),
        **baseline.arguments,
    ).with_id(EVALUATOR)
    return _with_code(evaluator, "components.sealing_evaluator")


def _auditor(
    labelled: _Examples,
    encoder: BaseComponent,
    heads: BaseComponent,
    evaluator: BaseComponent,
    inputs: _Inputs,
    config: PipelineConfig,
    trained: Sequence[BaseComponent],
    backend: Backend,
) -> BaseComponent:
    auditor = Auditor(
        examples=labelled.example_gen.outputs["examples"],
        statistics=labelled.statistics_gen.outputs["statistics"],
        model=heads.outputs["model"],
        encoder_run=encoder.outputs["model_run"],
        heads_run=heads.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        pipeline=config.name,
        gate=gate(config.evaluation, config.tasks),
        config=config.audit,
        configuration=_recorded(config),
        code_digests={
            component.id: digest
            for component in trained
            if (digest := component.exec_properties.get(_CODE_DIGEST))
        },
        input_base=inputs.base,
        labels=inputs.labels,
        label_user_id=config.data.ingestion.columns.label_user_id,
        image=backend.image,
    )
    return _with_code(auditor, "components.auditor")


def _pusher(
    heads: BaseComponent,
    evaluator: BaseComponent,
    auditor: BaseComponent,
    config: PipelineConfig,
    backend: Backend,
) -> BaseComponent:
    published = config.serving.publish_models
    pusher = VerifyingPusher(
        model=heads.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        audit=auditor.outputs["audit"],
        serving_dir=backend.parameter("serving_dir", backend.serving_dir),
        custom_config={
            "configuration": _recorded(config),
            "keep_versions": config.serving.keep_versions,
            "audit": config.audit.model_dump(include=KEYS),
            # Nothing where nothing is published: a key of the cache.
            **({"publish_models": published} if published else {}),
        },
    ).with_id(PUSHER)
    return _with_code(pusher, "components.verifying_pusher")


def _recorded(config: PipelineConfig) -> dict[str, Any]:
    """For the model card and the audit: without what only says how this machine computes it."""
    return config.model_dump(mode="json", exclude={"beam", "kubeflow", "metadata", "serving"})


def _bulk_encoder(pusher: BaseComponent, inputs: _Inputs, config: PipelineConfig) -> BaseComponent:
    ingestion = config.data.ingestion
    bulk_encoder = BulkEncoder(
        pushed_model=pusher.outputs["pushed_model"],
        input_base=inputs.base,
        events=[inputs.events],
        config=EncodingConfig(
            columns=ingestion.columns,
            channels=[channel.name for channel in further_channels_of(ingestion.channels)],
            max_bad_fraction=ingestion.max_bad_fraction,
            timestamp_unit=ingestion.timestamp_unit,
            html_entities=ingestion.html_entities,
            losses=ingestion.losses,
            period_days=config.serving.period_days,
        ),
        publish=config.serving.publish_vectors,
    )
    return _with_code(bulk_encoder, "components.bulk_encoder")


def _hyperparameters(section: str, values: Any, backend: Backend) -> dict[str, Any]:
    """Both trainers have a `learning_rate`: only in a run's form is its section a part of it."""
    return {
        name: backend.parameter(f"{section}_{name}", getattr(values, name))
        for name in HYPERPARAMETERS
    }


def _with_code(component: _Component, *modules: str) -> _Component:
    """Has TFX's cache see the code that a component runs, which its parameters only name."""
    component.exec_properties[_CODE_DIGEST] = code_digest(*modules)
    return component


def _digests(text: TextConfig) -> dict[str, str]:
    """SHA-256 of the files that the section names: other contents are other results."""
    digests = {}
    for key, path in text.files().items():
        with fileio.open(path, "rb") as file:
            digests[key] = hashlib.sha256(file.read()).hexdigest()
    return digests


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
