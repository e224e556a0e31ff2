"""The configuration of a pipeline: one YAML file in, one validated, frozen object out.

Every component's section is defined beside the component that reads it; here they are put
together. Imports neither TensorFlow nor TFX, so that mistakes are found in a moment.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from audit.config import AuditConfig, Comparison
from contract.errors import UsageError
from contract.tasks import clashing_tasks
from ingestion.config import IngestionConfig, Task
from pipeline.as_written import read_yaml
from pipeline.kubeflow_config import KubeflowConfig
from pipeline.presets import apply_preset
from pipeline.sections import INLINE, keys_of, models_in
from pipeline.steps import BEAM_STEPS, BeamStep
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig
from trainer.text.config import TextConfig

_STORE = r"^(s3|gs)://[^/]+(/|$)"
_NAME = r"^[a-z][a-z0-9_-]{0,62}$"
AreaUnderCurve = Annotated[float, Field(ge=0, le=1)]
TaskName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]


class ConfigError(UsageError):
    """The configuration is wrong; the message names every mistake and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SchemaFiles(_Section):
    """Curated TFX schemas (schema.pbtxt); without them each run infers its own."""

    unlabelled: str | None = Field(None, description="Schema of the unlabelled examples.")
    labelled: str | None = Field(None, description="Schema of the labelled examples.")


