"""The whole component on small files, through Beam."""

import json
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.config import (
    Columns,
    FractionDivision,
    IngestionConfig,
    Limits,
    LossLimits,
    RandomCutDivision,
    Task,
    Window,
    WindowsDivision,
)
from ingestion.division import split_of
from ingestion.errors import DataError

# Every test runs Beam; together they take minutes.
pytestmark = pytest.mark.slow

TASKS = {"likes": Task(classes=("0", "1")), "region": Task(classes=("emea", "apac"))}


def parse(serialized):
    """Returns {user id: {feature: list of values}}."""
    import tensorflow as tf

    users = {}
    for record in serialized:
        example = tf.train.Example.FromString(record)
        features = {}
        for name, feature in example.features.feature.items():
            values = list(getattr(feature, feature.WhichOneof("kind")).value)
            features[name] = [v.decode() if isinstance(v, bytes) else v for v in values]
        (user_id,) = features.pop("user_id")
        users[user_id] = features
    return users


def all_users(run):
    return parse(record for records in run.examples.values() for record in records)


def labels_of(users):
    """Returns a label file in which both classes of both tasks are frequent."""
    rows = [f"u{i},{i % 2},{('emea', 'apac')[i // 2 % 2]}\n" for i in range(users)]
    return "user_id,likes,region\n" + "".join(rows)


def test_unlabelled_examples(ingest, write, events):
    write("a.jsonl", events(60, each=5))
    run = ingest("a.jsonl")
    assert set(run.examples) == {"train", "validation", "eval"}
    for split, records in run.examples.items():
        users = parse(records)
        assert set(users) == {f"u{i}" for i in range(60) if split_of(f"u{i}") == split}
        for user, features in users.items():
            assert features == {
                "history": [f"{user} 0", f"{user} 1"],
                "target": [f"{user} 2", f"{user} 3", f"{user} 4"],
            }
    assert run.report["events"] == {"records": 300, "bad": {}, "first_bad": []}
    assert run.report["users"] == 60
    assert run.report["examples"] == {s: len(records) for s, records in run.examples.items()}
    assert (run.report["earliest"], run.report["latest"]) == (1000, 1004)


def test_the_labels_may_say_who_is_in_which_split(ingest, write, events):
    write("a.jsonl", events(60))
    splits = [("train", "validation", "eval", "")[i % 4] for i in range(59)]
    rows = [f"u{i},{i // 4 % 2},{split}\n" for i, split in enumerate(splits)]
    rows.append("nobody,1,eval\n")
    write("labels.csv", "user_id,likes,part\n" + "".join(rows))
    config = IngestionConfig(columns=Columns(split="part"))
    said = {f"u{i}": split or split_of(f"u{i}") for i, split in enumerate(splits)}
    said["u59"] = split_of("u59")  # Without a label.
    tasks = {"likes": Task()}

    unlabelled = ingest("a.jsonl", config, labels="labels.csv", output="unlabelled")
    for split, records in unlabelled.examples.items():
        assert set(parse(records)) == {user for user, name in said.items() if name == split}
    labelled = ingest("a.jsonl", config, labels="labels.csv", tasks=tasks, output="labelled")
    for split, records in labelled.examples.items():
        expected = {user for user, name in said.items() if name == split} - {"u59"}
        assert set(parse(records)) == expected


def test_a_split_that_is_none_is_a_bad_line(ingest, write, events):
    write("a.jsonl", events(60))
    write("labels.csv", "user_id,likes,part\n" + "".join(f"u{i},{i % 2},test\n" for i in range(60)))
    config = IngestionConfig(columns=Columns(split="part"))
    with pytest.raises(DataError, match=r"unknown split: test\. Write train, validation or eval"):
        ingest("a.jsonl", config, labels="labels.csv", tasks={"likes": Task()})


