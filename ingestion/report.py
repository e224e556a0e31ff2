"""What a run reports: a file beside the examples, a few lines in the log, or a `DataError`."""

import json
import logging
from collections.abc import Mapping

from contract.event_channels import further_channels_of
from contract.splits import EVAL, SPLITS, TRAIN, VALIDATION
from ingestion.config import (
    IngestionConfig,
    LossLimits,
    Task,
    WindowsDivision,
    format_moment,
)
from ingestion.errors import DataError
from ingestion.losses import check_losses, losses, warnings
from ingestion.statistics import SourceStatistics, Statistics

REPORT_FILE = "ingestion_report.json"
WARNINGS = "warnings"

_logger = logging.getLogger(__name__)
_progress = logging.getLogger("progress")
_SHOWN_FAILURES = 5
_NEEDED_USERS = 50


def to_json(statistics: Statistics, limits: LossLimits) -> str:
    """Returns the statistics, and the warnings, for people and for programs."""
    content = statistics.model_dump(mode="json", exclude={"shards"})
    return json.dumps({**content, WARNINGS: warnings(statistics, limits)}, indent=2)


def log(statistics: Statistics, limits: LossLimits) -> None:
    """Logs the main counts."""
    for name, source in (("event", statistics.events), ("label", statistics.labels)):
        if source.records:
            _logger.info(
                "%s %s records read, %s bad%s",
                f"{source.records:,}",
                name,
                f"{source.bad_records:,}",
                _reasons(source),
            )
        for bad in source.first_bad:
            _logger.warning("skipped %s", bad)
    _logger.info("%s users; examples: %s", f"{statistics.users:,}", _counts(statistics.examples))
    if statistics.skipped_users:
        _logger.info("users without an example: %s", _counts(statistics.skipped_users))
    if statistics.truncated_users:
        _logger.info("users cut to their most recent behaviors: %d", statistics.truncated_users)
    for loss in losses(statistics):
        _logger.info("%s", loss)
    for warning in warnings(statistics, limits):
        _logger.warning("%s", warning)
    for task, splits in statistics.classes.items():
        for split, classes in splits.items():
            _logger.info("%s, %s: %s", task, split, _counts(classes))
    _progress.info("%s", _summary(statistics))


def _summary(statistics: Statistics) -> str:
    """Returns what was read and what of it was lost, in one line; what is nought is left out."""
    parts = [f"{statistics.events.records:,} events of {statistics.users:,} users"]
    files = [file for file in statistics.files if file.kind == "events"]
    if len(files) > 1:
        parts.append(f"{len(files):,} files")
    if statistics.earliest is not None and statistics.latest is not None:
        days = [format_moment(each)[:10] for each in (statistics.earliest, statistics.latest)]
        parts.append(" to ".join(dict.fromkeys(days)))
    if units := sorted(set(statistics.timestamp_units.values())):
        parts.append(f"timestamps read as {' and '.join(units).replace('_', ' ')}")
    parts += [f"{known:,} with a {name}" for name, known in sorted(statistics.known.items())]
    if bad := statistics.events.bad_records + statistics.labels.bad_records:
        parts.append(f"{bad:,} bad lines skipped")
    parts += [f"{loss.lost:,} {loss.name.replace('_', ' ')}" for loss in losses(statistics)]
    return ", ".join(parts)


def reading_failed(statistics: Statistics, max_bad_fraction: float) -> bool:
    """Whether what was read cannot be used, so that nothing need be made of it."""
    return bool(statistics.failures) or any(
        _too_many_bad(source, max_bad_fraction) for source in (statistics.events, statistics.labels)
    )


def check(statistics: Statistics, config: IngestionConfig, tasks: Mapping[str, Task]) -> None:
    """Checks that a run gave examples that can be used.

    Args:
        statistics: Of the whole run.
        config: How the examples were made.
        tasks: Name -> task; empty if the examples are unlabelled.

    Raises:
        DataError: They cannot be used; says what, where and what to do about it.
    """
    check_reading(statistics, config.max_bad_fraction)
    if tasks and not statistics.labels.records:
        raise DataError("The files of labels hold no record. Write them again.")
    if tasks:
        _check_overlap(statistics)
    check_losses(statistics, config.losses)
    _check_channels(statistics, config)
    _check_users(statistics, config)
    _check_splits(statistics)
    for name, task in tasks.items():
        _check_classes(statistics, name, task)


def check_reading(statistics: Statistics, max_bad_fraction: float) -> None:
    """Checks that the files could be read.

    Args:
        statistics: Of all files.
        max_bad_fraction: Share of bad lines up to which they are skipped.

    Raises:
        DataError: They could not; says what, where and what to do about it.
    """
    if statistics.failures:
        shown = statistics.failures[:_SHOWN_FAILURES]
        more = len(statistics.failures) - len(shown)
        raise DataError("\n".join([*shown, f"... and {more} more files."] if more else shown))
    if not statistics.events.records:
        raise DataError("The files of events hold no record. Write them again.")
    _check_bad(statistics.events, "events", max_bad_fraction)
    check_small_numbers(statistics.small_numbers, max_bad_fraction)
    _check_bad(statistics.labels, "labels", max_bad_fraction)


