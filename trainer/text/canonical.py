"""Unicode's canonical composition (NFC), as TensorFlow operations.

A letter with a mark can be written as one character or as two: é, or e and U+0301. Both look alike,
and keyboards, file systems and scrapers differ in which they write. The tables are those of the
Python that makes the graph, and part of the graph from then on.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_PAGE = 256
_CODE_BITS = 21
# Hangul syllables are made and taken apart by arithmetic: Unicode's chapter 3.12.
_L, _V, _T, _S = 0x1100, 0x1161, 0x11A7, 0xAC00
_L_COUNT, _V_COUNT, _T_COUNT = 19, 21, 28
_S_COUNT = _L_COUNT * _V_COUNT * _T_COUNT
_PARTS = 4
"""The longest decomposition of one character."""
_CLASS_SHIFT, _LEAVES_SHIFT, _JOINS_SHIFT = 16, 24, 25


class _Tables(NamedTuple):
    """What is known of characters.

    Attributes:
        pages: int32 [4352]; where the page of a character, its code divided by 256, begins.
        properties: int32 [n]; by page and rest: the row of its decomposition, the combining class,
            whether it need not stay as it is, whether it may join what stands before it.
        parts: int32 [m, 4]; decompositions, filled up with -1; row 0 is empty.
        pairs: int64 [p], sorted; first character times 2^21 plus second.
        composites: int32 [p]; what the pairs make.
    """

    pages: np.ndarray
    properties: np.ndarray
    parts: np.ndarray
    pairs: np.ndarray
    composites: np.ndarray


def compose(letters: tf.RaggedTensor) -> tf.RaggedTensor:
    """Brings texts into Unicode's normalisation form C.

    Args:
        letters: int32 [n, (characters)]; code points.

    Returns:
        int32 [n, (characters)].
    """
    tables = _tables()
    leaves = tf.bitwise.bitwise_and(_properties(tables, letters.values), 1 << _LEAVES_SHIFT) > 0
    values, row_splits = tf.cond(
        tf.reduce_any(leaves),
        lambda: _compose(tables, letters),
        lambda: (letters.values, letters.row_splits),
    )
    return tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)


def _properties(tables: _Tables, codes: tf.Tensor) -> tf.Tensor:
    page = tf.gather(tables.pages, codes // _PAGE)
    return tf.gather(tables.properties, page + codes % _PAGE)


def _compose(tables: _Tables, letters: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    codes, rows = _decompose(tables, letters.values, letters.value_rowids())
    properties = _properties(tables, codes)
    classes = tf.bitwise.bitwise_and(tf.bitwise.right_shift(properties, _CLASS_SHIFT), 255)
    codes, classes = _in_order(codes, classes, rows)
    properties = _properties(tables, codes)
    joins = tf.bitwise.bitwise_and(properties, 1 << _JOINS_SHIFT) > 0
    kept, codes = _join(tables, codes, classes, _starts(~joins, rows))
    result = tf.RaggedTensor.from_value_rowids(
        tf.boolean_mask(codes, kept),
        tf.boolean_mask(rows, kept),
        nrows=letters.nrows(),
        validate=False,
    )
    return result.values, result.row_splits


def _decompose(tables: _Tables, codes: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes characters apart; the rows are those of the parts."""
    row = tf.bitwise.bitwise_and(_properties(tables, codes), (1 << _CLASS_SHIFT) - 1)
    itself = tf.pad(codes[:, None], [[0, 0], [0, _PARTS - 1]], constant_values=-1)
    parts = tf.where(row[:, None] > 0, tf.gather(tables.parts, row), itself)
    syllable = codes - _S
    last = syllable % _T_COUNT
    jamo = tf.stack(
        [
            _L + syllable // (_V_COUNT * _T_COUNT),
            _V + syllable // _T_COUNT % _V_COUNT,
            tf.where(last > 0, _T + last, -1),
            tf.fill(tf.shape(codes), -1),
        ],
        axis=1,
    )
    parts = tf.where(((syllable >= 0) & (syllable < _S_COUNT))[:, None], jamo, parts)
    exists = parts >= 0
    return tf.boolean_mask(parts, exists), tf.repeat(rows, tf.math.count_nonzero(exists, axis=1))