def test_users_of_eval_may_teach_the_encoder(ingest, write, events):
    write("a.jsonl", events(60))
    held_out = ingest("a.jsonl").examples
    taught = ingest("a.jsonl", IngestionConfig(hold_out_eval=False), output="taught").examples
    assert sorted(taught["eval"]) == sorted(held_out["eval"])
    assert sorted(taught["train"] + taught["validation"]) == sorted(
        record for records in held_out.values() for record in records
    )


def test_what_tfx_needs_of_the_artifact(ingest, write, events):
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils

    write("a.jsonl", events(60))
    write("examples/.gathered/of-an-attempt-that-died.arrow", "")
    run = ingest("a.jsonl")
    assert artifact_utils.decode_split_names(run.artifact.split_names) == [
        "train",
        "validation",
        "eval",
    ]
    assert examples_utils.get_payload_format(run.artifact) == example_gen_pb2.FORMAT_TF_EXAMPLE
    assert examples_utils.get_file_format(run.artifact) == "tfrecords_gzip"
    (shard,) = (run.folder / "examples" / "Split-eval").iterdir()
    assert shard.name == "data_tfrecord-00000-of-00001.gz"
    assert not (run.folder / "examples" / ".gathered").exists()


def test_events_scattered_over_files_of_every_format(ingest, write, events, tmp_path):
    rows = events(60, each=8)[::-1]
    write("logs/a.jsonl", rows[0::4])
    write("logs/b.jsonl.gz", rows[1::4])
    lines = [f"{row['timestamp']},{row['user_id']},{row['text']}\n" for row in rows[2::4]]
    write("logs/c.csv", "timestamp,user_id,text\n" + "".join(lines))
    pq.write_table(pa.Table.from_pylist(rows[3::4]), tmp_path / "logs" / "d.parquet")
    write("logs/_SUCCESS", "")
    for user, features in all_users(ingest("logs/*")).items():
        assert features["history"] + features["target"] == [f"{user} {i}" for i in range(8)]


def test_ties_are_in_the_order_of_files_and_lines(ingest, write, events):
    def tied(name):
        return [
            {"user_id": f"u{user}", "timestamp": 5, "text": f"{name}{line}"}
            for line in range(12)
            for user in range(60)
        ]

    write("logs/b.jsonl", tied("b"))
    write("logs/a.jsonl", tied("a"))
    for features in all_users(ingest("logs/*.jsonl")).values():
        assert features["history"] == [f"a{line}" for line in range(12)]
        assert features["target"] == [f"b{line}" for line in range(12)]


def test_two_runs_give_the_same_bytes(ingest, write, events, monkeypatch):
    monkeypatch.setattr("ingestion.files._BUCKET_BYTES", 1000)
    write("logs/a.jsonl", events(80))
    write("logs/b.jsonl", events(90))
    write("labels.csv", labels_of(85))
    # The files have the events of 80 users in common.
    config = IngestionConfig(
        division=RandomCutDivision(method="random_cut"),
        losses=LossLimits(duplicate_events=Limits()),
    )
    for labels in ({}, {"labels": "labels.csv", "tasks": TASKS}):
        first = ingest("logs/*", config, output=f"1{bool(labels)}", **labels)
        second = ingest("logs/*", config, output=f"2{bool(labels)}", **labels)
        assert sum(map(len, first.examples.values())) == (85 if labels else 90)
        assert first.examples == second.examples
        assert first.report == second.report


