"""What was lost or counted twice, though every line could be read: told, warned of, or refused."""

from __future__ import annotations

from typing import NamedTuple

from ingestion.config import FileLossLimits, Limits
from ingestion.errors import DataError
from ingestion.statistics import FileStatistics, Statistics

_SHOWN = 3


class Loss(NamedTuple):
    """One kind of loss.

    Attributes:
        name: The key of its limits in `data.losses`.
        lost: How many were lost.
        whole: Of how many.
        message: What was lost.
        remedy: What to do, a sentence.
    """

    name: str
    lost: int
    whole: int
    message: str
    remedy: str

    def above(self, limit: float | None) -> bool:
        """Whether the share lies above a limit; False without one."""
        return limit is not None and self.lost > limit * self.whole

    def __str__(self) -> str:
        return (
            f"{self.lost:,} of {self.whole:,} ({self.lost / max(self.whole, 1):.1%}) {self.message}"
        )


def losses(statistics: Statistics) -> list[Loss]:
    """Returns every kind of loss that was found.

    Args:
        statistics: Of a whole run; the labels' losses are left out where no labels were read.
    """
    files = statistics.files
    empty = [file for file in files if not file.records]
    identical = _identical(files)
    kinds = {copy.kind for _, copy in identical}
    found = [
        Loss(
            "duplicate_events",
            statistics.duplicate_events,
            statistics.events.records - statistics.events.bad_records,
            "events repeat user, timestamp and text of another event",
            "Look whether files were copied or exported twice.",
        ),
        Loss(
            "identical_files",
            len(identical),
            sum(1 for file in files if file.records and file.kind in kinds),
            "files hold the bytes of another one, "
            + _some([f"{copy.path} those of {first.path}" for first, copy in identical]),
            "Remove the copies.",
        ),
        Loss(
            "empty_files",
            len(empty),
            len(files),
            f"files hold no record, {_some([file.path for file in empty])}",
            "Look whether the export was complete.",
        ),
    ]
    if statistics.labelled_users:
        pair = statistics.similar_pair or ("", "")
        found += [
            Loss(
                "similar_ids",
                statistics.similar_ids,
                statistics.labelled_users,
                "labelled users have events only under an id that differs in case, blanks, "
                f"leading zeros or a final .0: {pair[0]!r} in the events is {pair[1]!r} in the "
                "labels",
                "Write the ids alike.",
            ),
            Loss(
                "labels_without_events",
                statistics.labels_without_events,
                statistics.labelled_users,
                "labelled users have no events",
                f"Ids look like {statistics.sample_user!r} in the events and like "
                f"{statistics.sample_labelled_user!r} in the labels: look whether they are "
                "written alike and events are missing.",
            ),
            Loss(
                "events_without_labels",
                statistics.skipped_users["no label row"],
                statistics.users,
                "users with events have no label row",
                "Look whether labels are missing.",
            ),
        ]
    return [loss for loss in found if loss.lost]


def warnings(statistics: Statistics, limits: FileLossLimits) -> list[str]:
    """Returns a sentence for every loss above its limit for warnings."""
    return [
        f"{loss}. {loss.remedy}"
        for loss in losses(statistics)
        if loss.above(_limits(limits, loss).warn)
    ]


def check_losses(statistics: Statistics, limits: FileLossLimits) -> None:
    """Checks that no more was lost than may be.

    Raises:
        DataError: More was lost; says what, and what to do about it.
    """
    lost = [loss for loss in losses(statistics) if loss.above(_limits(limits, loss).stop)]
    if lost:
        raise DataError(
            "\n".join(
                f"{loss}; up to {_limits(limits, loss).stop:.1%} are allowed. {loss.remedy} If it "
                f"is meant so, raise `data.losses.{loss.name}.stop`, or make it null."
                for loss in lost
            )
        )


def _limits(limits: FileLossLimits, loss: Loss) -> Limits:
    of_loss: Limits = getattr(limits, loss.name)
    return of_loss


def _identical(files: list[FileStatistics]) -> list[tuple[FileStatistics, FileStatistics]]:
    """Returns (first, copy) for every file that is a copy of an earlier one of its kind."""
    first: dict[tuple[str, str], FileStatistics] = {}
    pairs = []
    for file in files:
        if not file.records:
            continue
        original = first.setdefault((file.kind, file.content), file)
        if original is not file:
            pairs.append((original, file))
    return pairs


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
