"""Tests of the synthetic behaviour logs: format, reproducibility, memory, difficulty."""

import csv
import functools
import gzip
import json
import os
import statistics
import subprocess
import sys
import tracemalloc
import zlib
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingestion import synthetic_logs

ROOT = Path(__file__).parents[2]


def read(paths):
    """Returns the events in the order of the file, and the rows of labels by user."""
    with gzip.open(paths[0], "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    with open(paths[1], newline="", encoding="utf-8") as file:
        return events, {row.pop("user_id"): row for row in csv.DictReader(file)}


def by_user(events):
    """Groups events by user, earliest first."""
    users = defaultdict(list)
    for event in sorted(events, key=lambda event: event["timestamp"]):
        users[event["user_id"]].append(event)
    return users


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return read(synthetic_logs.generate(tmp_path_factory.mktemp("logs"), seed=0))


def test_same_seed_same_bytes(tmp_path):
    first = synthetic_logs.generate(tmp_path / "first", users=50, seed=7)
    again = synthetic_logs.generate(tmp_path / "again", users=50, seed=7)
    other = synthetic_logs.generate(tmp_path / "other", users=50, seed=8)
    for one, same, different in zip(first, again, other, strict=True):
        assert one.read_bytes() == same.read_bytes()
        assert one.read_bytes() != different.read_bytes()


def test_same_bytes_in_another_process(tmp_path):
    """String hashes differ between processes; the files must not."""
    code = (
        "import sys; from ingestion import synthetic_logs as s; s.generate(sys.argv[1], users=20)"
    )
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", code, str(tmp_path / hash_seed)]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
    for name in ("events.jsonl.gz", "labels.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_gzip_header_holds_no_time_and_no_name(tmp_path):
    header = synthetic_logs.generate(tmp_path, users=1)[0].read_bytes()[:10]
    assert header[3] == 0  # flags: no file name
    assert header[4:8] == bytes(4)  # modification time


def test_leaves_only_the_two_files_and_replaces_old_ones(tmp_path):
    (tmp_path / "labels.csv").write_text("old")
    paths = synthetic_logs.generate(tmp_path, users=3)
    assert paths == (tmp_path / "events.jsonl.gz", tmp_path / "labels.csv")
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert paths[1].read_text().startswith("user_id,likes_outdoor,likes_cooking,parent,age_range\n")


def test_failure_leaves_old_files_alone(tmp_path, monkeypatch):
    old = [path.read_bytes() for path in synthetic_logs.generate(tmp_path, users=3)]

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(synthetic_logs.shutil, "copyfileobj", fail)
    with pytest.raises(OSError, match="disk full"):
        synthetic_logs.generate(tmp_path, users=5)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["events.jsonl.gz", "labels.csv"]
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == old


def test_events_have_the_promised_format(logs):
    for event in logs[0]:
        assert list(event) == ["user_id", "timestamp", "text"]
        assert isinstance(event["user_id"], str)
        assert type(event["timestamp"]) is int
        assert 1704067200 <= event["timestamp"] < 1735689600  # 2024
        assert event["text"].strip()
        assert "\n" not in event["text"]


def test_texts_look_like_queries(logs):
    texts = [event["text"] for event in logs[0]]
    lengths = [len(text.split()) for text in texts]
    assert 2 <= statistics.median(lengths) <= 6
    assert min(lengths) == 1
    assert sum(length <= 12 for length in lengths) > 0.98 * len(lengths)
    assert max(lengths) > 30  # a rare long text
    for share in (
        statistics.mean(text.isupper() for text in texts),
        statistics.mean(text[0].isupper() for text in texts),
        statistics.mean(any(map(str.isdigit, text)) for text in texts),
    ):
        assert 0.01 < share < 0.3
    assert any(text.endswith("?") for text in texts)
    assert any(not text.isascii() for text in texts)
    assert any('"' in text for text in texts)


def test_words_occur_in_several_inflected_forms(logs):
    stemmer = pytest.importorskip("snowballstemmer").stemmer("english")
    words = Counter(word for event in logs[0] for word in event["text"].lower().split())
    frequent = [word for word, count in words.items() if count >= 20 and word.isalpha()]
    forms = defaultdict(set)
    for word in frequent:
        forms[stemmer.stemWord(word)].add(word)
    assert {"hike", "hikes", "hiking", "hiked"} <= forms["hike"]
    assert {"cook", "cooks", "cooking", "cooked"} <= forms["cook"]
    assert len(forms) > 400
    assert sum(len(group) > 1 for group in forms.values()) > 250


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("hike", ("hike", "hikes", "hiking", "hiked")),
        ("jog", ("jog", "jogs", "jogging", "jogged")),
        ("run/ran", ("run", "runs", "running", "ran")),
        ("fry", ("fry", "fries", "frying", "fried")),
        ("play", ("play", "plays", "playing", "played")),
        ("mix", ("mix", "mixes", "mixing", "mixed")),
        ("book", ("book", "books", "booking", "booked")),
    ],
)
def test_verb_forms(verb, forms):
    assert synthetic_logs._verb_forms(verb) == forms