@pytest.mark.parametrize("labelled", [False, True])
def test_both_ways_of_gathering_give_the_same_bytes(ingest, write, events, monkeypatch, labelled):
    monkeypatch.setattr("ingestion.files._BUCKET_BYTES", 3000)
    monkeypatch.setattr("ingestion.pieces.PIECE_BYTES", 4000)
    monkeypatch.setattr("ingestion.pieces.PROBED_OBJECTS", 10)
    rows = events(80, each=6)
    write("logs/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows[::2]) + "{\n")
    write(
        "logs/b.csv",
        "text,timestamp,user_id\n"
        + "".join("{text},{timestamp},{user_id}\n".format(**row) for row in rows[1::2]),
    )
    write("labels.csv", labels_of(75))
    given = {"labels": "labels.csv", "tasks": TASKS} if labelled else {}
    config = IngestionConfig(max_bad_fraction=0.01)
    files, shuffle = (
        ingest("logs/*", config, output=way, beam=[f"--gathering={way}"], **given)
        for way in ("files", "shuffle")
    )
    assert sum(map(len, files.examples.values())) == (75 if labelled else 80)
    assert files.examples == shuffle.examples
    assert files.report == shuffle.report


def test_windows(ingest, write, events):
    write("a.jsonl", events(60, each=10) + [{"user_id": "x", "timestamp": 1001, "text": "x"}] * 2)
    write("labels.csv", labels_of(60))
    windows = WindowsDivision(
        method="windows",
        history=Window(start=1001, end=1004),
        target=Window(start=1005, end=1007),
        inference=Window(start=1003, end=1009),
    )
    config = IngestionConfig(division=windows)
    run = ingest("a.jsonl", config)
    users = all_users(run)
    assert len(users) == 60
    assert users["u3"] == {"history": ["u3 1", "u3 2", "u3 3"], "target": ["u3 5", "u3 6"]}
    assert run.report["skipped_users"] == {"no behavior in the target window": 1}
    labelled = ingest("a.jsonl", config, "labels.csv", TASKS, output="labelled")
    assert all_users(labelled)["u3"]["behaviors"] == [f"u3 {i}" for i in range(3, 9)]


def test_only_the_most_recent_behaviors_are_kept(ingest, write, events):
    bot = [{"user_id": "bot", "timestamp": i, "text": str(i)} for i in range(50)]
    write("a.jsonl", events(60) + bot)
    write("labels.csv", labels_of(60) + "bot,1,emea\n")
    config = IngestionConfig(
        max_behaviors=10,
        division=FractionDivision(fraction=0.8),
        activity_boundaries=(5, 10, 20),
    )
    run = ingest("a.jsonl", config)
    assert all_users(run)["bot"] == {
        "history": [str(i) for i in range(30, 40)],
        "target": [str(i) for i in range(40, 50)],
    }
    assert run.report["truncated_users"] == 1
    labelled = all_users(ingest("a.jsonl", config, "labels.csv", TASKS, output="labelled"))
    assert labelled["bot"]["behaviors"] == [str(i) for i in range(40, 50)]
    assert labelled["bot"]["activity"] == ["20+"]


def test_activity_groups_are_quartiles_of_the_labelled_users(ingest, write):
    # 80 users of 1 to 80 behaviours, and one without labels.
    counts = {f"u{n}": n for n in range(1, 81)} | {"unlabelled": 5000}
    write(
        "a.jsonl",
        [{"user_id": u, "timestamp": i, "text": "x"} for u, n in counts.items() for i in range(n)],
    )
    write("labels.csv", labels_of(81))
    run = ingest("a.jsonl", IngestionConfig(), "labels.csv", TASKS)
    assert run.report["activity_boundaries"] == [21, 41, 61]
    users = all_users(run)
    groups = ("00-20", "21-40", "41-60", "61+")
    assert {u: each["activity"] for u, each in users.items()} == {
        f"u{n}": [groups[(n - 1) // 20]] for n in range(1, 81)
    }


def test_users_without_an_example_are_counted(ingest, write, events):
    write("a.jsonl", [*events(60), {"user_id": "once", "timestamp": 1, "text": "x"}])
    run = ingest("a.jsonl")
    assert "once" not in all_users(run)
    assert run.report["skipped_users"] == {"fewer than two behaviors": 1}


def test_labelled_examples(ingest, write, events, tmp_path):
    rows = [
        {"id": f"u{i}", "likes": float(i % 2), "region": ("emea", "apac")[i // 2 % 2]}
        for i in range(60)
    ]
    rows[10]["likes"] = None
    rows[11]["likes"] = float("nan")
    rows[11]["region"] = ""
    rows.append({"id": "nobody", "likes": 1.0, "region": "emea"})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "labels.parquet")
    write("a.jsonl", events(62))
    config = IngestionConfig(columns=Columns(label_user_id="id"))
    run = ingest("a.jsonl", config, "labels.parquet", TASKS)
    users = all_users(run)
    assert set(users) == {f"u{i}" for i in range(60)} - {"u11"}
    assert users["u3"] == {
        "behaviors": ["u3 0", "u3 1", "u3 2", "u3 3"],
        "activity": ["0+"],
        "likes": [1],
        "likes_weight": [1.0],
        "region": [1],
        "region_weight": [1.0],
    }
    assert users["u10"]["likes"] == [0]
    assert users["u10"]["likes_weight"] == [0.0]
    assert users["u10"]["region"] == [1]
    assert users["u10"]["region_weight"] == [1.0]
    assert run.report["labelled_users"] == 61
    assert run.report["labels_without_events"] == 1
    assert run.report["skipped_users"] == {"no label row": 2, "every label missing": 1}
    expected = {"0": 0, "1": 0}
    for i in set(range(60)) - {10, 11}:
        expected[str(i % 2)] += split_of(f"u{i}") == "train"
    assert run.report["classes"]["likes"]["train"] == expected


def test_labels_from_jsonl_may_lack_keys(ingest, write, events):
    rows = [{"user_id": f"u{i}", "likes": bool(i % 2)} for i in range(60)]
    for i, row in enumerate(rows[1:], 1):
        row["region"] = ("emea", "apac")[i // 2 % 2]
    write("labels.jsonl", rows)
    write("a.jsonl", events(60))
    users = all_users(ingest("a.jsonl", labels="labels.jsonl", tasks=TASKS))
    assert users["u0"]["region_weight"] == [0.0]
    assert users["u1"]["likes"] == [1]
    assert users["u1"]["region_weight"] == [1.0]


def test_every_kind_of_bad_event_is_named(ingest, write, events):
    good = events(60)
    bad = [
        ("{", "invalid_json"),
        ("[]", "not_an_object"),
        ('{"timestamp": 1, "text": "x"}', "missing_user_id"),
        ('{"user_id": 1.5, "timestamp": 1, "text": "x"}', "bad_user_id"),
        ('{"user_id": "a", "text": "x"}', "missing_timestamp"),
        ('{"user_id": "a", "timestamp": "soon", "text": "x"}', "bad_timestamp"),
        ('{"user_id": "a", "timestamp": -1, "text": "x"}', "negative_timestamp"),
        ('{"user_id": "a", "timestamp": 1e25, "text": "x"}', "timestamp_of_another_unit"),
        ('{"user_id": "a", "timestamp": 1, "text": "\\t"}', "missing_text"),
        ('{"user_id": "a", "timestamp": 1, "text": {}}', "bad_text"),
        ('{"user_id": "a", "timestamp": 1, "text": "\\ud800"}', "invalid_utf8"),
    ]
    write("b.jsonl", "".join(line + "\n" for line, _ in bad))
    write("a.jsonl", good)
    with pytest.raises(DataError) as caught:
        ingest("*.jsonl")
    message = str(caught.value)
    assert "11 of 251 lines of events are bad" in message
    assert "b.jsonl:1: invalid json: '{'. Write one JSON object a line." in message
    assert "b.jsonl:5: missing timestamp" in message
    assert "b.jsonl:6" not in message
    run = ingest("*.jsonl", IngestionConfig(max_bad_fraction=0.05), output="tolerant")
    assert run.report["events"]["records"] == 251
    assert run.report["events"]["bad"] == {reason: 1 for _, reason in bad}
    assert [record["line"] for record in run.report["events"]["first_bad"]] == [1, 2, 3, 4, 5]
    assert set(all_users(run)) == {f"u{i}" for i in range(60)}


def test_bad_label_rows(ingest, write, events):
    write("a.jsonl", events(60))
    content = labels_of(60) + "u1,0,apac\n,1,emea\nu60,2,emea\n"
    write("labels.csv", content)
    with pytest.raises(DataError) as caught:
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)
    message = str(caught.value)
    assert "of labels are bad (missing user id = 1, unknown class = 1)" in message
    assert "labels.csv:64: unknown class: likes=2. Correct the label" in message
    config = IngestionConfig(max_bad_fraction=0.05)
    run = ingest("a.jsonl", config, "labels.csv", TASKS, output="tolerant")
    assert run.report["labels"]["bad"] == {
        "missing_user_id": 1,
        "unknown_class": 1,
        "duplicate_label": 1,
    }
    assert [bad["line"] for bad in run.report["labels"]["first_bad"]] == [62, 63, 64]
    assert all_users(run)["u1"]["likes"] == [1]  # the first row


def test_duplicates_alone_can_fail_a_run(ingest, write, events):
    write("a.jsonl", events(60))
    write("labels.csv", labels_of(60) + "u1,0,apac\n")
    with pytest.raises(DataError, match=r"labels\.csv:62: duplicate label: 'u1'. Keep one label"):
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "b.csv",
            "id,time,text\na,1,x\n",
            r"b\.csv has no column user_id, timestamp; it has: id, ",
        ),
        ("b.parquet", "x", r"b\.parquet: not a Parquet file"),
        ("b.txt", "x", r"b\.txt: the extension is not supported"),
    ],
)
def test_one_broken_file_fails_the_run(ingest, write, events, name, content, message, tmp_path):
    write("logs/a.jsonl", events(60))
    write(f"logs/{name}", content)
    with pytest.raises(DataError, match=message):
        ingest("logs/*")
    assert not list(tmp_path.glob("examples/Split-*"))
    assert not list((tmp_path / "examples").glob(".gathered"))


def test_truncated_gzip(ingest, write, events, tmp_path):
    path = write("a.jsonl.gz", events(60))
    content = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(content[:-10])
    with pytest.raises(DataError, match=f"{path}: the gzip stream is truncated or damaged after"):
        ingest("a.jsonl.gz")


def test_missing_task_column(ingest, write, events):
    write("a.jsonl", events(60))
    write("labels.csv", "user_id,likes\nu1,1\n")
    with pytest.raises(DataError, match=r"has no column region; it has: user_id, likes\. Name"):
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)


def test_too_few_users(ingest, write, events):
    write("a.jsonl", events(2))
    with pytest.raises(DataError, match="No user falls into validation and eval: 2 users"):
        ingest("a.jsonl")


def test_labels_of_nobody(ingest, write, events):
    write("a.jsonl", events(60))
    write("labels.csv", labels_of(60).replace("u", "user-").replace("user-ser_id", "user_id"))
    with pytest.raises(DataError, match="like 'u0' in the events and like 'user-0' in the labels"):
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)


