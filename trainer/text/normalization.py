"""What is done to every text before it is cut."""

from __future__ import annotations

import functools

import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.canonical import compose

_SPACE = 0x20
_IDEOGRAPHIC_SPACE = 0x3000
_FULL_WIDTH = (0xFF01, 0xFF5E)
_TO_HALF_WIDTH = 0xFF01 - 0x21


def normalize(texts: tf.Tensor, half_width: bool, lower_case: bool) -> tf.Tensor:
    """Makes texts valid UTF-8 and evens out how they are written.

    What Unicode holds to be the same text becomes the same characters (NFC): é is one, whether it
    came as one or as e and a mark.

    Args:
        texts: String [n]; any bytes. What is not UTF-8, and control characters, become spaces.
        half_width: Whether the full-width forms of ASCII (U+FF01 to U+FF5E, U+3000) become ASCII.
        lower_case: Whether letters become lower-case.

    Returns:
        string [n]; valid UTF-8.

    Example:
        >>> normalize(tf.constant(["ＷＩＦＩ　６"]), half_width=True, lower_case=True).numpy()
        array([b'wifi 6'], dtype=object)
    """
    texts = tf.strings.unicode_transcode(
        texts,
        "UTF-8",
        "UTF-8",
        errors="replace",
        replacement_char=_SPACE,
        replace_control_characters=True,
    )
    # Most of the time of a batch of English texts would go into letters that are not there.
    is_ascii = tf.strings.length(texts) == tf.strings.length(texts, unit="UTF8_CHAR")
    texts = tf.cond(
        tf.reduce_all(is_ascii), lambda: texts, lambda: _even_out_letters(half_width)(texts)
    )
    return tf.strings.lower(texts, encoding="utf-8") if lower_case else texts


@functools.cache
def _even_out_letters(half_width: bool) -> tf.types.experimental.GenericFunction:
    def even_out(texts: tf.Tensor) -> tf.Tensor:
        letters = compose(tf.strings.unicode_decode(texts, "UTF-8"))
        if half_width:
            letters = letters.with_values(_half_width(letters.values))
        return tf.strings.unicode_encode(letters, "UTF-8")

    return apart(even_out, [tf.TensorSpec([None], tf.string)])


def _half_width(codes: tf.Tensor) -> tf.Tensor:
    first, last = _FULL_WIDTH
    codes = tf.where((codes >= first) & (codes <= last), codes - _TO_HALF_WIDTH, codes)
    return tf.where(codes == _IDEOGRAPHIC_SPACE, _SPACE, codes)