def _too_many_bad(source: SourceStatistics, max_bad_fraction: float) -> bool:
    return source.bad_records > max_bad_fraction * source.records


def _check_bad(source: SourceStatistics, kind: str, max_bad_fraction: float) -> None:
    if _too_many_bad(source, max_bad_fraction):
        first = "\n".join(f"  {bad}" for bad in source.first_bad)
        raise DataError(
            f"{source.bad_records:,} of {source.records:,} lines of {kind} are bad"
            f"{_reasons(source)}, more than the allowed fraction {max_bad_fraction:g}. "
            "The first ones:\n"
            f"{first}\nFix them, or raise `data.max_bad_fraction`."
        )


def check_small_numbers(numbers: Mapping[str, int], max_bad_fraction: float) -> None:
    """Refuses what could be years or days; as Unix seconds they would lie in January 1970."""
    whole = numbers.get("numbers", 0)
    for shape, unit in (
        ("years", "date_key"),
        ("months", "date_key"),
        ("excel_days", "excel_days"),
    ):
        if whole and whole - numbers.get(shape, 0) <= max_bad_fraction * whole:
            named = {"months": "months, as 202311", "excel_days": "Excel's serial days"}
            raise DataError(
                f"All {whole:,} timestamps are numbers that look like {named.get(shape, shape)}. "
                f"Write `data.timestamp_unit: {unit}` if they are, and `data.timestamp_unit: "
                "seconds` if they are seconds or a running number."
            )


def _check_overlap(statistics: Statistics) -> None:
    known = statistics.labelled_users - statistics.labels_without_events
    if statistics.users and statistics.labelled_users and not known:
        raise DataError(
            f"None of the {statistics.labelled_users:,} labelled users has events. User ids look "
            f"like {statistics.sample_user!r} in the events and like "
            f"{statistics.sample_labelled_user!r} in the labels. Write them alike, or name the "
            "right columns in `data.columns`."
        )


def _check_channels(statistics: Statistics, config: IngestionConfig) -> None:
    for channel in further_channels_of(config.channels):
        if not statistics.known[channel.name]:
            column = getattr(config.columns, channel.column)
            raise DataError(
                f"No event has anything in the column {column}. See that `data.columns."
                f"{channel.column}` names the right one, or take `{channel.name}` out of "
                "`data.channels`."
            )


def _check_users(statistics: Statistics, config: IngestionConfig) -> None:
    if statistics.examples.total():
        return
    if not statistics.users:
        raise DataError(
            f"No user: all {statistics.events.records:,} lines of events are "
            f"bad{_reasons(statistics.events)}. Fix them."
        )
    message = f"No user is left of {statistics.users:,}: {_counts(statistics.skipped_users)}."
    if isinstance(config.division, WindowsDivision):
        windows = config.division
        moments = (statistics.earliest, statistics.latest)
        span = " to ".join(format_moment(each) for each in moments if each is not None)
        message += (
            f" The events range from {span}; the windows are history {windows.history}, "
            f"target {windows.target}, inference {windows.inference}. Move the windows in "
            "`data.division`."
        )
    else:
        message += " Bring more events, or labels, of the same users."
    raise DataError(message)


def _check_splits(statistics: Statistics) -> None:
    empty = [split for split in SPLITS if not statistics.examples[split]]
    if empty:
        raise DataError(
            f"No user falls into {' and '.join(empty)}: {statistics.examples.total()} users give "
            f"an example ({_counts(statistics.examples)}), at least about {_NEEDED_USERS} are "
            "needed. Bring the data of more users."
        )


def _check_classes(statistics: Statistics, name: str, task: Task) -> None:
    if not sum(statistics.classes.get(name, {}).get(VALIDATION, {}).values()):
        raise DataError(
            f"Task {name} has no labelled validation user, so that its training would not know "
            "when to stop. Label more users, or take the task out of the configuration."
        )
    for split in (TRAIN, EVAL):
        labelled: Mapping[str, int] = statistics.classes.get(name, {}).get(split, {})
        counts = {c: labelled.get(c, 0) for c in task.classes}
        absent = [c for c, count in counts.items() if not count]
        if absent:
            raise DataError(
                f"Task {name} has no {split} user of class {', '.join(absent)} "
                f"({_counts(counts)}), so its AUC is undefined. Label more users, or take the "
                "class, or the task, out of the configuration."
            )


def _reasons(source: SourceStatistics) -> str:
    reasons = {reason.replace("_", " "): number for reason, number in source.bad.items()}
    return f" ({_counts(reasons)})" if reasons else ""


def _counts(counts: Mapping[str, int]) -> str:
    """Returns counts as text, in a fixed order."""
    return ", ".join(f"{name} = {number:,}" for name, number in sorted(counts.items())) or "none"
