"""Tokenizers: cut in the graph, normalised in Python."""

import pytest
import tensorflow as tf

from trainer.text.tokenizers import TOKENIZERS, CharacterTokenizer, EnglishTokenizer


def _split(tokenizer, text):
    if isinstance(text, str):
        text = text.encode()
    (tokens,) = tokenizer.split(tf.constant([text])).to_list()
    return [token.decode() for token in tokens]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Running SHOES, size 9!", ["running", "shoes", "size", "9"]),
        ("don't 'quote' o’clock 'tis", ["don't", "quote", "o'clock", "tis"]),
        ("rock ' n ' roll ''", ["rock", "n", "roll"]),
        ("C++/C# foo_bar-baz", ["c", "c", "foo", "bar", "baz"]),
        ("Überraschung É naïve", ["überraschung", "é", "naïve"]),
        ("tab\tnew\nline\r\x00nul", ["tab", "new", "line", "nul"]),
        (b"bad \xff\xfe bytes\xc3", ["bad", "bytes"]),
        ("春曉 poem", ["春曉", "poem"]),
        ("🎉🎉 ...", []),
        ("", []),
    ],
)
def test_english_split(text, tokens):
    assert _split(EnglishTokenizer(), text) == tokens


@pytest.mark.parametrize(
    ("token", "stem"),
    [("running", "run"), ("shoes", "shoe"), ("user's", "user"), ("9", "9"), ("春曉", "春曉")],
)
def test_english_stems(token, stem):
    assert EnglishTokenizer().normalize(token) == stem


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("春眠，不覺曉。", ["春", "眠", "不", "覺", "曉"]),
        ("A1 b", ["a", "1", "b"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        (b"\xe6\x98\xa5\xe6\x98", ["春"]),
        (" \x00 。", []),
    ],
)
def test_characters_split(text, tokens):
    tokenizer = CharacterTokenizer()
    assert _split(tokenizer, text) == tokens
    assert [tokenizer.normalize(token) for token in tokens] == tokens


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_a_batch_is_cut_text_by_text(name):
    tokenizer = TOKENIZERS[name]()
    texts = ["one two", "", "three"]
    together = tokenizer.split(tf.constant(texts)).to_list()
    assert together == [tokenizer.split(tf.constant([text])).to_list()[0] for text in texts]
    assert together[1] == []


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_no_texts_at_all(name):
    tokens = TOKENIZERS[name]().split(tf.constant([], tf.string))
    assert tokens.to_list() == []
    assert tokens.dtype == tf.string


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_very_long_texts(name):
    assert len(_split(TOKENIZERS[name](), "ab " * 100_000)) >= 100_000
