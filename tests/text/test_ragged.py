"""Rows of different lengths."""

import pytest
import tensorflow as tf

from trainer.text.config import TextConfig
from trainer.text.ragged import keep, repeat, row_ids
from trainer.text.tokenizers import TOKENIZERS


def _lengths(*lengths):
    return tf.constant(lengths, tf.int64)


def test_row_ids():
    assert row_ids(_lengths(2, 0, 1)).numpy().tolist() == [0, 0, 2]
    assert row_ids(_lengths(0, 0, 3, 0)).numpy().tolist() == [2, 2, 2]
    assert row_ids(_lengths(0, 0)).numpy().tolist() == []
    assert row_ids(_lengths()).numpy().tolist() == []


def test_repeat():
    repeated = repeat(tf.constant(["a", "b", "c"]), _lengths(1, 0, 2))
    assert repeated.numpy().tolist() == [b"a", b"c", b"c"]


def test_keep():
    rows = tf.ragged.constant([[1, 2], [], [3], [4, 5, 6]])
    kept = keep(rows, rows.values % 2 == 0)
    assert kept.to_list() == [[2], [], [], [4, 6]]


def test_keep_rows_of_rows():
    rows = tf.ragged.constant([[[1, 2], []], [], [[3]]])
    kept = keep(rows, rows.values.row_lengths() > 0)
    assert kept.to_list() == [[[1, 2]], [], [[3]]]


@pytest.mark.parametrize("language", TOKENIZERS)
def test_one_very_long_text_among_many_short_ones(language):
    # As a dense matrix they are 80 GB.
    short, words = 50_000, 40_000
    texts = tf.constant(["running"] * short + ["shoes " * words])
    tokenizer = TOKENIZERS[language](TextConfig(language=language))
    tokens = tokenizer.split(texts)
    lengths = tokens.row_lengths().numpy()
    assert len(set(lengths[:short])) == 1
    assert lengths[-1] >= words
    assert tokenizer.stem(tokens.values).shape == tokens.values.shape
