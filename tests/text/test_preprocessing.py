"""Preprocessing through Transform itself: vocabulary, truncation, the exported graph."""

import pytest
import tensorflow as tf

from trainer.text.vocabulary import read_vocabulary


def _nested(row):
    def unflatten(name):
        values, lists = list(row[f"{name}$ragged_values"]), []
        for length in row[f"{name}$row_lengths_1"]:
            lists.append([int(value) for value in values[:length]])
            values = values[length:]
        return lists

    return {name: unflatten(name) for name in ("history", "target")}


_USERS = [
    {"history": [b"Running shoes", b"runs, the run!", b"zzz"], "target": [b"trail jackets"]},
    {"history": [b"user\xe2\x80\x99s trail jacket"], "target": [b"runs", b"jacket run"]},
]


@pytest.fixture(scope="module")
def english(tmp_path_factory, run_transform):
    rows, output = run_transform(
        tmp_path_factory.mktemp("english"),
        _USERS,
        vocabulary_size=4,
        max_behaviors=3,
        max_words=2,
    )
    return [_nested(row) for row in rows], output


def test_words_are_stems_by_frequency_then_alphabet(english):
    _, output = english
    # run 5, jacket 3, trail 2; of the words that occur once, shoe comes first.
    assert read_vocabulary(output) == [("run", 5), ("jacket", 3), ("trail", 2), ("shoe", 1)]


def test_word_ids_without_unknown_words_and_behaviours(english):
    rows, _ = english
    # "the" and "zzz" are unknown; "zzz" leaves no behaviour behind.
    assert rows[0] == {"history": [[1, 4], [1, 1]], "target": [[3, 2]]}
    assert rows[1] == {"history": [[3, 2]], "target": [[1], [2, 1]]}


def test_the_graph_serves_history_alone(english):
    _, output = english
    texts = tf.RaggedTensor.from_tensor(
        tf.constant([["RUN", "unheard of", "Trail"], ["", "", ""]]), padding=""
    )
    ids = output.transform_features_layer()({"history": texts.to_sparse()})["history"]
    assert ids.to_list() == [[[1], [3]], []]


def test_training_and_serving_agree(english):
    rows, output = english
    texts = tf.ragged.constant([user["history"] for user in _USERS])
    ids = output.transform_features_layer()({"history": texts.to_sparse()})["history"]
    assert ids.to_list() == [row["history"] for row in rows]


def test_a_form_that_training_never_saw_has_its_stems_id(english):
    _, output = english
    texts = tf.ragged.constant([["jacketed", "RUNNER running"]])
    ids = output.transform_features_layer()({"history": texts.to_sparse()})["history"]
    # jacket is 2 and run is 1; runner is a stem of its own.
    assert ids.to_list() == [[[2], [1]]]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, run_transform):
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "words.txt").write_text("学云\n", encoding="utf-8")
    (folder / "stop.txt").write_text("的\nthe\n", encoding="utf-8")
    users = [
        {
            "history": ["我的ＲＵＮＮＩＮＧ鞋子".encode(), "学云 the 鞋子！".encode()],
            "target": ["the running 的 鞋子".encode()],
        }
    ]
    rows, output = run_transform(
        folder,
        users,
        language="mixed",
        stop_words=str(folder / "stop.txt"),
        jieba={"user_dictionary": str(folder / "words.txt")},
        max_words=5,
    )
    # An exported model must not need them.
    (folder / "words.txt").unlink()
    (folder / "stop.txt").unlink()
    return [_nested(row) for row in rows], output, users


def test_mixed_words_without_stop_words(mixed):
    _, output, _ = mixed
    assert read_vocabulary(output) == [("鞋子", 3), ("run", 2), ("学云", 1), ("我", 1)]


def test_mixed_texts_are_served_as_they_are_trained_on(mixed, tmp_path):
    rows, output, users = mixed
    assert rows == [{"history": [[4, 2, 1], [3, 1]], "target": [[2, 1]]}]

    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.layer = output.transform_features_layer()

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string)])
        def ids(self, texts):
            texts = tf.RaggedTensor.from_tensor(texts, padding="").to_sparse()
            return self.layer({"history": texts})["history"]

    tf.saved_model.save(Served(), str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert loaded.ids(tf.constant([users[0]["history"]])).to_list() == [rows[0]["history"]]
    provenance = (tmp_path / "model" / "assets" / "jieba_provenance").read_text()
    assert provenance.startswith("jieba\t0.42.1\ndictionary_sha256\t7197c321")
    assert "user_dictionary_sha256" in provenance


def test_a_history_keeps_its_last_behaviours_a_target_its_first(tmp_path, run_transform):
    texts = [b"a", b"b", b"c"]
    rows, output = run_transform(
        tmp_path,
        [{"history": texts, "target": texts}],
        language="characters",
        max_behaviors=2,
        max_words=1,
    )
    words = [word for word, _ in read_vocabulary(output)]
    rows = [_nested(row) for row in rows]
    assert [[words[i - 1] for i in b] for b in rows[0]["history"]] == [["b"], ["c"]]
    assert [[words[i - 1] for i in b] for b in rows[0]["target"]] == [["a"], ["b"]]


def test_the_papers_target_is_whole(tmp_path, run_transform):
    texts = [b"a", b"b", b"c"]
    rows, _ = run_transform(
        tmp_path, [{"history": texts, "target": texts}], max_behaviors=2, target_behaviors="all"
    )
    (row,) = map(_nested, rows)
    assert (len(row["history"]), len(row["target"])) == (2, 3)


def test_the_quantile_of_all_behaviours(tmp_path, run_transform):
    # Histories of 1 and of 2, with their targets 5 and 3: the quantile is 5, and cuts none.
    users = [{"history": [b"x"], "target": [b"x"] * 4}] * 90
    users += [{"history": [b"x"] * 2, "target": [b"x"]}] * 10
    for setting, longest in (("95%", 2), ("95% of all", 5)):
        folder = tmp_path / str(longest)
        folder.mkdir()
        _, output = run_transform(folder, users, max_behaviors=setting)
        layer = output.transform_features_layer()
        served = layer({"history": tf.sparse.from_dense([["x"] * 9])})["history"]
        assert served.row_lengths().numpy().tolist() == [longest]


def test_lengths_from_the_95_percent_quantile(tmp_path, run_transform):
    # 95 users have one behaviour of one word, 5 have 40 of 30 words: neither 40 nor 30 is kept.
    short = {"history": [b"x"], "target": [b"x"]}
    rows, _ = run_transform(
        tmp_path,
        [short] * 960 + [{"history": [b"x " * 30] * 40, "target": [b"x"]}] * 40,
        max_words=30,
    )
    assert {len(_nested(row)["history"]) for row in rows} == {1}
    (tmp_path / "b").mkdir()
    rows, _ = run_transform(
        tmp_path / "b",
        [short] * 900 + [{"history": [b"x"] * 40, "target": [b"x"]}] * 100,
    )
    assert {len(_nested(row)["history"]) for row in rows} == {1, 40}


def test_texts_without_a_word_are_named(tmp_path, run_transform):
    users = [{"history": ["🎉".encode(), b"!!"], "target": ["👍🏽 …".encode()]}]
    with pytest.raises(Exception, match=r"not a single word.* `data.columns.text`"):
        run_transform(tmp_path, users)


def test_a_letter_in_two_spellings_is_one_word(tmp_path, run_transform):
    users = [{"history": ["café".encode()], "target": ["cafe\u0301 cafe\u0301".encode()]}]
    _, output = run_transform(tmp_path, users)
    assert read_vocabulary(output) == [("café", 3)]
