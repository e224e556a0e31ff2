"""From event logs to Parquet, and the nearest users."""

import json
import os
import shutil

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.types import channel_utils, standard_artifacts

from components.bulk_encoder import BulkEncoder, Executor
from ingestion.errors import DataError
from ingestion.spill import UserRecords
from ingestion.timestamp_units import Clock
from pipeline.backend import Backend
from pipeline.config import PipelineConfig
from pipeline.pipeline import create_pipeline
from serving.__main__ import main
from serving.bulk import encode_bucket, encoding
from serving.bulk.config import EncodingConfig
from serving.bulk.encoding import EncodingError, encode_events
from serving.bulk.previous import PreviousError
from serving.bulk.vectors import VectorsError, nearest_users, read_vectors, schema

_DAY = 86_400


def _make_pipeline(*options):
    runner = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    return beam.Pipeline(options=PipelineOptions([runner, *options]))


@pytest.fixture
def events(tmp_path):
    """Three users in two files; `a` has two weeks of events, out of order."""
    rows = [
        [("a", 8 * _DAY, "xxxx"), ("b", 5, "y"), ("a", 3, "xx")],
        [("a", 4, "x"), ("c", 9 * _DAY, "z" * 30)],
    ]
    folder = tmp_path / "events"
    folder.mkdir()
    for number, each in enumerate(rows):
        lines = (
            json.dumps({"user_id": user, "timestamp": timestamp, "text": text})
            for user, timestamp, text in each
        )
        (folder / f"{number}.jsonl").write_text("\n".join(lines))
    return str(folder / "*.jsonl")


@pytest.fixture
def encode(events, exported, tmp_path):
    def run(model=1, **config):
        output = str(tmp_path / "vectors.parquet")
        config = EncodingConfig(**config)
        return encode_events([events], str(exported / str(model)), output, config, _make_pipeline)

    run.output = str(tmp_path / "vectors.parquet")
    return run


def _rows(path):
    return {row["user_id"]: row for row in pq.read_table(path).to_pylist()}


def test_vectors(encode):
    summary = encode()
    assert (summary["users"], summary["events"], summary["model_version"]) == (3, 5, 1)
    rows = _rows(encode.output)
    assert len({row.pop("history_digest") for row in rows.values()}) == 3
    shared = {"periods": 1, "model_version": 1, "carried_over": False}
    assert rows == {
        "a": {"user_id": "a", "vector": [3, 7, 1 + 8 * _DAY], "behaviors": 3, **shared},
        "b": {"user_id": "b", "vector": [1, 1, 1 + 5], "behaviors": 1, **shared},
        "c": {"user_id": "c", "vector": [1, 30, 1 + 9 * _DAY], "behaviors": 1, **shared},
    }
    assert os.listdir(encode.output).count("_encoding.json") == 1
    assert not os.path.exists(os.path.join(encode.output, ".work"))


def test_one_vector_a_week_is_pooled(encode):
    encode(period_days=7)
    rows = _rows(encode.output)
    # Week 0: two texts of 3 bytes, the last at 4 s; week 1: one text of 4 bytes after 8 days.
    assert rows["a"]["vector"] == [1.5, 3.5, 1 + (4 + 8 * _DAY) / 2]
    assert rows["a"]["periods"] == 2
    assert rows["a"]["behaviors"] == 3
    assert rows["c"]["vector"] == [1, 30, 1 + 9 * _DAY]
    assert rows["c"]["periods"] == 1


def test_only_the_most_recent_behaviours_are_read(encode):
    encode(max_behaviors=2)
    assert _rows(encode.output)["a"]["vector"] == [2, 5, 1 + 8 * _DAY]