def test_activity_is_heavy_tailed(logs):
    counts = Counter(event["user_id"] for event in logs[0]).values()
    assert len(counts) == 2000
    assert 2 <= min(counts) <= 5
    assert 22 < statistics.mean(counts) < 28
    assert statistics.median(counts) < 0.8 * statistics.mean(counts)
    assert 10 < sum(count >= 100 for count in counts) < 100


def test_events_are_scattered(logs):
    """Neither time nor user orders the file."""
    events = logs[0]
    ordered = [a["timestamp"] <= b["timestamp"] for a, b in pairwise(events)]
    assert 0.45 < statistics.mean(ordered) < 0.55
    adjacent = [a["user_id"] == b["user_id"] for a, b in pairwise(events)]
    assert statistics.mean(adjacent) < 0.8
    positions = defaultdict(list)
    for position, event in enumerate(events):
        positions[event["user_id"]].append(position / len(events))
    spans = [max(p) - min(p) for p in positions.values() if len(p) >= 10]
    assert min(spans) > 0.3
    assert statistics.median(spans) > 0.8


def test_labels_have_the_promised_format(logs):
    events, rows = logs
    assert 0.82 < len(rows) / 2000 < 0.88
    assert set(rows) < {event["user_id"] for event in events}
    for task in synthetic_logs.TASKS:
        values = Counter(row[task] for row in rows.values())
        assert 0.03 < values.pop("") / len(rows) < 0.07
        if task == "age_range":
            assert set(values) == set(synthetic_logs.AGE_RANGES)
            assert min(values.values()) > 0.15 * len(rows)
        else:
            assert set(values) == {"0", "1"}
            assert 0.2 < values["1"] / values.total() < 0.4


def test_labelled_and_missing_are_obeyed(tmp_path):
    _, full = read(synthetic_logs.generate(tmp_path, users=40, labelled=1, missing=0))
    assert len(full) == 40
    assert all(value for row in full.values() for value in row.values())
    assert not read(synthetic_logs.generate(tmp_path, users=40, labelled=0))[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("users", 0),
        ("users", 2.5),
        ("users", True),
        ("users", 2**32 + 1),
        ("mean_behaviors", 3),
        ("mean_behaviors", float("nan")),
        ("mean_behaviors", float("inf")),
        ("mean_behaviors", "25"),
        ("seed", -1),
        ("seed", None),
        ("labelled", 1.1),
        ("missing", -0.1),
    ],
)
def test_rejects_bad_arguments(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .* from .* to "):
        synthetic_logs.generate(tmp_path / "new", **{name: value})
    assert not (tmp_path / "new").exists()


def test_rejects_a_file_as_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"^folder must be a folder"):
        synthetic_logs.generate(tmp_path / "file")


@pytest.mark.slow
@pytest.mark.parametrize("many", [{"users": 8000}, {"mean_behaviors": 250}])
def test_memory_does_not_grow_with_events(tmp_path, many):
    def peak(**arguments):
        tracemalloc.start()
        try:
            synthetic_logs.generate(tmp_path, **arguments)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = {"users": 800, "mean_behaviors": 25}
    peak(**few)  # fills the caches of the regular expressions
    assert peak(**{**few, **many}) < 1.2 * peak(**few)


def topic_shares(events):
    """Counts the words that belong to a single topic, as shares of all such words."""
    counts = np.zeros(len(synthetic_logs._TOPICS))
    for event in events:
        for word in event["text"].lower().split():
            if len(TOPICS_OF_WORD[word]) == 1:
                counts[TOPICS_OF_WORD[word]] += 1
    return counts / max(counts.sum(), 1)


