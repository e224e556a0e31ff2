"""Punctuation and symbols as words, and words that are not stemmed."""

import random
import sys
import unicodedata

import pytest
import tensorflow as tf

from trainer.text.config import TextConfig
from trainer.text.texts_to_words import TextsToWords
from trainer.text.tokenizers import TOKENIZERS
from trainer.text.vocabulary import read_vocabulary


def _words(texts, **settings):
    rows = TextsToWords(TextConfig(**settings))(tf.constant(texts, tf.string)).to_list()
    return [[word.decode() for word in row] for row in rows]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fix(core): x", "fix ( core ): x"),
        ("Running... 'shoes' don’t", "run ... ' shoe ' don't"),
        ("c++/c# foo_bar => 50% 1.2", "c ++/ c # foo _ bar => 50 % 1 . 2"),
        ("a\t--\u00a0b\u200bc\n!", "a -- b c !"),
        # Snowball would make one word of them.
        ("''' =('' ''", "''' =('' ''"),
        ("🎉🎉 ... ？！", "🎉🎉 ... ?!"),
        ("", ""),
    ],
)
def test_english_has_runs_of_signs(text, words):
    assert _words([text], punctuation=True) == [words.split()]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        # jieba's dictionary and its numbers have signs in them: c++, 50%, 1.2.
        ("zh", "c++ / 北京 ， 天气 ！ ！ shoes ... 50% 1.2"),
        ("mixed", "c++ / 北京 ， 天气 ！ ！ shoe ... 50% 1.2"),
        ("characters", "c + + / 北 京 ， 天 气 ！ ！ s h o e s . . . 5 0 % 1 . 2"),
        ("bigrams", "c + + / 北京 ， 天气 ！ ！ sh ho oe es . . . 50 % 1 . 2"),
    ],
)
def test_other_tokenizers(language, words):
    text = "c++/北京，天气！！ shoes... 50% \u3000\r\n 1.2"
    assert _words([text], language=language, punctuation=True, half_width=False) == [words.split()]


def test_what_is_not_utf_8_is_no_sign():
    assert _words([b"red\xff\xfe run\x00!"], punctuation=True) == [["red", "run", "!"]]


@pytest.fixture(scope="module")
def odd_texts():
    rng = random.Random(0)
    usual = "abé漢字1'’-.,%()\u0301\u3000 \t\n🎉+_"
    texts = ["".join(rng.choices(usual, k=rng.randrange(20))) for _ in range(2_000)]
    every = (chr(code) for code in range(sys.maxunicode + 1))
    # All spaces, controls and formats, and some of all others.
    odd = [c for c in every if unicodedata.category(c) in ("Zs", "Zl", "Zp", "Cc", "Cf")]
    some = [chr(rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x20000)))) for _ in odd]
    return texts + [f"a{c}b{c} {c}字{c}{c}" for c in odd + some]


@pytest.mark.parametrize("language", TOKENIZERS)
def test_words_are_cut_as_without_punctuation(language, odd_texts):
    settings = {"language": language, "stem": False}
    with_signs = _words(odd_texts, punctuation=True, **settings)
    signs_alone = [
        [word for word in row if not any(unicodedata.category(c)[0] in "LN" for c in word)]
        for row in with_signs
    ]
    assert any(signs_alone)
    words = _words(odd_texts, **settings)
    for row, signs, expected in zip(with_signs, signs_alone, words, strict=True):
        # A mark alone is a word of en with punctuation and without.
        marks = [word for word in expected if word in signs]
        assert [word for word in row if word not in signs or word in marks] == expected
        assert len(row) == len(expected) + len(signs) - len(marks)


@pytest.mark.parametrize("language", TOKENIZERS)
def test_no_word_has_white_space(language, odd_texts):
    # Neither can be taken for a phrase, nor break a line of the vocabulary.
    words = _words(odd_texts, language=language, punctuation=True)
    assert all(word.split() == [word] for row in words for word in row)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["run", "shoe", "user"]),
        ({"stem": False}, ["running", "shoes", "user's"]),
        ({"stem": False, "lower_case": False}, ["Running", "shoes", "user's"]),
        ({"language": "mixed", "stem": False}, ["running", "shoes", "user", "'", "s"]),
    ],
)
def test_words_may_stay_unstemmed(settings, words):
    punctuation = settings.get("language") == "mixed"
    assert _words(["Running shoes user's"], punctuation=punctuation, **settings) == [words]


def test_transform_and_the_served_graph_agree(tmp_path, run_transform):
    users = [{"history": [b"fix(core): runs", b"...", b"!"], "target": [b"fix(ui): runs"]}] * 2
    rows, output = run_transform(
        tmp_path, users, punctuation=True, stem=False, ngrams=2, vocabulary_size=12
    )
    words = ["(", "( core", "( ui", "):", "): runs", "...", "core", "core ):", "fix", "fix ("]
    counts = dict.fromkeys(words, 2) | dict.fromkeys(["(", "):", "): runs", "fix", "fix ("], 4)
    counts |= {"!": 2, "runs": 4, "ui": 2, "ui ):": 2}
    expected = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:12]
    assert read_vocabulary(output) == expected
    # ( 1, ): 2, ): runs 3, fix 4, fix ( 5, runs 6, ! 7, ( core 8, ( ui 9, ... 10, core 11
    assert [word for word, _ in expected[6:]] == ["!", "( core", "( ui", "...", "core", "core ):"]
    history = [[4, 1, 11, 2, 6, 5, 8, 12, 3], [10], [7]]
    for row in rows:
        assert list(row["history$ragged_values"]) == [*history[0], 10, 7]
        assert list(row["target$ragged_values"]) == [4, 1, 2, 6, 5, 9, 3]
    texts = tf.ragged.constant([users[0]["history"]]).to_sparse()
    served = output.transform_features_layer()({"history": texts})["history"]
    assert served.to_list() == [history]