def test_behaviours_and_their_moments_are_cut_together():
    user = UserRecords(
        user_id="u",
        timestamps=np.array([3.9, 4, 8 * _DAY, 8 * _DAY + 1]),
        texts=pa.array(["a", "b", "c", "d"], pa.large_string()),
        labels=[],
    )

    def histories(**config):
        parts = encode_bucket._histories(user, EncodingConfig(**config))
        return [
            ([text.decode() for text in part.texts], part.events[0][1].tolist()) for part in parts
        ]

    days = 8 * _DAY
    assert histories() == [(["a", "b", "c", "d"], [3, 4, days, days + 1])]
    assert histories(max_behaviors=3) == [(["b", "c", "d"], [4, days, days + 1])]
    assert histories(period_days=7) == [(["a", "b"], [3, 4]), (["c", "d"], [days, days + 1])]
    assert histories(period_days=7, max_behaviors=1) == [(["b"], [4]), (["d"], [days + 1])]


def test_both_ways_of_gathering_give_the_same_vectors(events, exported, tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.files._BUCKET_BYTES", 80)
    found = []
    for way in ("files", "shuffle"):
        output = str(tmp_path / way)
        summary = encode_events(
            [events],
            str(exported / "1"),
            output,
            EncodingConfig(),
            lambda way=way: _make_pipeline(f"--gathering={way}"),
        )
        found.append(
            (
                summary,
                {name: pq.read_table(f"{output}/{name}") for name in summary["files"].values()},
            )
        )
    assert found[0][0]["buckets"] > 1
    assert found[0] == found[1]


def test_batches_do_not_change_the_vectors(encode):
    encode(batch_size=1, period_days=7)
    assert _rows(encode.output)["a"]["vector"] == [1.5, 3.5, 1 + (4 + 8 * _DAY) / 2]


def test_sorted_by_length_and_pooled_every_user_gets_the_own_vector(exported, monkeypatch):
    monkeypatch.setattr(encode_bucket, "_BATCHES_AT_ONCE", 3)
    rng = np.random.default_rng(0)
    users = [
        UserRecords(
            user_id=f"u{number}",
            timestamps=np.sort(rng.uniform(1, 30 * _DAY, number % 9 + 1)),
            texts=pa.array(["x" * int(n) for n in rng.integers(1, 40, number % 9 + 1)]),
            labels=[],
        )
        for number in range(40)
    ]
    config = EncodingConfig(batch_size=4, period_days=10)
    encode = encode_bucket.EncodeBucket(str(exported / "1"), 1, "", config, Clock.of({}, "auto"), 1)
    encode.setup()
    tables = list(encode.tables(users, {}))
    assert len(tables) > 2
    rows = pa.concat_tables(tables).to_pylist()
    for user, row in zip(users, rows, strict=True):
        assert row["user_id"] == user.user_id
        periods = np.unique(user.timestamps // (10 * _DAY), return_counts=True)[1]
        assert row["vector"][0] == pytest.approx(periods.mean())
        size = sum(map(len, user.texts.to_pylist()))
        assert row["vector"][1] == pytest.approx(size / len(periods))


def test_a_run_that_died_is_resumed(encode, monkeypatch):
    monkeypatch.setattr(encoding, "count_buckets", lambda files, way: 8)
    make = encode_bucket.SavedModelSession.run
    calls = []

    def dies(self, *arguments):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return make(self, *arguments)

    monkeypatch.setattr(encode_bucket.SavedModelSession, "run", dies)
    with pytest.raises(Exception, match="killed"):
        encode()
    parts = [name for name in os.listdir(encode.output) if name.startswith("part")]
    assert len(parts) == 1
    done = os.path.join(encode.output, parts[0])
    written = os.stat(done).st_mtime_ns
    monkeypatch.setattr(encode_bucket.SavedModelSession, "run", make)
    # The events are not read again.
    monkeypatch.setattr(encoding, "GatherByUser", None)
    assert encode()["users"] == 3
    assert os.stat(done).st_mtime_ns == written
    assert set(_rows(encode.output)) == {"a", "b", "c"}


def test_a_finished_run_is_not_repeated_and_not_mixed(encode, monkeypatch):
    summary = encode()
    monkeypatch.setattr(encoding, "GatherByUser", None)
    assert encode() == summary
    with pytest.raises(EncodingError, match="another model"):
        encode(model=2)
    with pytest.raises(EncodingError, match="Choose another output"):
        encode(period_days=7)


def test_bad_events(encode, events):
    with open(events.replace("*", "0"), "a") as file:
        file.write("\nno json")
    with pytest.raises(DataError, match="1 of 6 lines of events are bad"):
        encode()
    assert encode(max_bad_fraction=0.2)["bad_events"] == 1


def test_nearest_users(tmp_path, capsys):
    path = str(tmp_path / "vectors.parquet")
    vectors = {"a": [3, 7, 1], "b": [1, 1, 1], "c": [1, 30, 1]}
    fixed = {"behaviors": 1, "periods": 1, "model_version": 1}
    rows = [{"user_id": user, "vector": vector, **fixed} for user, vector in vectors.items()]
    pq.write_table(pa.Table.from_pylist(rows, schema(3)), path)
    neighbors = nearest_users(path, "a", 5)
    # Cosines of (3, 7, 1) with (1, 30, 1) and (1, 1, 1).
    assert [neighbor.user_id for neighbor in neighbors] == ["c", "b"]
    expected = [214 / np.sqrt(59 * 902), 11 / np.sqrt(59 * 3)]
    np.testing.assert_allclose([each.similarity for each in neighbors], expected, rtol=1e-6)
    assert len(nearest_users(path, "a", 1)) == 1
    with pytest.raises(VectorsError, match="no user x"):
        nearest_users(path, "x", 1)
    assert main(["nearest", path, "a", "--count", "1", "--json"]) == 0
    (nearest,) = json.loads(capsys.readouterr().out)
    assert nearest["user_id"] == "c"


def test_nearest_of_what_is_no_user_vectors(tmp_path, capsys):
    (tmp_path / "events.jsonl").write_text('{"user_id": "u0"}\n')
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"user_id": ["u0"], "text": ["boots"]}), tmp_path / "other.parquet")
    pq.write_table(pa.table({"user_id": ["u"], "vector": [[1.0]]}), tmp_path / "lists.parquet")
    for name, message in {
        "events.jsonl": "cannot be read as Parquet",
        "nowhere": "does not exist; give the folder that `serving encode --output` wrote",
        "empty": "has no column user_id and vector, no Parquet file",
        "other.parquet": "has no column vector, only user_id, text",
        "lists.parquet": "the column vector is list<",
    }.items():
        assert main(["nearest", str(tmp_path / name), "u0"]) == 2
        error = capsys.readouterr().err
        assert f"error: {tmp_path / name}" in error
        assert message in error


