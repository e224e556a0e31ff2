"""The dictionary as a trie in one lookup table, and the walk that finds all words of a text."""

from __future__ import annotations

import functools
import os
import tempfile
from typing import NamedTuple

import tensorflow as tf

from trainer.text.chinese.dictionary import Dictionary, read_dictionary

_CODE_POINTS = 1 << 21
"""More than there are code points: a key is state * this + code point."""

_ENTRIES = 1 << 21
"""More than there are entries: a value is next state * this + entry."""

NO_WORD = 0
"""Entry of a mere beginning of words."""

NEVER_JOINED = 1
"""Entry of a word that the user's dictionary forbids; frequency 0, so no word for the route."""

FIRST_WORD = 2
"""From here on an entry is a word's; words of the same frequency share one."""


class TrieFiles(NamedTuple):
    """What is written once, at Transform time, and goes into the exported model.

    Attributes:
        edges: File of the trie's edges, a line each: `key<TAB>value`.
        provenance: File of what the trie was made from, a line each: `name<TAB>value`.
        log_probabilities: By entry; that of `NO_WORD` and of `NEVER_JOINED` is -infinity.
        unknown: Log probability of a character that no word begins with.
    """

    edges: str
    provenance: str
    log_probabilities: tuple[float, ...]
    unknown: float


def write_trie(user_dictionary: str | None = None) -> TrieFiles:
    """Makes the trie's files in a temporary folder, once per process and dictionary.

    Args:
        user_dictionary: File in the format of `jieba.load_userdict`, or None.

    Returns:
        The files; they exist until the process ends.

    Raises:
        ValueError: If the user's dictionary is not UTF-8.
    """
    if user_dictionary is None:
        return _write_trie(None)
    with tf.io.gfile.GFile(user_dictionary, "rb") as file:
        content = file.read()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"The dictionary {user_dictionary} is not UTF-8: {error}") from None
    return _write_trie(content)


@functools.lru_cache(maxsize=4)
def _write_trie(user_words: bytes | None) -> TrieFiles:
    dictionary = read_dictionary(user_words)
    folder = tempfile.mkdtemp(dir=_temporary_folder().name)
    edges, provenance = os.path.join(folder, "jieba_trie"), os.path.join(folder, "jieba_provenance")
    log_probabilities = _write_edges(dictionary, edges)
    with open(provenance, "w", encoding="utf-8") as file:
        file.writelines(f"{key}\t{value}\n" for key, value in dictionary.provenance.items())
    return TrieFiles(edges, provenance, log_probabilities, dictionary.log_probability(0))


@functools.cache
def _temporary_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="jieba-trie-")


def _write_edges(dictionary: Dictionary, path: str) -> tuple[float, ...]:
    """Writes the edges; returns the log probabilities by entry."""
    words = dictionary.frequencies
    # The beginnings of every word are keys too. A state that nothing follows is 0: the walk ends.
    inner = {word[:-1] for word in words}
    inner.discard("")
    states = {word: state for state, word in enumerate(sorted(inner), start=1)}
    states[""] = 0
    frequencies = sorted({frequency for frequency in words.values() if frequency})
    entries = {frequency: entry for entry, frequency in enumerate(frequencies, start=FIRST_WORD)}
    entries[0] = NO_WORD
    with open(path, "w", encoding="ascii") as file:
        for word, frequency in words.items():
            key = states[word[:-1]] * _CODE_POINTS + ord(word[-1])
            entry = NEVER_JOINED if word in dictionary.never_joined else entries[frequency]
            file.write(f"{key}\t{states.get(word, 0) * _ENTRIES + entry}\n")
    return (-float("inf"),) * FIRST_WORD + tuple(map(dictionary.log_probability, frequencies))


class Trie(tf.Module):
    """Finds all dictionary words in runs of characters.

    Args:
        files: What `write_trie` wrote.
    """

    def __init__(self, files: TrieFiles):
        super().__init__()
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(files.edges, tf.int64, 0, tf.int64, 1, delimiter="\t"),
            default_value=-1,
        )
        self.provenance = tf.saved_model.Asset(files.provenance)

    def words(self, codes: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
        """Finds the words that begin at each character.

        Args:
            codes: Int64 [n]; code points.
            room: Int64 [n]; how many characters from this one on a word may have, at least 0.

        Returns:
            int32 [n, m]; the entry of the word that begins at a character and has 1, 2, ..., m
            characters. m is the length of the longest word found, at least 1.
        """
        count = tf.size(codes, out_type=tf.int64)
        columns = tf.TensorArray(tf.int32, 1, dynamic_size=True, element_shape=[None])
        # Without any character the loop does not run, and the first column must be there.
        columns = columns.write(0, tf.zeros([count], tf.int32))
        live = tf.where(room > 0)[:, 0]

        def step(length, live, state, columns):
            key = state * _CODE_POINTS + tf.gather(codes, live + length)
            value = self._table.lookup(key)
            found = tf.where(value >= 0)[:, 0]
            live, value = tf.gather(live, found), tf.gather(value, found)
            entry = tf.cast(value % _ENTRIES, tf.int32)
            columns = columns.write(
                tf.cast(length, tf.int32), tf.scatter_nd(live[:, None], entry, count[None])
            )
            state = value // _ENTRIES
            on = tf.where((state > 0) & (tf.gather(room, live) > length + 1))[:, 0]
            return length + 1, tf.gather(live, on), tf.gather(state, on), columns

        *_, columns = tf.while_loop(
            lambda length, live, state, columns: tf.size(live) > 0,
            step,
            (tf.constant(0, tf.int64), live, tf.zeros_like(live), columns),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape(None),
            ),
        )
        return tf.transpose(columns.stack())
