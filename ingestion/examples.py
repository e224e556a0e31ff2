"""tf.Examples of users.

Of any user, to train the representation:
    user_id: bytes[1]
    history: bytes[n], n >= 1, texts, oldest first
    target: bytes[m], m >= 1, texts, oldest first
    history_timestamps, target_timestamps: with the channel `time`, int64[n] and int64[m], Unix
        seconds of the texts, fractions cut off
    history_types, target_types: with the channel `type`, bytes[n] and bytes[m]
    history_values, target_values: with the channel `value`, float32[n] and float32[m]

Of a labelled user, to train and evaluate heads:
    user_id: bytes[1]
    behaviors: bytes[n], n >= 1, texts, oldest first
    timestamps, types, values: with those channels, as above, [n]
    activity: bytes[1], the group of the number of behaviours, before any are left out
    <task>: int64[1], index of the class, 0 if the label is missing
    <task>_weight: float32[1], 0.0 if the label is missing, else 1.0
"""

import bisect
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from contract.event_channels import EventChannel, channels_of
from contract.features import ACTIVITY, BEHAVIORS, HISTORY, TARGET, USER_ID, weight_name
from ingestion import division
from ingestion.activity import activity_groups
from ingestion.config import IngestionConfig, Task
from ingestion.spill import UserRecords
from ingestion.statistics import Statistics
from ingestion.wire import (
    FEATURES,
    bytes_feature,
    float_feature,
    integers_feature,
    serialize,
    text_feature,
)


def unlabelled_example(
    user: UserRecords, config: IngestionConfig, statistics: Statistics
) -> bytes | None:
    """Returns the serialized example of a user with events, or None, which is counted.

    Args:
        user: The user's records.
        config: How to divide them.
        statistics: Takes the counts.
    """
    if len(user.timestamps) < 2:
        statistics.skipped_users["fewer than two behaviors"] += 1
        return None
    parts = division.history_and_target(user.timestamps, user.user_id, config.division)
    for name, part in zip((HISTORY, TARGET), parts, strict=True):
        if not division.length(part):
            statistics.skipped_users[f"no behavior in the {name} window"] += 1
            return None
    history, target = _keep(parts, config, statistics)
    return serialize(
        {
            USER_ID: text_feature(user.user_id),
            **_behaviors(user, history, config, HISTORY, lambda channel: channel.history),
            **_behaviors(user, target, config, TARGET, lambda channel: channel.target),
        }
    )


def labelled_example(
    user: UserRecords, config: IngestionConfig, tasks: Mapping[str, Task], statistics: Statistics
) -> bytes | None:
    """Returns the serialized example of a user with a label row, or None, which is counted.

    Args:
        user: The user's records.
        config: How to choose the behaviours.
        tasks: Name -> task, in the order of the label rows.
        statistics: Takes the counts, of classes too.
    """
    part = division.inference(user.timestamps, config.division)
    count = division.length(part)
    if not len(user.timestamps):
        statistics.labels_without_events += 1
        return None
    if not count:
        statistics.labels_outside_window += 1
        statistics.skipped_users["no behavior in the inference window"] += 1
        return None
    indices = user.classes
    if all(index is None for index in indices):
        statistics.skipped_users["every label missing"] += 1
        return None
    boundaries = config.activity_boundaries or ()
    group = activity_groups(boundaries)[bisect.bisect_right(boundaries, count)]
    (kept,) = _keep([part], config, statistics)
    drawn = division.sample(kept, user.user_id, config.inference_sample)
    features = {
        USER_ID: text_feature(user.user_id),
        **_behaviors(user, drawn, config, BEHAVIORS, lambda channel: channel.feature),
        ACTIVITY: text_feature(group),
    }
    split = user.split
    for (name, task), index in zip(tasks.items(), indices, strict=True):
        features[name] = integers_feature([index or 0])
        features[weight_name(name)] = float_feature(float(index is not None))
        if index is not None:
            statistics.count_class(name, split, task.classes[index])
    return serialize(features)


def _keep(parts: Iterable[slice], config: IngestionConfig, statistics: Statistics) -> list[slice]:
    """Returns the parts, of a long one the most recent behaviours."""
    kept = [division.most_recent(part, config.max_behaviors) for part in parts]
    statistics.truncated_users += kept != list(parts)
    return kept


def _behaviors(
    user: UserRecords,
    part: slice | npt.NDArray[np.int64],
    config: IngestionConfig,
    texts: str,
    name: Callable[[EventChannel], str],
) -> dict[str, bytes]:
    """Returns what the examples carry of some behaviours, under these names."""
    features = {texts: bytes_feature(user.framed.take(part))}
    for channel in channels_of(config.channels):
        features[name(channel)] = FEATURES[channel.dtype](user.of(channel)[part])
    return features