def _starts(here: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Whether a segment of characters starts, bool [n]: where it says so and where a text does."""
    new_text = tf.concat([[True], rows[1:] != rows[:-1]], axis=0)[: tf.size(rows)]
    return here | new_text


def _in_order(codes: tf.Tensor, classes: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sorts the marks of every letter by their combining class, and keeps the order within one."""
    segments = tf.cumsum(tf.cast(_starts(classes == 0, rows), tf.int64))
    size = tf.size(codes, out_type=tf.int64)
    keys = (segments * 256 + tf.cast(classes, tf.int64)) * size + tf.range(size)

    def sort() -> tuple[tf.Tensor, tf.Tensor]:
        order = tf.argsort(keys)
        return tf.gather(codes, order), tf.gather(classes, order)

    return tf.cond(tf.reduce_any(keys[1:] < keys[:-1]), sort, lambda: (codes, classes))


def _join(
    tables: _Tables, codes: tf.Tensor, classes: tf.Tensor, starts: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Composes, in all segments at once, the next character with what it may join.

    Args:
        tables: Of characters.
        codes: int32 [n]; decomposed and in order.
        classes: int32 [n]; combining classes.
        starts: bool [n]; where a segment starts: a character that joins nothing before it.

    Returns:
        Which characters are left, bool [n], and what they have become, int32 [n].
    """
    first = tf.cast(tf.where(starts)[:, 0], tf.int32)
    lengths = tf.concat([first[1:], [tf.size(codes)]], axis=0)[: tf.size(first)] - first
    # A segment's last character of class 0, and the class of the last mark kept behind it; above
    # all classes as long as there is none, which nothing can join.
    begins_well = tf.gather(classes, first) == 0
    last_class = tf.where(begins_well, 0, 256)

    def step(place, codes, kept, starter, last_class):
        segment = tf.where(lengths > place)
        here = tf.gather_nd(first, segment) + place
        code, its_class = tf.gather(codes, here), tf.gather(classes, here)
        to, between = tf.gather_nd(starter, segment), tf.gather_nd(last_class, segment)
        made = _pair(tables, tf.gather(codes, to), code)
        joined = (made >= 0) & ((between < its_class) | (between == 0))
        codes = tf.tensor_scatter_nd_update(codes, to[joined][:, None], made[joined])
        kept = tf.tensor_scatter_nd_update(kept, here[:, None], ~joined)
        new_starter = ~joined & (its_class == 0)
        starter = tf.tensor_scatter_nd_update(starter, segment, tf.where(new_starter, here, to))
        last_class = tf.tensor_scatter_nd_update(
            last_class, segment, tf.where(joined, between, its_class)
        )
        return place + 1, codes, kept, starter, last_class

    _, codes, kept, _, _ = tf.while_loop(
        lambda place, *_: place < tf.reduce_max(lengths),
        step,
        (1, codes, tf.ones_like(codes, tf.bool), first, last_class),
    )
    return kept, codes


def _pair(tables: _Tables, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """What two characters make, int32 [n]; -1 where they stay two."""
    keys = tf.cast(first, tf.int64) * 2**_CODE_BITS + tf.cast(second, tf.int64)
    place = tf.minimum(tf.searchsorted(tables.pairs, keys), len(tables.pairs) - 1)
    made = tf.where(tf.gather(tables.pairs, place) == keys, tf.gather(tables.composites, place), -1)
    is_l = (first >= _L) & (first < _L + _L_COUNT)
    is_v = (second >= _V) & (second < _V + _V_COUNT)
    syllable = first - _S
    is_lv = (syllable >= 0) & (syllable < _S_COUNT) & (syllable % _T_COUNT == 0)
    is_t = (second > _T) & (second < _T + _T_COUNT)
    lv = _S + ((first - _L) * _V_COUNT + second - _V) * _T_COUNT
    return tf.where(is_l & is_v, lv, tf.where(is_lv & is_t, first + second - _T, made))


@functools.cache
def _tables() -> _Tables:
    parts = [(-1,) * _PARTS]
    pairs: dict[int, int] = {}
    seconds = {*range(_V, _V + _V_COUNT), *range(_T + 1, _T + _T_COUNT)}
    properties = np.zeros(sys.maxunicode + 1, np.int32)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        decomposition = unicodedata.decomposition(character)
        properties[code] = unicodedata.combining(character) << _CLASS_SHIFT
        if not decomposition or decomposition.startswith("<"):
            continue
        whole = tuple(map(ord, unicodedata.normalize("NFD", character)))
        properties[code] |= len(parts)
        parts.append(whole + (-1,) * (_PARTS - len(whole)))
        one_step = tuple(int(part, 16) for part in decomposition.split())
        if unicodedata.normalize("NFC", character) == character:
            pairs[one_step[0] * 2**_CODE_BITS + one_step[1]] = code
            seconds.add(one_step[1])
        else:
            properties[code] |= 1 << _LEAVES_SHIFT
    joins = properties >> _CLASS_SHIFT & 255 > 0
    joins[list(seconds)] = True
    properties[joins] |= 1 << _JOINS_SHIFT | 1 << _LEAVES_SHIFT
    pages, places = np.unique(properties.reshape(-1, _PAGE), axis=0, return_inverse=True)
    keys = sorted(pairs)
    return _Tables(
        pages=(places.reshape(-1) * _PAGE).astype(np.int32),
        properties=pages.reshape(-1),
        parts=np.array(parts, np.int32),
        pairs=np.array(keys, np.int64),
        composites=np.array([pairs[key] for key in keys], np.int32),
    )