def test_reading_in_pieces(encode):
    encode()
    pieces = list(read_vectors(encode.output, rows=2))
    assert [vectors.shape for _, vectors in pieces] == [(2, 3), (1, 3)]
    assert [user for users, _ in pieces for user in users] == ["a", "b", "c"]


def test_commands(events, model_dir, exported, tmp_path, capsys):
    output = str(tmp_path / "out.parquet")
    (model_dir / "2").symlink_to(exported / "2")
    assert main(["encode", str(model_dir), events, "--output", output, "--version=1"]) == 0
    assert "3 users of 5 events, version 1" in capsys.readouterr().err
    assert _rows(output)["a"]["model_version"] == 1
    assert main(["nearest", output, "a", "--count=1"]) == 0
    assert capsys.readouterr().out.split() == ["1.000", "c"]
    assert main(["encode", str(model_dir), events, "--output", output]) == 1
    assert main(["encode", str(model_dir), events, "--output", output, "--version=9"]) == 2
    assert main(["nearest", output, "nobody"]) == 2
    assert main(["encode", str(model_dir), "missing", "--output", str(tmp_path / "x")]) == 1
    assert f"No file of events matches {os.path.abspath('missing')}" in capsys.readouterr().err


def test_component(events, exported, tmp_path):
    shutil.copytree(exported / "1", tmp_path / "serving" / "7")
    pushed, vectors = standard_artifacts.PushedModel(), standard_artifacts.InferenceResult()
    pushed.set_int_custom_property("pushed", 1)
    pushed.set_string_custom_property("pushed_destination", str(tmp_path / "serving" / "7"))
    vectors.uri = str(tmp_path / "vectors")
    component = BulkEncoder(
        pushed_model=channel_utils.as_channel([pushed]),
        input_base="",
        events=[events],
        config=EncodingConfig(period_days=7),
    )
    Executor().Do({"pushed_model": [pushed]}, {"vectors": [vectors]}, component.exec_properties)
    assert _rows(vectors.uri)["a"]["model_version"] == 7
    assert vectors.get_string_custom_property("model_version") == "7"
    pushed.set_int_custom_property("pushed", 0)
    vectors.uri = str(tmp_path / "none")
    Executor().Do({"pushed_model": [pushed]}, {"vectors": [vectors]}, component.exec_properties)
    # An output, for KFP wants one, but no table.
    assert os.listdir(vectors.uri) == ["_NOT_PUSHED"]