def test_a_class_without_users(ingest, write, events):
    write("a.jsonl", events(60))
    write("labels.csv", labels_of(60).replace("apac", "emea"))
    with pytest.raises(DataError, match="Task region has no train user of class apac"):
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)


def test_progress_is_shown(ingest, write, events, caplog):
    caplog.set_level(logging.INFO, logger="progress")
    write("a.jsonl", events(600))
    ingest("a.jsonl")
    assert [record.getMessage() for record in caplog.records if record.name == "progress"] == [
        "2,400 events read",
        "2,400 events of 600 users, 1970-01-01",
    ]


def test_a_retry_replaces_what_the_failed_attempt_left(ingest, write, events):
    write("examples/Split-eval/data_tfrecord-00001-of-00002.gz", "stale")
    write("a.jsonl", events(60))
    run = ingest("a.jsonl")
    names = [path.name for path in (run.folder / "examples" / "Split-eval").iterdir()]
    assert names == ["data_tfrecord-00000-of-00001.gz"]


def test_what_is_lost_is_counted(ingest, write, events):
    write("logs/a.jsonl", events(60))
    write("logs/b.jsonl", "")
    write("logs/date=1/c.csv", "user_id,timestamp,text\n")
    write("logs/date=2/d.jsonl", events(2))
    write("labels.csv", labels_of(62))
    run = ingest("logs", labels="labels.csv", tasks=TASKS)
    files = {file["path"]: file for file in run.report["files"]}
    assert [file["records"] for _, file in sorted(files.items())] == [62, 240, 0, 0, 8]
    assert files[f"{run.folder}/logs/a.jsonl"]["content"].startswith("blake2b:")
    assert run.report["duplicate_events"] == 8
    assert run.report["labels_without_events"] == 2
    assert run.report["warnings"] == []
    write("logs/copy.jsonl", events(60))
    with pytest.raises(DataError) as caught:
        ingest("logs", labels="labels.csv", tasks=TASKS, output="copied")
    assert "248 of 488 (50.8%) events repeat user, timestamp and text of another" in str(
        caught.value
    )


