"""The stemmer against Snowball itself (snowballstemmer 3.1)."""

import importlib.metadata
import itertools
import random

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snowballstemmer.english_stemmer import EnglishStemmer

from trainer.text.english.stemmer import stem

_SNOWBALL = EnglishStemmer()
_SUFFIXES = [
    among.s
    for table in ("a_1", "a_2", "a_5", "a_6", "a_7", "a_8", "a_9", "a_10")
    for among in getattr(EnglishStemmer, table)
]
_SUFFIXES += ["", "y", "ly", "ll", "past", "ying", "sion"]
_BEGINNINGS = [
    among.s for table in ("a_0", "a_3", "a_4", "a_11") for among in getattr(EnglishStemmer, table)
]
_LETTERS = "aeiouybcdlstrwx'é9"


def _differences(words):
    words = sorted(set(words))
    stems = [word.decode() for word in stem(tf.constant(words, tf.string)).numpy()]
    expected = map(_SNOWBALL.stemWord, words)
    return [row for row in zip(words, stems, expected, strict=True) if row[1] != row[2]]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("running", "run"),
        ("shoes", "shoe"),
        ("gas", "gas"),
        ("gaps", "gap"),
        ("ties", "tie"),
        ("cries", "cri"),
        ("generously", "generous"),
        ("communism", "communism"),
        ("succeeded", "succeed"),
        ("dying", "die"),
        ("skies", "sky"),
        ("news", "news"),
        ("dog's", "dog"),
        ("'tis", "tis"),
        ("yyying", "yyy"),
        ("is", "is"),
        ("", ""),
        ("''s", ""),
        ("café's", "café"),
        ("鞋子", "鞋子"),
    ],
)
def test_stems(word, expected):
    assert _SNOWBALL.stemWord(word) == expected
    assert stem(tf.constant([word])).numpy()[0].decode() == expected


def test_the_reference_is_the_version_that_the_rules_follow():
    assert importlib.metadata.version("snowballstemmer").startswith("3.1.")


def test_every_word_of_four_letters_of_all_kinds():
    assert not _differences(
        map(
            "".join,
            itertools.chain.from_iterable(
                itertools.product("aeybst'", repeat=length) for length in range(5)
            ),
        )
    )


def test_stems_times_two_suffixes():
    bases = ["", "a", "y", "b", "be", "bab", "ski", "transl", "conspir", "hopp", *_BEGINNINGS]
    pairs = itertools.product(bases, _SUFFIXES, _SUFFIXES)
    assert not _differences(map("".join, pairs))


def test_random_words():
    rng = random.Random(0)

    def word():
        parts = [rng.choice(_BEGINNINGS)] if rng.random() < 0.2 else []
        parts += rng.choices(_LETTERS, k=rng.randrange(8))
        return "".join(parts + rng.choices(_SUFFIXES, k=rng.randrange(4)))

    assert not _differences(word() for _ in range(60_000))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Lu", "Lt"])), max_size=20))
@example(["y" * 9, "a" + "y" * 8, "b" + "y" * 7])
@example(["b" * 5000 + "ational's"])
@example(["ab" * 5000 + "icationally's"])
def test_any_text_at_all(words):
    assert not _differences(words)


def test_a_batch_is_stemmed_word_by_word():
    words = ["running", "", "cries", "running", "y", "'"]
    together = stem(tf.constant(words)).numpy().tolist()
    assert together == [stem(tf.constant([word])).numpy()[0] for word in words]