def topics_of_word():
    """Maps every inflected word to the indices of the topics that have it."""
    topics = defaultdict(list)
    for index, vocabulary in enumerate(synthetic_logs._TOPICS.values()):
        for word in set().union(*synthetic_logs._lexicon(vocabulary).values()):
            topics[word].append(index)
    return topics


TOPICS_OF_WORD = topics_of_word()


def own_and_other_correlations(before, after):
    """Mean correlation of rows of `before` with the same row of `after`, and with other rows."""
    before, after = before - before.mean(0), after - after.mean(0)
    before /= np.linalg.norm(before, axis=1, keepdims=True) + 1e-9
    after /= np.linalg.norm(after, axis=1, keepdims=True) + 1e-9
    cosines = before @ after.T
    own = np.diag(cosines)
    return own.mean(), (cosines.sum() - own.sum()) / (cosines.size - len(own))


def test_later_interests_follow_from_earlier_ones(logs):
    users = [events for events in by_user(logs[0]).values() if len(events) >= 10]
    first = np.array([topic_shares(events[: len(events) // 2]) for events in users])
    second = np.array([topic_shares(events[len(events) // 2 :]) for events in users])
    own, other = own_and_other_correlations(first, second)
    assert own > 0.4
    assert abs(other) < 0.05


def test_interests_drift_over_the_year(tmp_path):
    """Neighbouring quarters of a user are more alike than the first and the last."""
    events, _ = read(synthetic_logs.generate(tmp_path, users=300, mean_behaviors=200, labelled=0))
    users = [events for events in by_user(events).values() if len(events) >= 60]
    quarters = [
        np.array([topic_shares(e[q * len(e) // 4 : (q + 1) * len(e) // 4]) for e in users])
        for q in range(4)
    ]
    near = own_and_other_correlations(quarters[0], quarters[1])[0]
    far = own_and_other_correlations(quarters[0], quarters[3])[0]
    assert near > far + 0.01
    assert far > 0.5


@pytest.fixture(scope="module")
def labelled_texts(logs):
    """Per task: the texts of users joined, their labels, and which users are for the test."""
    events, rows = logs
    users = by_user(events)
    tasks = {}
    for task in synthetic_logs.TASKS:
        ids = [user for user, row in rows.items() if row[task]]
        texts = [" ".join(event["text"] for event in users[user]) for user in ids]
        test = np.array([zlib.crc32(user.encode()) % 5 == 0 for user in ids])
        assert 0.15 < test.mean() < 0.25
        tasks[task] = texts, np.array([rows[user][task] for user in ids]), test
    return tasks


@pytest.mark.parametrize("task", synthetic_logs.TASKS)
def test_difficulty(labelled_texts, task):
    """TF-IDF and logistic regression do well but not perfectly, and fail on shuffled labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    texts, labels, test = labelled_texts[task]
    features = TfidfVectorizer(sublinear_tf=True, min_df=3).fit_transform(texts)

    def auc(labels):
        model = LogisticRegression(C=3, max_iter=1000).fit(features[~test], labels[~test])
        scores = model.predict_proba(features[test])
        scores = scores[:, 1] if scores.shape[1] == 2 else scores
        return roc_auc_score(labels[test], scores, multi_class="ovr")

    rng = np.random.default_rng(0)
    assert 0.75 < auc(labels) < 0.95
    assert 0.45 < np.mean([auc(rng.permutation(labels)) for _ in range(5)]) < 0.55


@pytest.mark.parametrize("task", synthetic_logs.TASKS)
def test_no_single_stem_gives_a_task_away(labelled_texts, task):
    stemmer = pytest.importorskip("snowballstemmer").stemmer("english")
    from scipy.stats import rankdata
    from sklearn.feature_extraction.text import CountVectorizer

    texts, labels, _ = labelled_texts[task]
    stem = functools.cache(stemmer.stemWord)  # pure Python, and the same words again and again
    stemmed = [" ".join(map(stem, text.lower().split())) for text in texts]
    counts = CountVectorizer(min_df=20).fit_transform(stemmed).toarray()
    ranks = rankdata(counts, axis=0)
    for value in set(labels) - {"0"}:
        ones = labels == value  # the AUC by the rank-sum statistic, for all stems at once
        aucs = (ranks[ones].mean(0) - (ones.sum() + 1) / 2) / (~ones).sum()
        assert 0.55 < np.maximum(aucs, 1 - aucs).max() < 0.75