def test_ids_that_are_written_otherwise_in_the_labels(ingest, write, events):
    rows = [{**row, "user_id": row["user_id"].replace("u", "00")} for row in events(120)]
    write("a.jsonl", rows)
    # Of 1, 3, 5 ... the zeros are lost, as spreadsheets lose them.
    labels = labels_of(120).splitlines()
    labels[1:] = [row.replace("u", "" if i % 2 else "00") for i, row in enumerate(labels[1:])]
    write("labels.csv", "\n".join(labels))
    with pytest.raises(DataError, match=r"60 of 120 \(50\.0%\) labelled users have events only"):
        ingest("a.jsonl", labels="labels.csv", tasks=TASKS)


def test_dates_as_numbers(ingest, write, events):
    rows = [{**row, "timestamp": 20240127 + int(row["text"][-1])} for row in events(60)]
    write("a.jsonl", rows)
    windows = WindowsDivision(
        method="windows",
        history=Window(start="2024-01-27", end="2024-01-29"),
        target=Window(start=20240129, end=20240130),
        inference=Window(start="2024-01-27", end="2024-02-01"),
    )
    run = ingest("a.jsonl", IngestionConfig(division=windows))
    assert all_users(run)["u3"] == {"history": ["u3 0", "u3 1"], "target": ["u3 2"]}
    assert run.report["timestamp_units"] == {"0": "date_key"}
    assert run.report["earliest"] == 1706313600  # date -u -d 2024-01-27 +%s


def test_years_need_their_unit_named(ingest, write, events):
    write("a.jsonl", [{**row, "timestamp": 2019 + int(row["text"][-1])} for row in events(60)])
    with pytest.raises(DataError, match="All 240 timestamps are numbers that look like years"):
        ingest("a.jsonl")
    run = ingest("a.jsonl", IngestionConfig(timestamp_unit="date_key"), output="named")
    assert run.report["earliest"] == 1546300800  # date -u -d 2019-01-01 +%s


def test_html_entities(ingest, write, events):
    rows = [{**row, "text": f"&quot;{row['text']}&quot;"} for row in events(60)]
    write("a.jsonl", rows)
    assert all_users(ingest("a.jsonl"))["u3"]["history"] == ['"u3 0"', '"u3 1"']
    config = IngestionConfig(html_entities=False)
    raw = all_users(ingest("a.jsonl", config, output="raw"))
    assert raw["u3"]["history"] == ["&quot;u3 0&quot;", "&quot;u3 1&quot;"]
