"""The graph's NFC against Python's."""

import random
import unicodedata

import pytest
import tensorflow as tf

from trainer.text.canonical import compose
from trainer.text.normalization import normalize

_CHARACTERS = [chr(c) for c in range(0x30000) if unicodedata.category(chr(c)) not in ("Cs", "Cn")]
_CHANGING = [c for c in _CHARACTERS if unicodedata.combining(c) or unicodedata.decomposition(c)]


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def _composed(texts):
    letters = compose(tf.strings.unicode_decode(texts, "UTF-8"))
    return tf.strings.unicode_encode(letters, "UTF-8")


def _check(texts):
    composed = [text.decode() for text in _composed(tf.constant(texts, tf.string)).numpy()]
    assert composed == [unicodedata.normalize("NFC", text) for text in texts]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_character(form):
    _check([unicodedata.normalize(form, character) for character in _CHARACTERS] + _CHARACTERS)


def test_characters_in_any_order():
    jamo = [chr(c) for c in [*range(0x1100, 0x1200), *range(0xAC00, 0xAC80)]]
    pool = [*_CHANGING, *jamo, *(unicodedata.normalize("NFD", c) for c in _CHANGING), *"aeou "] * 2
    draw = random.Random(0).choices
    _check(["".join(draw(pool, k=length % 9)) for length in range(20_000)])


def test_marks_without_end():
    marks = [c for c in _CHANGING if unicodedata.combining(c)]
    _check(["e" + "".join(random.Random(0).choices(marks, k=300)), "", "e\u0301", "\u0301e"])


@pytest.mark.parametrize("texts", [[], [""], ["plain", ""], ["naïve", "日本"]])
def test_what_has_nothing_to_compose_stays(texts):
    _check(texts)


@pytest.mark.parametrize("half_width", [True, False])
def test_equal_texts_are_the_same_words(half_width):
    texts = ["Café naïve Ångström", "가방", "が", "\uf900"]
    for form in ("NFC", "NFD"):
        written = tf.constant([unicodedata.normalize(form, text) for text in texts])
        result = normalize(written, half_width=half_width, lower_case=True).numpy()
        assert [text.decode() for text in result] == ["café naïve ångström", "가방", "が", "\u8c48"]
