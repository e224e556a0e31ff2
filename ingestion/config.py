"""What a pipeline's YAML says about its data. Imports nothing heavy: the CLI's --help needs it."""

import datetime
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, ConfigDict, Field

from contract.event_channels import TYPE, VALUE
from contract.features import USER_ID
from ingestion.classes import ClassIndex
from ingestion.timestamps import parse_moment
from ingestion.values import normalize_label


class _Frozen(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(_Frozen):
    """Names of the columns, or JSON keys, of the files; `user.id` is a field of a nested one."""

    user_id: str = Field(USER_ID, min_length=1, description="The user's id in the events.")
    timestamp: str = Field(
        "timestamp",
        min_length=1,
        description="When it happened: ISO 8601 or numbers (see `timestamp_unit`); without a time "
        "zone UTC.",
    )
    text: str = Field("text", min_length=1, description="What the user did, as text.")
    type: str = Field(
        TYPE.column,
        min_length=1,
        description="Of what kind the event was, as view, cart or buy; for the channel `type`.",
    )
    value: str = Field(
        VALUE.column,
        min_length=1,
        description="A number of the event, as a price or a rating; for the channel `value`.",
    )
    label_user_id: str = Field(USER_ID, min_length=1, description="The user's id in the labels.")
    split: str | None = Field(
        None,
        min_length=1,
        description="Column of the labels with the user's split: train, validation or eval; null, "
        "or an empty value: drawn by the user's id.",
    )

    @pydantic.model_serializer(mode="wrap")
    def _without_unnamed(self, handler: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out columns that nobody named: what is written is a key of the cache."""
        content: dict[str, Any] = handler(self)
        return {
            key: value
            for key, value in content.items()
            if key not in _FURTHER_COLUMNS or value != _FURTHER_COLUMNS[key]
        }


_FURTHER_COLUMNS = {channel.column: channel.column for channel in (TYPE, VALUE)}
"""Of channels: key -> its default."""


TimestampUnit = Literal[
    "auto", "seconds", "milliseconds", "microseconds", "nanoseconds", "date_key", "excel_days"
]

# Kept as Unix seconds.
Moment = Annotated[float, BeforeValidator(parse_moment)]


class Window(_Frozen):
    """A span of time, [start, end)."""

    start: Moment = Field(
        description="First moment in the window: ISO 8601 or Unix seconds; without a zone UTC."
    )
    end: Moment = Field(description="First moment after the window, written like `start`.")

    @pydantic.model_validator(mode="after")
    def _check_order(self) -> "Window":
        if self.start >= self.end:
            raise ValueError(f"the window {self} is empty: `start` must lie before `end`")
        return self

    def __str__(self) -> str:
        return f"[{format_moment(self.start)}, {format_moment(self.end)})"


class WindowsDivision(_Frozen):
    """History, target and the behaviours to infer from, each from a window of time."""

    method: Literal["windows"] = Field(description="Divide by fixed windows of time.")
    history: Window = Field(description="Behaviours that the representation is trained from.")
    target: Window = Field(description="Later behaviours that it is trained to predict.")
    inference: Window = Field(description="Behaviours that labelled users are represented from.")

    @pydantic.model_validator(mode="after")
    def _check_order(self) -> "WindowsDivision":
        if self.target.start < self.history.end:
            raise ValueError(
                f"the target window {self.target} must begin when the history window "
                f"{self.history} has ended, or later"
            )
        return self


class FractionDivision(_Frozen):
    """The first part of a user's behaviours is history, the rest is target."""

    method: Literal["fraction"] = Field("fraction", description="Divide each user's behaviours.")
    fraction: float = Field(0.5, gt=0, lt=1, description="Share of the behaviours in the history.")


class RandomCutDivision(_Frozen):
    """As `FractionDivision`, cut at a place drawn for each user, always the same one."""

    method: Literal["random_cut"] = Field(description="Cut each user's behaviours at random.")
    seed: int = Field(0, ge=0, lt=2**31, description="Another seed draws other cuts.")


Division = Annotated[
    WindowsDivision | FractionDivision | RandomCutDivision, Field(discriminator="method")
]


def _as_text(classes: object) -> object:
    """Classes that come as another type than text, as from Python, have the usual spelling."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        return classes
    return tuple(c.strip() if isinstance(c, str) else normalize_label(c) for c in classes)


ClassName = Annotated[str, Field(min_length=1)]


class Task(_Frozen):
    """A classification task: a column of the label file."""

    column: str | None = Field(
        None, min_length=1, description="Column of the label file; null: named as the task."
    )
    classes: Annotated[tuple[ClassName, ...], BeforeValidator(_as_text)] = Field(
        ("0", "1"),
        min_length=2,
        description="The values of the label, as they are written. true and 1.0 count as 1, "
        "false and 0.0 as 0.",
    )

    @pydantic.field_validator("classes")
    @classmethod
    def _check_distinct(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        ClassIndex(classes)
        return classes

    def column_of(self, name: str) -> str:
        """The column of the label file, for the task of this name."""
        return self.column or name


Channel = Literal["time", "type", "value"]
"""What of an event, besides its text, the examples carry to the encoder: an `EventChannel`."""


Share = Annotated[float, Field(ge=0, le=1)]


class Limits(_Frozen):
    """Shares above which a loss is told; null, or left out: never."""

    warn: Share | None = Field(None, description="Above it a warning stands in the summary.")
    stop: Share | None = Field(None, description="Above it the run stops.")


class FileLossLimits(_Frozen):
    """What files may lose, or say twice, before what reads them warns or stops."""

    identical_files: Limits = Field(
        Limits(warn=0.0, stop=0.45),
        description="Files that hold the bytes of another one of their kind, of all that hold any.",
    )
    empty_files: Limits = Field(
        Limits(warn=0.5), description="Files without a record, of all files."
    )


class LossLimits(FileLossLimits):
    """What may get lost, or be counted twice, before a run warns or stops."""

    labels_without_events: Limits = Field(
        Limits(warn=0.05, stop=0.9), description="Labelled users who have no events, of all."
    )
    events_without_labels: Limits = Field(
        Limits(), description="Users with events who have no label row, of all."
    )
    similar_ids: Limits = Field(
        Limits(warn=0.0, stop=0.01),
        description="Labelled users who have events only under an id that differs in case, "
        "blanks, leading zeros or a final .0, of all labelled users.",
    )
    duplicate_events: Limits = Field(
        Limits(warn=0.05, stop=0.45),
        description="Events that repeat user, timestamp and text of another, of all events.",
    )


class IngestionConfig(_Frozen):
    """How log and label files become examples."""

    columns: Columns = Field(Columns(), description="Names of the columns of the files.")
    channels: tuple[Channel, ...] = Field(
        (),
        description="What the encoder knows of behaviours besides their texts. `time`: their "
        "moments; leave it out where they only say which came first. `type`: of what kind each "
        "was; `value`: a number of each; their columns are in `columns`.",
    )
    division: Division = Field(
        FractionDivision(), description="How behaviours are divided into history and target."
    )
    hold_out_eval: bool = Field(
        True,
        description="Whether the encoder is trained without the users of eval; false: their "
        "behaviours, not their labels, take part, as in the paper.",
    )
    inference_sample: int | None = Field(
        None,
        ge=1,
        description="Behaviours drawn at random, always the same ones, that a labelled user is "
        "represented from; null: all.",
    )
    max_bad_fraction: float = Field(
        0.001, ge=0, le=1, description="Share of bad lines up to which they are skipped."
    )
    losses: LossLimits = Field(
        LossLimits(), description="What may get lost before a run warns or stops."
    )
    timestamp_unit: TimestampUnit = Field(
        "auto",
        description="What timestamps that are numbers mean; auto: told by each file's whole "
        "column. date_key: 2024, 202401, 20240131 or with a time up to 20240131235959; "
        "excel_days: Excel's serial days.",
    )
    html_entities: bool = Field(
        True,
        description="Read HTML entities in texts, as &quot; and &#39;, as the characters that "
        "they stand for. Texts that are sent to the served model are not changed.",
    )
    max_behaviors: int = Field(
        2000,
        ge=1,
        description="Behaviours kept per user and window, the most recent; guards against bots.",
    )
    activity_boundaries: tuple[int, ...] | None = Field(
        None,
        description="Numbers of behaviours at which the 2nd and further activity groups begin, by "
        "which metrics are sliced; null: quartiles of the labelled users, of all splits together.",
    )

    @pydantic.field_validator("channels")
    @classmethod
    def _check_distinct(cls, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if len(set(channels)) < len(channels):
            raise ValueError(f"names a channel twice: {', '.join(channels)}")
        return channels

    @pydantic.field_validator("activity_boundaries")
    @classmethod
    def _check_increasing(cls, boundaries: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if boundaries and (boundaries[0] < 1 or sorted(set(boundaries)) != list(boundaries)):
            raise ValueError(f"must be positive and strictly increasing, not {boundaries}")
        return boundaries


def format_moment(seconds: float) -> str:
    """Returns Unix seconds as ISO 8601 in UTC, to the second."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