class DataConfig(_Section):
    """Where the logs are and how they become examples. Paths are relative to the YAML file."""

    events: str = Field(
        min_length=1,
        description="Behaviour logs: file, glob or folder of JSONL, CSV, both also compressed "
        "(.gz, .bz2, .zst), or Parquet.",
    )
    labels: str = Field(
        min_length=1,
        description="Labels: CSV, JSONL or Parquet, one row a user, one column a task.",
    )
    schemas: SchemaFiles = Field(SchemaFiles(), description="Curated schemas, optional.")
    ingestion: IngestionConfig = Field(IngestionConfig(), json_schema_extra=INLINE)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _gather_ingestion(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        if "ingestion" in values:
            raise ValueError("ingestion: there is no such key; its keys belong into `data` itself")
        names = IngestionConfig.model_fields
        own = {key: value for key, value in values.items() if key not in names}
        return own | {"ingestion": {key: values[key] for key in names if key in values}}

    @pydantic.model_serializer(mode="wrap")
    def _spread_ingestion(self, handler: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        content = handler(self)
        return content | content.pop("ingestion")


class EvaluationConfig(_Section):
    """What a model must reach, on the users of the evaluation split, to be blessed."""

    min_auc: AreaUnderCurve | dict[TaskName, AreaUnderCurve] = Field(
        0.5, description="Lowest AUC of every task, or task by task (0.5 for tasks not named)."
    )
    max_auc_drop: float | None = Field(
        0.02,
        ge=0,
        le=1,
        description="Largest loss of AUC against the last blessed model; null: no comparison.",
    )
    comparison: Comparison = Field(
        "interval",
        description="When a loss above `max_auc_drop` refuses the model: `point`, always; "
        "`interval`, if it is also more than chance, that is, if the interval of the difference "
        "on the same users lies below 0.",
    )
    comparison_level: float = Field(
        0.95, gt=0.5, lt=1, description="Level of that interval, and of those that are reported."
    )

    def min_auc_of(self, task: str) -> float:
        """The absolute threshold of one task."""
        if isinstance(self.min_auc, Mapping):
            return self.min_auc.get(task, 0.5)
        return self.min_auc


class ServingConfig(_Section):
    """What becomes of pushed versions; see `python -m serving --help`."""

    keep_versions: int = Field(
        5, ge=1, description="Newest versions that are kept; those that are served always are."
    )
    encode_users: bool = Field(
        False, description="Encode all users of the events with the pushed model, to Parquet."
    )
    period_days: float | None = Field(
        None,
        gt=0,
        description="With `encode_users`: one vector for each period with behaviours, pooled to "
        "the user's; null: one of the most recent behaviours.",
    )
    publish_models: str | None = Field(
        None,
        pattern=_STORE,
        description="Folder of a store, s3:// or gs://, into which every pushed version and its "
        "`models.config` are copied as well, as FOLDER/NAME/VERSION.",
    )
    publish_vectors: str | None = Field(
        None,
        pattern=_STORE,
        description="With `encode_users`: folder of a store into which the vectors are copied as "
        "well, as FOLDER/VERSION-FINGERPRINT.",
    )
    compatible_with: Literal["previous"] | None = Field(
        None,
        description="previous: training goes on from the last pushed model that may be trusted, "
        "and the new vectors are turned to its vectors, so that what was trained on those goes on "
        "working (the first model has none before it); null: every model has vectors of its own.",
    )


class SqliteMetadata(_Section):
    """ML Metadata in a file of the output folder."""

    type: Literal["sqlite"] = "sqlite"


class DatabaseMetadata(_Section):
    """ML Metadata in a database server."""

    type: Literal["mysql", "postgresql"]
    host: str = Field(min_length=1, description="Host name of the server.")
    port: int = Field(gt=0, lt=65536, description="3306 for MySQL, 5432 for PostgreSQL.")
    database: str = Field(min_length=1, description="Name of the database, which must exist.")
    user: str = Field(min_length=1, description="User of the database.")
    password_env: str | None = Field(
        None, description="Environment variable with the password; null: no password."
    )


class BeamConfig(_Section):
    """How Beam runs the data steps; has no part in what they compute, nor in what is re-used."""

    args: tuple[str, ...] = Field(
        (
            "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            # Without an image TFX packs itself for workers elsewhere, three seconds a component.
            "--sdk_container_image=none",
        ),
        description="Beam pipeline options of all data steps; the default runs in this process. "
        "Workers on other machines must reach the data and the output folder by the same paths.",
    )
    components: dict[BeamStep, tuple[str, ...]] = Field(
        {},
        description="Options of single components, each a list that follows `args` and wins over "
        f"it. Components: {', '.join(BEAM_STEPS)}.",
    )


class PipelineConfig(_Section):
    """Everything that decides what a pipeline computes; see `configs/` for examples.

    `preset` stands for keys of several sections (`pipeline.presets`); what the file says wins.
    """

    name: str = Field(pattern=_NAME, description="Name of the pipeline and of the served model.")
    data: DataConfig
    tasks: dict[TaskName, Task] = Field(
        min_length=1, description="The label columns to predict, each with its classes."
    )
    text: TextConfig = TextConfig()
    encoder: EncoderConfig = EncoderConfig()
    heads: HeadsConfig = HeadsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    audit: AuditConfig = AuditConfig()
    serving: ServingConfig = ServingConfig()
    metadata: Annotated[SqliteMetadata | DatabaseMetadata, Field(discriminator="type")] = (
        SqliteMetadata()
    )
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        return apply_preset(values)

    @pydantic.field_validator("tasks", mode="before")
    @classmethod
    def _default_tasks(cls, tasks: Any) -> Any:
        # `docs:` alone in YAML is a binary task with the default classes.
        if isinstance(tasks, Mapping):
            return {name: {} if task is None else task for name, task in tasks.items()}
        return tasks

    @pydantic.model_validator(mode="after")
    def _check_names(self) -> PipelineConfig:
        for task in clashing_tasks(self.tasks):
            raise ValueError(
                f"tasks.{task}: the name is taken by a feature of the examples; "
                "rename the label column"
            )
        if isinstance(self.evaluation.min_auc, Mapping):
            for task in self.evaluation.min_auc:
                if task not in self.tasks:
                    raise ValueError(
                        f"evaluation.min_auc.{task}: there is no such task; "
                        f"allowed: {', '.join(self.tasks)}"
                    )
        return self


def load_config(path: str, data_folder: str | None = None) -> PipelineConfig:
    """Reads and validates a configuration file.

    Args:
        path: YAML file. Relative paths in it count from its folder.
        data_folder: That `data.events` and `data.labels` count from instead; None: its folder.

    Returns:
        The configuration, with absolute paths.

    Raises:
        ConfigError: If the file cannot be read or has mistakes; the message names all of them.
    """
    content = _read(path, data_folder)
    try:
        return PipelineConfig.model_validate(content)
    except pydantic.ValidationError as error:
        mistakes = "\n".join(f"  {_describe(mistake, content)}" for mistake in error.errors())
        raise ConfigError(f"{path}:\n{mistakes}") from None


def load_data_sections(
    path: str, data_folder: str | None = None
) -> tuple[DataConfig, dict[str, Task]] | None:
    """What can be used of a configuration with mistakes: the data, and the tasks without any.

    Args:
        path: As of `load_config`.
        data_folder: As of `load_config`.

    Returns:
        The sections `data` and `tasks`; None if `data` cannot be used.
    """
    try:
        content = _read(path, data_folder)
        data = DataConfig.model_validate(content.get("data"))
    except (ConfigError, pydantic.ValidationError):
        return None
    tasks = {}
    section = content.get("tasks")
    for name, task in section.items() if isinstance(section, dict) else ():
        with contextlib.suppress(pydantic.ValidationError):
            tasks[name] = Task.model_validate({} if task is None else task)
    return data, tasks


def _read(path: str, data_folder: str | None) -> dict[str, Any]:
    """The content of a configuration file, with absolute paths."""
    try:
        with open(path, encoding="utf-8") as file:
            content = read_yaml(file, PipelineConfig)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must be a mapping with the keys {_keys(PipelineConfig)}")
    folder = os.path.dirname(os.path.abspath(path))
    _make_paths_absolute(content, _PATHS, folder)
    _make_paths_absolute(content, _DATA_PATHS, os.path.abspath(data_folder or folder))
    return content


_DATA_PATHS = (("data", "events"), ("data", "labels"))
_PATHS = (
    ("data", "schemas", "unlabelled"),
    ("data", "schemas", "labelled"),
    ("text", "stop_words"),
    ("text", "jieba", "user_dictionary"),
    ("audit", "signing_key"),
    ("audit", "public_keys"),
)
"""The other keys whose values are paths, or lists of paths."""


def _make_paths_absolute(
    content: dict[str, Any], paths: Iterable[tuple[str, ...]], folder: str
) -> None:
    for *sections, key in paths:
        section: Any = content
        for name in sections:
            section = section.get(name) if isinstance(section, dict) else None
        value = section.get(key) if isinstance(section, dict) else None
        if isinstance(value, list):
            section[key] = [_absolute(path, folder) for path in value]
        elif value is not None:
            section[key] = _absolute(value, folder)


def _absolute(path: Any, folder: str) -> Any:
    if not isinstance(path, str) or not path or "://" in path:
        return path
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))


