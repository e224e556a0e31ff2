"""Examples of any events, in files of any order, are those of ten lines of plain Python."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from ingestion.activity import activity_groups
from ingestion.buckets import bucket_of
from ingestion.config import (
    FractionDivision,
    IngestionConfig,
    RandomCutDivision,
    Task,
    Window,
    WindowsDivision,
)
from ingestion.examples import labelled_example, unlabelled_example
from ingestion.spill import EVENT, LABEL, SpillWriter, read_users
from ingestion.statistics import Statistics
from ingestion.timestamp_units import Clock

_TASKS = {"likes": Task(), "region": Task(classes=("a", "b", "c"))}
_IDS = ["a", "A", "b", "07", "7", "ü"]
_CLASSES = st.tuples(*(st.none() | st.integers(0, len(t.classes) - 1) for t in _TASKS.values()))

# Of few moments: many events share one.
_EVENTS = st.tuples(
    st.sampled_from(_IDS), st.integers(0, 20), st.integers(0, 2), st.text("xyz ", max_size=3)
)
_LABELS = st.tuples(st.sampled_from(_IDS), st.integers(0, 2), _CLASSES)


@st.composite
def _windows(draw):
    moments = st.integers(0, 22)
    (start, end), (later, last), inference = (
        sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True))) for _ in range(3)
    )
    shift = max(0, end - later)
    return WindowsDivision(
        method="windows",
        history=Window(start=start, end=end),
        target=Window(start=later + shift, end=last + shift),
        inference=Window(start=inference[0], end=inference[1]),
    )


_DIVISIONS = (
    _windows()
    | st.integers(1, 99).map(lambda percent: FractionDivision(fraction=percent / 100))
    | st.integers(0, 9).map(lambda seed: RandomCutDivision(method="random_cut", seed=seed))
)


def _oracle(events, labels, division, limit, boundaries):
    """What may come of each user; a behaviour is (moment, text).

    Returns:
        User -> the pairs of history and target, of which a random cut draws one; labelled user ->
        behaviours, group, classes.
    """
    unlabelled, labelled = {}, {}
    for user in _IDS:
        # Of one moment the files' order counts, and in a file that of the lines.
        mine = [(t, text) for t, _, _, u, text in sorted(events) if u == user]
        seen = mine
        if isinstance(division, WindowsDivision):
            history, target, seen = (
                [(t, text) for t, text in mine if window.start <= t < window.end]
                for window in (division.history, division.target, division.inference)
            )
            pairs = [(history, target)]
        else:
            cuts = range(1, len(mine))
            if isinstance(division, FractionDivision):
                cut = len(mine) * round(100 * division.fraction) // 100
                cuts = [min(max(cut, 1), len(mine) - 1)]
            pairs = [(mine[:cut], mine[cut:]) for cut in cuts]
        if len(mine) > 1 and all(map(all, pairs)):
            unlabelled[user] = [(history[-limit:], target[-limit:]) for history, target in pairs]
        row = next((classes for _, _, u, classes in sorted(labels) if u == user), None)
        if seen and row and any(index is not None for index in row):
            group = sum(len(seen) >= boundary for boundary in boundaries)
            labelled[user] = (seen[-limit:], activity_groups(boundaries)[group], row)
    return unlabelled, labelled


def _features(serialized):
    import tensorflow as tf

    example = tf.train.Example.FromString(serialized)
    return {
        name: [
            v.decode() if isinstance(v, bytes) else v
            for v in getattr(feature, feature.WhichOneof("kind")).value
        ]
        for name, feature in example.features.feature.items()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("spilled")


@hypothesis.given(
    events=st.lists(_EVENTS, max_size=40),
    labels=st.lists(_LABELS, max_size=8),
    division=_DIVISIONS,
    limit=st.integers(1, 6),
    boundaries=st.sets(st.integers(1, 12), max_size=3).map(lambda each: tuple(sorted(each))),
    buckets=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
@hypothesis.settings(max_examples=150, deadline=None)
def test_gathered_examples_are_those_of_plain_python(
    folder, events, labels, division, limit, boundaries, buckets, order
):
    # The place in the list is the line.
    events = [(t, file, line, user, text) for line, (user, t, file, text) in enumerate(events)]
    labels = [(file, line, user, row) for line, (user, file, row) in enumerate(labels)]
    spilled = {bucket: [] for bucket in range(buckets)}
    for file in order.sample(range(3), 3):
        path = folder / f"{file}.arrow"
        path.unlink(missing_ok=True)
        writer = SpillWriter(str(path), buckets)
        rows = [
            *((u, EVENT, float(t), False, f, line, text) for t, f, line, u, text in events),
            *(
                (u, LABEL, 0.0, False, f, line, json.dumps([list(row), None]))
                for f, line, u, row in labels
            ),
        ]
        for row in order.sample(rows, len(rows)):
            if row[4] == file:
                writer.append(*row)
        for bucket, batches in writer.close().items():
            spilled[bucket].append(batches)
    config = IngestionConfig(
        channels=["time"],
        division=division,
        max_behaviors=limit,
        activity_boundaries=boundaries,
    )
    unlabelled, labelled = {}, {}
    for bucket, batches in spilled.items():
        users = [user.user_id for user in read_users(batches, Clock({}, strict=True))]
        assert users == sorted(users, key=str.encode)
        assert {bucket_of(user, buckets) for user in users} <= {bucket}
        for user in read_users(batches, Clock({}, strict=True)):
            if example := unlabelled_example(user, config, Statistics()):
                unlabelled[user.user_id] = _features(example)
            # As the component does: who has a row.
            if user.labels and (example := labelled_example(user, config, _TASKS, Statistics())):
                labelled[user.user_id] = _features(example)

    expected, expected_labelled = _oracle(events, labels, division, limit, boundaries)
    assert unlabelled.keys() == expected.keys()
    for user, found in unlabelled.items():
        history, target = (
            list(zip(found[f"{part}_timestamps"], found[part], strict=True))
            for part in ("history", "target")
        )
        assert (history, target) in expected[user]
    assert labelled.keys() == expected_labelled.keys()
    for user, found in labelled.items():
        behaviors, group, row = expected_labelled[user]
        assert list(zip(found["timestamps"], found["behaviors"], strict=True)) == behaviors
        assert found["activity"] == [group]
        for task, index in zip(_TASKS, row, strict=True):
            assert found[task] == [index or 0]
            assert found[f"{task}_weight"] == [float(index is not None)]
