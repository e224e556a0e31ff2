"""Phrases: neighbouring words as words of the vocabulary, through Transform itself."""

import collections
import itertools

import pytest
import tensorflow as tf

from trainer.text.config import TextConfig
from trainer.text.phrases import parts_of_phrases, phrases
from trainer.text.texts_to_words import TextsToWords
from trainer.text.vocabulary import read_vocabulary

_USERS = [
    {"history": [b"red running shoes", b"RED run shoes", b"red zzz run"], "target": [b"red, run"]},
    {"history": [b"shoes\xff red run", b"", b"zzz"], "target": [b"shoes"]},
]


def _sparse(users):
    return tf.ragged.constant(users, ragged_rank=1, dtype=tf.string).to_sparse()


def _served(output, *users):
    return output.transform_features_layer()({"history": _sparse(users)})["history"].to_list()


@pytest.fixture(scope="module")
def english(tmp_path_factory, run_transform):
    folder = tmp_path_factory.mktemp("english")
    _, output = run_transform(folder, _USERS, ngrams=2, vocabulary_size=5)
    return output


def test_words_and_phrases_are_counted_together(english):
    assert read_vocabulary(english) == [
        ("red", 5),
        ("run", 5),
        ("red run", 4),
        ("shoe", 4),
        ("run shoe", 2),
    ]


def test_phrases_follow_the_words(english):
    # No phrase leads over zzz, which is unknown; what is no UTF-8 is a space.
    assert _served(english, *(user["history"] for user in _USERS)) == [
        [[1, 2, 4, 3, 5], [1, 2, 4, 3, 5], [1, 2]],
        [[4, 1, 2, 3]],
    ]
    assert _served(english, [b"", b"zzz"], [], [b"running"]) == [[], [], [[2]]]


def test_as_many_phrases_as_words_are_kept(english):
    # |x| is 3, the quantile of the words; it would be 5 with the phrases among them.
    ((behavior,),) = _served(english, [b"red run shoe red run shoe"])
    assert behavior == [1, 2, 4, 3, 5, 3]
    # The phrase stands behind the words that are read, but it is the first that is known.
    assert _served(english, [b"red red red red run"]) == [[[1, 1, 1, 3]]]


def test_stop_words_are_not_there(tmp_path):
    (tmp_path / "stop.txt").write_text("the\n")
    texts_to_words = TextsToWords(TextConfig(stop_words=str(tmp_path / "stop.txt")))
    words = texts_to_words(tf.constant(["under the sea", "the", "the sea"]))
    assert phrases(words).to_list() == [[b"under sea"], [], []]


@pytest.mark.parametrize(
    ("language", "joined"),
    [
        ("en", ["北京天气 run", "run shoe"]),
        ("zh", ["北京 天气", "天气 running", "running shoes"]),
        ("mixed", ["北京 天气", "天气 run", "run shoe"]),
        ("characters", ["北 京", "京 天", "天 气", "气 r", "r u", "u n"]),
        ("bigrams", ["北京 京天", "京天 天气", "天气 ru", "ru un"]),
    ],
)
def test_every_tokenizer_has_them(language, joined):
    words = TextsToWords(TextConfig(language=language))(tf.constant(["北京天气，running shoes"]))
    texts = [text.decode() for text in phrases(words).to_list()[0]]
    assert texts[: len(joined)] == joined


_TEXTS = [
    "北京天气，怎么样 wifi 6",
    "天气 怎么样 running shoes",
    "春眠不覺曉",
    "",
    "春眠 runs; shoes, the 北京 天气 怎么样",
    "🎉 ...",
]


@pytest.mark.parametrize("language", ["bigrams", pytest.param("mixed", marks=pytest.mark.slow)])
def test_transform_and_the_served_graph_agree(language, tmp_path, run_transform):
    texts = [text.encode() for text in _TEXTS]
    users = [{"history": texts[:4], "target": texts[4:]}] * 2
    rows, output = run_transform(tmp_path, users, language=language, ngrams=2, max_words=4)

    words = TextsToWords(TextConfig(language=language))(tf.constant(texts)).to_list()
    pairs = [[b" ".join(pair) for pair in itertools.pairwise(row)] for row in words]
    counts = collections.Counter(word.decode() for row in words + pairs for word in row)
    ranked = sorted((-2 * count, word) for word, count in counts.items())
    assert read_vocabulary(output) == [(word, -count) for count, word in ranked]

    ids = {word.encode(): number for number, (_, word) in enumerate(ranked, start=1)}
    expected = [
        [ids[word] for word in row[:4] + phrase[:4]]
        for row, phrase in zip(words, pairs, strict=True)
        if row
    ]
    assert max(map(len, expected)) == 8
    assert _served(output, texts) == [expected]
    for row in rows:
        transformed = [*row["history$ragged_values"], *row["target$ragged_values"]]
        assert transformed == list(itertools.chain.from_iterable(expected))


def test_an_exported_model_has_them(english, tmp_path):
    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.layer = english.transform_features_layer()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def ids(self, texts):
            return self.layer({"history": tf.sparse.from_dense(texts[None])})["history"]

    tf.saved_model.save(Served(), str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert loaded.ids(tf.constant(["red running", "shoe"])).to_list() == [[[1, 2, 3], [4]]]


def test_one_very_long_text_among_many_short_ones():
    # As a dense matrix they are 80 GB.
    words = tf.RaggedTensor.from_row_lengths(["a"] * 90_000, [1] * 50_000 + [40_000])
    joined = phrases(words)
    assert joined.row_lengths()[-2:].numpy().tolist() == [0, 39_999]
    assert joined.values[0] == b"a a"


def test_no_texts_at_all():
    words = tf.RaggedTensor.from_row_lengths(tf.constant([], tf.string), tf.constant([], tf.int64))
    assert phrases(words).to_list() == []


def test_parts_of_phrases(english):
    vocabulary = [word for word, _ in read_vocabulary(english)]
    assert parts_of_phrases(vocabulary).tolist() == [[0, 0], [0, 0], [1, 2], [0, 0], [2, 4]]
    # A phrase can be as frequent as its second word, and stand before it in the alphabet.
    assert parts_of_phrases(["run", "run shoe"]).tolist() == [[0, 0], [0, 0]]
