"""The adapters, on small files of exactly the published layouts, lines that are none included."""

import bz2
import gzip
import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from experiments.__main__ import main
from pipeline.__main__ import main as pipeline
from serving.bulk import vectors as user_vectors

_JULY_2014 = 1404172800
_JULY_2015 = 1435708800
_JULY_2016 = 1467331200
_AUGUST_2016 = "Mon Aug 15 10:00:00 +0000 2016"


def _lines(*records):
    return "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in records).encode()


def _written(folder):
    with gzip.open(folder / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        events = [tuple(json.loads(line).values()) for line in file]
    labels = (folder / "labels.csv").read_text().split()
    return events, labels, json.loads((folder / "dataset.json").read_text())


def _review(user, asin, moment):
    return {"overall": 5.0, "reviewerID": user, "asin": asin, "unixReviewTime": moment}


@pytest.fixture
def amazon(tmp_path):
    data = tmp_path / "amazon"
    data.mkdir()
    products = _lines(
        {"asin": "B1", "title": "Kit &amp; Caboodle", "category": ["Toys"], "main_cat": "Toys"},
        {"asin": "B1", "title": "a further row", "category": []},
        {"asin": "B2", "title": "var aPageStart = (new Date()).getTime();", "category": []},
        {"asin": "B3", "title": "Deep C", "category": ["Books", "Computers &amp; Technology"]},
        {"asin": "B4", "title": "Witch hat", "category": ["Clothing", "Costumes & Accessories"]},
        {"asin": "B5", "title": "Laptop", "category": ["Computers & Technology"]},
        {"title": "nameless"},
        "{broken\n",
        "[1]\n",
    )
    (data / "meta_Toys.json.gz").write_bytes(gzip.compress(products))
    reviews = _lines(
        _review("ann", "B1", _JULY_2014),  # The first second of the history.
        _review("ann", "B1", _JULY_2014 - 1),
        _review("ann", "B1", _JULY_2015),
        _review("ann", "B2", _JULY_2015),
        _review("ann", "B3", _JULY_2016),
        _review("bob", "B5", _JULY_2015 + 9),
        _review("bob", "B5", _JULY_2016 + 9),
        _review("bob", "B4", _JULY_2016 - 1),  # Before the labels' window.
        _review("cas", "B4", _JULY_2015 + 5),
        _review("dan", "B4", _JULY_2014 + 5),  # Nothing in the inference window.
        {"reviewerID": "eve", "asin": "B1"},
        "not json\n",
    )
    (data / "Toys.json.gz").write_bytes(gzip.compress(reviews))
    return data


def test_amazon(amazon, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["dataset", "amazon", "--data", str(amazon), "--output", str(out)]
    assert main(command) == 0
    events, labels, report = _written(out)
    assert sorted(events) == [
        ("ann", _JULY_2014, "Kit & Caboodle"),
        ("ann", _JULY_2015, "Kit & Caboodle"),
        ("bob", _JULY_2015 + 9, "Laptop"),
        ("cas", _JULY_2015 + 5, "Witch hat"),
        ("dan", _JULY_2014 + 5, "Witch hat"),
    ]
    assert labels[0] == "user_id,computer_books,video_games,costumes"
    assert sorted(labels[1:]) == ["ann,1,0,0", "bob,0,0,0", "cas,0,0,0"]
    assert report["dropped"] == {
        "reviews outside all windows": 2,
        "products whose title is a script": 1,
        "products without asin": 1,
        "lines that are no JSON": 2,
        "lines that are no JSON object": 1,
        "reviews without unixReviewTime": 1,
        "further rows of a product": 1,
        "reviews of products without a title": 1,
    }
    assert report["first_dropped"]["lines that are no JSON"] == [
        "meta_Toys.json.gz:8",
        "Toys.json.gz:12",
    ]
    assert report["labelled_users_in_the_paper"] == 191_856
    assert not list(out.glob(".buckets*"))
    output = capsys.readouterr().out
    assert "records a second" in output
    assert "the paper has 191,856 labelled users" in output
    written = (out / "events.jsonl.gz").stat().st_mtime_ns
    assert main(command) == 0  # The same again is left as it is.
    assert (out / "events.jsonl.gz").stat().st_mtime_ns == written
    assert main([*command, "--negatives", "active"]) == 0
    assert sorted(_written(out)[1][1:]) == ["ann,1,0,0", "bob,0,0,0"]
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["preset"] == "paper"
    assert config["data"]["division"]["history"] == {"start": "2014-07-01", "end": "2015-01-01"}
    assert config["text"] == {"vocabulary_size": 50_000, "max_behaviors": 25, "max_words": 35}


def test_a_folder_without_metadata_is_named(tmp_path, capsys):
    (tmp_path / "Toys.json.gz").write_bytes(gzip.compress(b"{}\n"))
    assert (
        main(["dataset", "amazon", "--data", str(tmp_path), "--output", str(tmp_path / "o")]) == 2
    )
    assert "meta_*.json.gz; it has 1 files of reviews and 0 of metadata" in capsys.readouterr().err


def test_a_download_that_broke_off_is_named(amazon, tmp_path, capsys):
    whole = (amazon / "Toys.json.gz").read_bytes()
    (amazon / "Toys.json.gz").write_bytes(whole[:-20])
    assert main(["dataset", "amazon", "--data", str(amazon), "--output", str(tmp_path / "o")]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert not (tmp_path / "o" / "dataset.json").exists()


@pytest.fixture
def pan(tmp_path):
    data = tmp_path / "pan"
    (data / "en").mkdir(parents=True)
    truth = []
    for number in range(20):
        tweets = "".join(
            f"<document><![CDATA[tweet {i} of <{number}> &]]></document>" for i in range(12)
        )
        content = f'<author lang="en"><documents>{tweets}</documents></author>'
        (data / "en" / f"a{number:02d}.xml").write_text(content)
        variety = ("canada", "ireland", "great britain")[number % 3]
        truth.append(f"a{number:02d}:::{('female', 'male')[number % 2]}:::{variety}\n")
    (data / "en" / "broken.xml").write_text("<author><documents>")
    truth += ["broken:::male:::canada\n", "missing:::male:::canada\n", "a00:::male:::canada\n"]
    truth += ["who:::robot:::canada\n", "\n"]
    (data / "en" / "truth.txt").write_text("".join(truth))
    return data


def test_pan17(pan, tmp_path):
    out = tmp_path / "out"
    assert main(["dataset", "pan17", "--data", str(pan), "--output", str(out)]) == 0
    events, labels, report = _written(out)
    assert len(events) == 200  # Ten of twelve tweets of twenty authors.
    of_one = [text for user, _, text in events if user == "pan-a05"]
    numbers = [int(text.split()[1]) for text in of_one]
    assert numbers == sorted(numbers)
    assert of_one[0].endswith("of <5> &")
    assert report["dropped"] == {
        "authors whose file is no XML": 1,
        "authors without a file": 1,
        "authors named twice in truth.txt": 1,
        "lines of truth.txt that are none": 1,
    }
    text = (out / "labels.csv").read_text().splitlines()
    assert text[0] == "user_id,gender,variety,split"
    # Of 22 authors 1,900 in 4,900 are for the test, and a tenth of the others for validation.
    splits = [line.rsplit(",", 1)[1] for line in text[1:]]
    assert 7 <= splits.count("eval") <= 9
    assert 1 <= splits.count("validation") <= 2
    assert "pan-a01,male,ireland" in (out / "labels.csv").read_text()
    assert labels


def _tweet(user, text, **more):
    return {
        "created_at": _AUGUST_2016,
        "user": {"id_str": user},
        "text": text,
        "lang": "en",
        **more,
    }


def test_twitter(pan, tmp_path):
    minute = _lines(
        {"delete": {"status": {"id_str": "1"}}},
        _tweet("7", "hello &amp; bye"),
        _tweet("7", "cut off…", extended_tweet={"full_text": "the whole text"}),
        _tweet("7", "by milliseconds", timestamp_ms="1478000000123"),
        _tweet("7", "RT @you: hello"),
        _tweet("7", "again", retweeted_status={}),
        _tweet("7", "hola", lang="es"),
        _tweet("7", "too late", timestamp_ms="1500000000000"),
        {"limit": {"track": 1}},
        "\r\n",
        "{broken\n",
    )
    with tarfile.open(pan / "archiveteam-2016-08.tar", "w") as tar:
        for name, content in (
            ("2016/08/15/10/00.json.bz2", bz2.compress(minute)),
            ("2016/08/15/10/01.json.bz2", bz2.compress(minute)[:-9]),
            ("2016/08/readme.txt", b"not a minute"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    out = tmp_path / "out"
    assert main(["dataset", "twitter", "--data", str(pan), "--output", str(out)]) == 0
    events, _, report = _written(out)
    august = 1471255200
    assert events[:3] == [
        ("7", august, "hello & bye"),
        ("7", august, "the whole text"),
        ("7", 1478000000, "by milliseconds"),
    ]
    assert report["dropped"]["members that are damaged"] == 1
    for reason, number in {
        "deletes": 1,
        "retweets": 2,
        "tweets in another language than English": 1,
        "tweets outside both windows": 1,
        "records that are no tweets": 1,
        "lines that are no JSON": 1,
    }.items():
        assert report["dropped"][reason] in (number, 2 * number)
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["data"]["columns"] == {"split": "split"}


@pytest.fixture
def queries(tmp_path):
    data = tmp_path / "queries"
    data.mkdir()
    header = "AnonID\tQuery\tQueryTime\tItemRank\tClickURL\n"
    rows = [
        "1\trei boots\t2006-03-01 07:17:12\t1\thttp://www.rei.com\n",
        "1\trei boots\t2006-03-01 07:17:13\t2\thttp://www.rei.com\n",
        "1\t-\t2006-03-02 07:17:12\t\t\n",
        "1\trei boots\t2006-03-05 07:17:12\t\t\n",
        "1\ttents\t2006-03-06 07:17:12\t\t\n",
        "2\trei boots\t2006-03-06 07:17:12\t\t\n",
        "2\tno time\tyesterday\t\t\n",
        "2\n",
        "2\t\t2006-03-06 07:17:12\t\t\n",
    ]
    (data / "user-ct-test-collection-01.txt.gz").write_bytes(
        gzip.compress((header + "".join(rows)).encode())
    )
    (tmp_path / "buys.csv").write_text("user_id,category\n1,Out doors\n1,baby\n2,baby\n2,\n")
    (tmp_path / "profiles.csv").write_text("user_id,age\n1,20-29\n3,30-39\n1,30-39\n")
    return data


def _query_command(queries, *more):
    folder = queries.parent
    return ["dataset", "query-logs", "--data", str(queries), "--output", str(folder / "o"), *more]


def test_query_logs(queries):
    folder = queries.parent
    command = _query_command(
        queries,
        *("--transactions", str(folder / "buys.csv"), "--categories", "Out doors"),
        *("--labels", str(folder / "profiles.csv"), "--language", "zh"),
    )
    assert main(command) == 0
    events, _, report = _written(folder / "o")
    march = 1141197432
    assert events == [
        ("1", march, "rei boots"),
        ("1", march + 5 * 86400, "tents"),
        ("2", march + 5 * 86400, "rei boots"),
    ]
    assert sorted((folder / "o" / "labels.csv").read_text().split()) == [
        "1,20-29,1",
        "2,,0",
        "3,30-39,",
        "user_id,age,likes_out_doors",
    ]
    assert report["dropped"] == {
        "queries that repeat the one before": 2,
        "queries that are `-`": 1,
        "queries without a time": 1,
        "lines with too few columns": 1,
        "lines without user or query": 1,
        "lines of labels that are incomplete": 1,
        "further rows of a user in --labels": 1,
    }
    config = yaml.safe_load((folder / "o" / "config.yaml").read_text())
    assert config["text"]["language"] == "zh"
    assert config["tasks"]["age"] == {"classes": ["20-29", "30-39"]}
    assert pipeline(["check", str(folder / "o" / "config.yaml")]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "give --labels, --transactions or both"),
        (["--transactions", "x.csv"], "--transactions and --categories go together"),
        (["--labels", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--labels", "x", "--columns", "user,query,time"], "has no column user, query, time"),
    ],
)
def test_query_logs_that_cannot_be(queries, more, message, capsys):
    assert main(_query_command(queries, *more)) == 2
    assert message in capsys.readouterr().err


def _vectors(path, ids, values):
    table = pa.table(
        {
            "user_id": ids,
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), 2),
            "behaviors": pa.array([1] * len(ids), pa.int32()),
            "periods": pa.array([1] * len(ids), pa.int32()),
            "model_version": pa.array([1] * len(ids), pa.int64()),
            "history_digest": pa.array([b"d" * 16] * len(ids), pa.binary(16)),
            "carried_over": pa.array([False] * len(ids)),
        },
        schema=user_vectors.schema(2),
    )
    path.mkdir()
    pq.write_table(table, path / "part-0.parquet")
    return str(path)


def test_recsys_submission(tmp_path):
    path = _vectors(tmp_path / "v", ["9", "12345678901"], [0.5, -1, 2, 3])
    out = tmp_path / "out"
    assert main(["recsys-submission", path, "--output", str(out)]) == 0
    ids, embeddings = np.load(out / "client_ids.npy"), np.load(out / "embeddings.npy")
    assert (ids.dtype, embeddings.dtype) == (np.int64, np.float16)
    assert ids.tolist() == [9, 12345678901]
    np.testing.assert_array_equal(embeddings, [[0.5, -1], [2, 3]])


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (["a", "1"], [0, 0, 0, 0], "needs whole numbers of 64 bits"),
        (["1", "1"], [0, 0, 0, 0], "has a user twice"),
        (["1", "2"], [0, 1e6, 0, 0], "too large for float16"),
    ],
)
def test_what_the_challenge_does_not_take(tmp_path, ids, values, message, capsys):
    path = _vectors(tmp_path / "v", ids, values)
    assert main(["recsys-submission", path, "--output", str(tmp_path / "o")]) == 2
    assert message in capsys.readouterr().err