@pytest.mark.parametrize("encode_users", [False, True])
def test_the_component_is_the_last_of_a_pipeline_that_wants_it(events, tmp_path, encode_users):
    config = PipelineConfig.model_validate(
        {
            "name": "letters",
            "data": {"events": events, "labels": str(tmp_path / "labels.csv")},
            "tasks": {"short": None},
            "serving": {"encode_users": encode_users, "period_days": 7},
        }
    )
    components = create_pipeline(
        config, Backend(pipeline_root=str(tmp_path), serving_dir=str(tmp_path / "serving"))
    ).components
    assert components[-1].id == ("BulkEncoder" if encode_users else "Pusher")
    if encode_users:
        properties = components[-1].exec_properties
        (pattern,) = json.loads(properties["events"])
        assert os.path.join(properties["input_base"], pattern) == events
        assert json.loads(properties["config"])["period_days"] == 7


def test_the_command_reads_a_folder_as_the_training_did(model_dir, tmp_path, capsys):
    folder = tmp_path / "logs" / "date=2024-01-01"
    folder.mkdir(parents=True)
    line = json.dumps({"user_id": "a", "timestamp": 5_000, "text": "x &amp; y"}) + "\n"
    for number in range(2):
        (folder / f"part-{number}.jsonl").write_text(line)
    output = str(tmp_path / "out.parquet")
    command = ["encode", str(model_dir), str(tmp_path / "logs"), "--output", output]
    assert main(command) == 1
    assert "1 of 2 (50.0%) files hold the bytes of another one" in capsys.readouterr().err
    for losses, message in {"{": "expected", "{lost: {stop: 0}}": "Extra inputs"}.items():
        assert main([*command, "--losses", losses]) == 2
        assert message in capsys.readouterr().err
    assert main([*command, "--timestamp-unit", "fortnights"]) == 2
    assert "timestamp_unit" in capsys.readouterr().err
    losses = ["--losses", "{identical_files: {stop: null}}"]
    assert main([*command, *losses, "--timestamp-unit", "milliseconds"]) == 0
    assert _rows(output)["a"]["vector"] == [2, 2 * len("x & y"), 1 + 5]
    shutil.rmtree(output)
    assert main([*command, *losses, "--timestamp-unit=seconds", "--no-html-entities"]) == 0
    assert _rows(output)["a"]["vector"] == [2, 2 * len("x &amp; y"), 1 + 5_000]


@pytest.fixture
def nights(exported, tmp_path):
    """Encodes events, one night after the other, and keeps what was asked of the model."""

    def night(name, events, model=1, previous=None, **options):
        folder = tmp_path / f"events-{name}"
        folder.mkdir()
        lines = (
            json.dumps({"user_id": user, "timestamp": timestamp, "text": text})
            for user, timestamp, text in events
        )
        (folder / "0.jsonl").write_text("\n".join(lines))
        output = str(tmp_path / name)
        summary = encode_events(
            [str(folder)],
            str(exported / str(model)),
            output,
            EncodingConfig(**options.pop("config", {})),
            _make_pipeline,
            previous=str(tmp_path / previous) if previous else None,
            **options,
        )
        return summary, _rows(output)

    return night


_MONDAY = [("a", 3, "xx"), ("a", 4, "x"), ("b", 5, "y"), ("c", 6, "z")]


