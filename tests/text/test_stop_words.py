"""Words that are left out."""

import pytest
import tensorflow as tf

from trainer.text.stop_words import StopWords, read_stop_words


def test_stop_words_are_left_out():
    tokens = tf.ragged.constant([["the", "shoes"], [], ["的", "the"]])
    words = StopWords(["the", "的", "the"])(tokens)
    assert words.to_list() == [[b"shoes"], [], []]


def test_a_file_without_words_is_refused(tmp_path):
    path = tmp_path / "stop.txt"
    path.write_text("\n \n")
    with pytest.raises(ValueError, match=r"stop\.txt has no words"):
        read_stop_words(str(path))


def test_the_file_has_one_word_a_line(tmp_path):
    path = tmp_path / "stop.txt"
    path.write_bytes("\ufeffthe\r\n\n 的 \n".encode())
    assert read_stop_words(str(path)) == ["the", "的"]


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "stop.txt"
    path.write_bytes("的".encode("gbk"))
    with pytest.raises(ValueError, match=r"stop\.txt are not UTF-8"):
        read_stop_words(str(path))
