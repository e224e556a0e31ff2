"""How jieba cuts runs of Latin letters, digits and `+#&._%-` that no dictionary word explains."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.chinese import characters
from trainer.text.runs import Runs, following, previous, scattered


def latin_word_starts(codes: tf.Tensor, runs: Runs) -> tf.Tensor:
    r"""Marks where words begin, as the regular expression `[a-zA-Z0-9]+(\.[0-9]+)?%?` has them.

    What lies between two matches is a word too. Whether a point belongs to a number depends on
    what lies before: 1.2.3 is 1.2, a point, and 3. In a chain of points with nothing but digits
    between them every second one is a decimal point.

    Args:
        codes: Int64 [n]; code points.
        runs: Runs without ideographs.

    Returns:
        bool [n]; False outside of the runs.
    """
    member, first = runs.covered, runs.begins
    alphanumeric = member & characters.is_alphanumeric(codes)
    digit = member & characters.is_digit(codes)
    after_alphanumeric = previous(alphanumeric) & ~first
    before_digit = following(digit & ~first)

    # Points that may be decimal ones, letters and signs: everything that ends a row of digits.
    ends_digits = tf.where(member & ~digit)[:, 0]
    point = (codes == characters.POINT) & after_alphanumeric & before_digit
    point_here = tf.gather(point, ends_digits)
    run = tf.gather(runs.spread(tf.range(tf.size(runs.starts))), ends_digits)
    only_digits_between = (run == previous(run)) & previous(point_here)
    chains = Runs.of(point_here, ~only_digits_between)
    place = tf.range(chains.size) - chains.spread(chains.starts)
    decimal_here = point_here & (place % 2 == 0)
    # A letter right behind the decimals, as in 1.2a, is a new word.
    after_decimals_here = (
        tf.gather(alphanumeric, ends_digits) & (run == previous(run)) & previous(decimal_here)
    )

    decimal = scattered(ends_digits, decimal_here, runs.size)
    after_decimals = scattered(ends_digits, after_decimals_here, runs.size)
    percent = (codes == characters.PERCENT) & after_alphanumeric
    begins_match = alphanumeric & ~(after_alphanumeric | previous(decimal)) | after_decimals
    between = member & ~(alphanumeric | decimal | percent)
    begins_between = between & (after_alphanumeric | previous(percent))
    return first | begins_match | begins_between
