"""Tokenizers: how texts are cut, and which words count as one."""

import pytest
import tensorflow as tf

from trainer.text.config import TextConfig
from trainer.text.tokenizers import TOKENIZERS


@pytest.fixture(scope="module", params=sorted(TOKENIZERS))
def any_tokenizer(request):
    return TOKENIZERS[request.param](TextConfig(language=request.param))


def _split(language, text):
    (tokens,) = TOKENIZERS[language](TextConfig()).split(tf.constant([text])).to_list()
    return [token.decode() for token in tokens]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("running shoes, size 9!", ["running", "shoes", "size", "9"]),
        ("don't 'quote' o’clock 'tis", ["don't", "quote", "o'clock", "tis"]),
        ("rock ' n ' roll ''", ["rock", "n", "roll"]),
        ("'one' 'two' ''three'' 'a''b' '", ["one", "two", "three", "a''b"]),
        ("c++/c# foo_bar-baz", ["c", "c", "foo", "bar", "baz"]),
        ("überraschung é naïve", ["überraschung", "é", "naïve"]),
        ("tab\tnew\nline", ["tab", "new", "line"]),
        ("春曉 poem", ["春曉", "poem"]),
        ("🎉🎉 ...", []),
        ("", []),
    ],
)
def test_english_split(text, tokens):
    assert _split("en", text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("春眠，不覺曉。", ["春", "眠", "不", "覺", "曉"]),
        ("a1 b", ["a", "1", "b"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("  。", []),
    ],
)
def test_characters_split(text, tokens):
    assert _split("characters", text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("春眠不，覺曉。開", ["春眠", "眠不", "覺曉", "開"]),
        ("𠀀𠀁b", ["𠀀𠀁", "𠀁b"]),
        ("，", []),
    ],
)
def test_bigrams_split(text, tokens):
    assert _split("bigrams", text) == tokens


def test_chinese_words_have_a_letter_or_a_digit():
    tokens = _split("zh", "我来到，北京 清华大学！？wifi\r\n🎉 50%")
    assert tokens == ["我", "来到", "北京", "清华大学", "wifi", "50%"]


def test_without_the_hidden_markov_model():
    text = tf.constant(["网易杭研大厦"])
    for hmm, expected in ((True, ["网易", "杭研", "大厦"]), (False, ["网易", "杭", "研", "大厦"])):
        tokenizer = TOKENIZERS["zh"](TextConfig(jieba={"hmm": hmm}))
        assert [word.decode() for word in tokenizer.split(text).to_list()[0]] == expected


@pytest.mark.parametrize(
    ("language", "stems"),
    [
        ("en", ["run", "user", "9", "鞋子"]),
        ("mixed", ["run", "user", "9", "鞋子"]),
        ("zh", ["running", "user's", "9", "鞋子"]),
        ("characters", ["running", "user's", "9", "鞋子"]),
    ],
)
def test_stems(language, stems):
    tokens = tf.constant(["running", "user's", "9", "鞋子"])
    words = TOKENIZERS[language](TextConfig()).stem(tokens)
    assert [word.decode() for word in words.numpy()] == stems


def test_a_batch_is_cut_text_by_text(any_tokenizer):
    texts = ["one two", "", "three", "北京", "大学"]
    together = any_tokenizer.split(tf.constant(texts)).to_list()
    assert together == [any_tokenizer.split(tf.constant([text])).to_list()[0] for text in texts]
    assert together[1] == []


def test_no_texts_at_all(any_tokenizer):
    tokens = any_tokenizer.split(tf.constant([], tf.string))
    assert tokens.to_list() == []
    assert tokens.dtype == tf.string
    assert any_tokenizer.stem(tokens.values).shape == [0]


def test_very_long_texts(any_tokenizer):
    (tokens,) = any_tokenizer.split(tf.constant(["ab " * 100_000])).to_list()
    assert len(tokens) >= 100_000
