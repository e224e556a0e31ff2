"""Groups of users by how many behaviours they are represented from; metrics are sliced by them."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import apache_beam as beam

from ingestion import division
from ingestion.config import IngestionConfig
from ingestion.spill import Batches, read_users
from ingestion.statistics import Statistics
from ingestion.timestamp_units import Clock


def activity_groups(boundaries: tuple[int, ...]) -> tuple[str, ...]:
    """Returns the names of the activity groups, which sort as text in their order.

    Args:
        boundaries: Numbers of behaviours at which the second and all further groups begin.
    """
    starts = (0, *boundaries)
    width = len(str(starts[-1]))
    closed = [f"{a:0{width}d}-{b - 1:0{width}d}" for a, b in itertools.pairwise(starts)]
    return (*closed, f"{starts[-1]}+")


def quartiles(users: dict[int, int]) -> tuple[int, ...]:
    """Divides users into up to four groups, as equal as users of one number allow.

    Args:
        users: Number of behaviours -> users with it.

    Returns:
        The numbers at which the second and all further groups begin; no group is empty.
    """
    numbers = sorted(users)
    total = sum(users.values())
    below = dict(
        zip(numbers[1:], itertools.accumulate(users[number] for number in numbers), strict=False)
    )
    if not below:
        return ()
    nearest = {min(below, key=lambda b: abs(4 * below[b] - q * total)) for q in (1, 2, 3)}
    return tuple(sorted(nearest))


class ActivityBoundaries(beam.PTransform):
    """Finds the quartiles of all labelled users of a run, whatever their split.

    Args:
        config: How the examples are made.
        reading: `Statistics` of all files, as a side input.
    """

    def __init__(self, config: IngestionConfig, reading: beam.pvalue.AsSingleton):
        super().__init__()
        self._config = config
        self._reading = reading

    def expand(self, buckets: beam.PCollection) -> beam.PCollection:
        """Makes one tuple, as of `quartiles`, of the buckets."""
        return (
            buckets
            | "CountBehaviors" >> beam.ParDo(_CountBehaviors(self._config), self._reading)
            | "AddUp" >> beam.CombineGlobally(_add_up)
            | "Quartiles" >> beam.Map(quartiles)
        )


class _CountBehaviors(beam.DoFn):
    def __init__(self, config: IngestionConfig):
        self._config = config

    def process(
        self, bucket: tuple[int, Iterable[Batches | bytes]], reading: Statistics
    ) -> Iterator[dict[int, int]]:
        users: dict[int, int] = Counter()
        clock = Clock.of(reading.timestamp_units, self._config.timestamp_unit)
        for user in read_users(bucket[1], clock, self._config.channels):
            if user.labels and any(index is not None for index in user.classes):
                count = division.length(division.inference(user.timestamps, self._config.division))
                if count:
                    users[count] += 1
        yield users


def _add_up(parts: Iterable[dict[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return total
