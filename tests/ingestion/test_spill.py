from ingestion.buckets import bucket_of
from ingestion.spill import (
    EVENT,
    LABEL,
    SpillWriter,
    read_users,
)
from ingestion.timestamp_units import Clock

CLOCK = Clock({}, strict=True)


def spill(path, records, num_buckets):
    writer = SpillWriter(str(path), num_buckets)
    for record in records:
        writer.append(*record)
    return writer.close()


def test_users_of_two_files_come_together_sorted(tmp_path):
    first = [
        ("b", EVENT, 5.0, False, 0, 1, "b at 5"),
        ("a", EVENT, 7.0, False, 0, 2, "a at 7, file 0, line 2"),
        ("a", EVENT, 7.0, False, 0, 10, "a at 7, file 0, line 10"),
        ("a", LABEL, 0.0, False, 0, 3, "[1]"),
    ]
    second = [
        ("a", EVENT, 7.0, False, 1, 1, "a at 7, file 1"),
        ("a", EVENT, 6.5, False, 1, 9, "a at 6.5"),
        ("a", LABEL, 0.0, False, 1, 2, "[0]"),
        ("c", LABEL, 0.0, False, 1, 3, "[null]"),
    ]
    parts = [spill(tmp_path / "1", first, 1)[0], spill(tmp_path / "2", second, 1)[0]]
    for order in (parts, parts[::-1]):
        a, b, c = read_users(order, CLOCK)
        assert [a.user_id, b.user_id, c.user_id] == ["a", "b", "c"]
        assert a.timestamps.tolist() == [6.5, 7.0, 7.0, 7.0]
        assert a.texts.to_pylist() == [
            "a at 6.5",
            "a at 7, file 0, line 2",
            "a at 7, file 0, line 10",
            "a at 7, file 1",
        ]
        assert a.labels == [(0, 3, "[1]"), (1, 2, "[0]")]
        assert (b.texts.to_pylist(), b.labels) == (["b at 5"], [])
        assert (c.texts.to_pylist(), c.labels) == ([], [(1, 3, "[null]")])


def test_every_record_is_in_the_bucket_of_its_user(tmp_path):
    # More than one flush, so that a bucket has several batches.
    records = [(f"u{i % 1000}", EVENT, float(-i), False, 0, i, f"t{i}") for i in range(120_000)]
    buckets = spill(tmp_path / "1", records, 7)
    assert sorted(buckets) == list(range(7))
    assert all(len(batches) == 3 for _, batches in buckets.values())
    seen = {}
    for bucket, batches in buckets.items():
        for user in read_users([batches], CLOCK):
            assert bucket_of(user.user_id, 7) == bucket
            seen[user.user_id] = user.texts.to_pylist()
    assert len(seen) == 1000
    assert seen["u17"] == [f"t{i}" for i in range(119_017, 0, -1000)]


def test_long_texts_are_flushed_early(tmp_path):
    records = [("u", EVENT, float(i), False, 0, i, "x" * 2**20) for i in range(40)]
    ((_, batches),) = spill(tmp_path / "1", records, 1).values()
    assert len(batches) == 3


def test_nothing_to_spill(tmp_path):
    assert spill(tmp_path / "1", [], 3) == {}


def test_numbers_become_seconds_before_they_are_sorted(tmp_path):
    noon = 1706702400.0
    records = [
        ("a", EVENT, noon + 1, False, 0, 1, "later"),
        ("a", EVENT, noon * 1000, True, 1, 1, "noon"),
        ("a", EVENT, noon, True, 1, 2, "no milliseconds"),
        ("b", EVENT, noon, True, 1, 3, "nor these"),
    ]
    batches = spill(tmp_path / "1", records, 1)[0]
    (user,) = read_users([batches], Clock({1: "milliseconds"}, strict=True))
    assert user.timestamps.tolist() == [noon, noon + 1]
    assert user.texts.to_pylist() == ["noon", "later"]


def test_duplicates_are_events_of_the_same_time_and_text(tmp_path):
    rows = [(1, "x"), (1, "y"), (1, "x"), (2, "x"), (3, "z"), (3, "z"), (3, "z"), (4, "w")]
    records = [("a", EVENT, float(t), False, 0, i, text) for i, (t, text) in enumerate(rows)]
    (user,) = read_users([spill(tmp_path / "1", records, 1)[0]], CLOCK)
    assert user.count_duplicates() == 3


def test_similar_ids_are_in_one_bucket():
    assert len({bucket_of(user_id, 256) for user_id in ("09950", "9950", " 9950", "9950.0")}) == 1