def test_only_users_with_something_new_are_encoded(nights, monkeypatch):
    nights("monday", _MONDAY)
    asked = []
    run = encode_bucket.SavedModelSession.run
    monkeypatch.setattr(
        encode_bucket.SavedModelSession,
        "run",
        lambda self, name, inputs, outputs: (
            asked.append(len(inputs["examples"])) or run(self, name, inputs, outputs)
        ),
    )
    # New: an event of b, and d. An event of c was corrected. a's come in another order.
    events = [_MONDAY[1], _MONDAY[0], _MONDAY[2], ("b", 9, "yy"), ("c", 6, "zz"), ("d", 7, "w")]
    summary, tuesday = nights("tuesday", events, previous="monday")
    assert (summary["users"], summary["carried_over"]) == (4, 1)
    assert asked == [3]
    assert {user for user, row in tuesday.items() if row["carried_over"]} == {"a"}
    _, anew = nights("anew", events)
    assert [row["vector"] for row in anew.values()] == [row["vector"] for row in tuesday.values()]
    # Nobody has anything new: the model is not asked at all.
    asked.clear()
    summary, wednesday = nights("wednesday", events, previous="tuesday")
    assert (summary["carried_over"], asked) == (4, [])
    assert wednesday["b"]["vector"] == tuesday["b"]["vector"]


def test_another_number_of_buckets_finds_its_users(nights, monkeypatch):
    nights("monday", _MONDAY)
    monkeypatch.setattr(encoding, "count_buckets", lambda files, way: 3)
    summary, tuesday = nights("tuesday", _MONDAY, previous="monday")
    assert (summary["carried_over"], len(tuesday)) == (3, 3)


def test_forgotten_users_are_gone(nights, tmp_path):
    nights("monday", _MONDAY)
    # b is in the list, c's events were deleted from the logs.
    summary, tuesday = nights("tuesday", _MONDAY[:3], previous="monday", forget=["b", "nobody"])
    assert list(tuesday) == ["a"]
    assert (summary["users"], summary["carried_over"]) == (1, 1)
    with pytest.raises(VectorsError, match="no user b"):
        nearest_users(str(tmp_path / "tuesday"), "b", 1)


def test_a_forgotten_user_who_is_there_is_found(nights, monkeypatch):
    remembering = encode_bucket.EncodeBucket
    monkeypatch.setattr(encoding, "EncodeBucket", lambda *args: remembering(*args[:-1]))
    with pytest.raises(EncodingError, match="has 1 users who are to be forgotten"):
        nights("monday", _MONDAY, forget=["b"])


def test_vectors_that_cannot_be_carried_over(nights, tmp_path):
    nights("monday", _MONDAY)
    with pytest.raises(PreviousError, match=r"of another model \(version 1\)"):
        nights("2", _MONDAY, model=2, previous="monday")
    with pytest.raises(PreviousError, match="encoded with period_days None and max_behaviors 2000"):
        nights("3", _MONDAY, config={"period_days": 7}, previous="monday")
    with pytest.raises(PreviousError, match="is no finished encoding"):
        nights("4", _MONDAY, previous="events-monday")
    old = json.loads((tmp_path / "monday" / "_encoding.json").read_text())
    del old["files"]
    (tmp_path / "monday" / "_encoding.json").write_text(json.dumps(old))
    with pytest.raises(PreviousError, match="before vectors could be carried over"):
        nights("5", _MONDAY, previous="monday")


def test_the_command_carries_over_and_forgets(events, model_dir, tmp_path, capsys):
    command = ["encode", str(model_dir), events, "--output"]
    assert main([*command, str(tmp_path / "monday")]) == 0
    (tmp_path / "gone.txt").write_text("b\n\n")
    options = ["--previous", str(tmp_path / "monday"), "--forget", str(tmp_path / "gone.txt")]
    assert main([*command, str(tmp_path / "tuesday"), *options]) == 0
    assert "2 users of 5 events, 2 of them carried over, version 1" in capsys.readouterr().err
    for content, message in ((None, "No such file"), (b"\n", "no user id"), (b"\xff", "decode")):
        path = tmp_path / "bad.txt"
        if content:
            path.write_bytes(content)
        assert main([*command, str(tmp_path / "x"), "--forget", str(path)]) == 2
        assert message in capsys.readouterr().err