def _describe(mistake: Mapping[str, Any], content: dict[str, Any]) -> str:
    """One line for one mistake: path, value, what is allowed."""
    location = _location(mistake["loc"], content)
    path = ".".join(location)
    if mistake["type"] == "extra_forbidden":
        known = _known_keys(mistake["loc"][:-1])
        close = difflib.get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"{path}: there is no such key; {hint}allowed: {', '.join(known)}"
    if mistake["type"] == "missing":
        return f"{path}: is required"
    message = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "tuple_type":
        message = "write a list, such as [a, b]"
    if not path:
        return message
    return f"{path}: {mistake['input']!r} is not allowed: {message}"


def _location(parts: tuple[int | str, ...], content: Any) -> list[str]:
    """The path in the YAML file: pydantic's, without the names it gives to union members."""
    location = []
    for part in parts:
        is_key = isinstance(content, Mapping) and part in content
        if is_key or (isinstance(content, list) and isinstance(part, int)):
            content = content[part]
        elif part != parts[-1] or not isinstance(content, Mapping):
            continue
        location.append(str(part))
    return location


def _known_keys(parts: tuple[int | str, ...]) -> list[str]:
    """The keys that the section at pydantic's location `parts` may have."""
    models: list[type[BaseModel]] = [PipelineConfig]
    for part in parts:
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        tagged = [
            model
            for model in models
            if any(
                part in typing.get_args(field.annotation) for field in model.model_fields.values()
            )
        ]
        # A part that is neither a key nor a union's tag is a task's name: the model stays.
        models = [m for field in fields for m in models_in(field.annotation)] or tagged or models
    return [key for model in models for key in keys_of(model)]


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)
