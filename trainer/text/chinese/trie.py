"""The dictionary as a trie in one lookup table, and the walk that finds all words of a text."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from trainer.text.chinese.dictionary import Dictionary, read_dictionary

_CODE_POINTS = 1 << 21
"""More than there are code points: a key is a number with these as its digits."""

_DIRECT = 3
"""Words of so many characters are looked up by their characters, for all lengths at once: that many
code points are an int64. Longer ones are found step by step, by the state that the word without its
last character has; such keys are negative."""

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
    inner = {word[:-1] for word in words if len(word) > _DIRECT}
    states = {word: state for state, word in enumerate(sorted(inner), start=1)}
    frequencies = sorted({frequency for frequency in words.values() if frequency})
    entries = {frequency: entry for entry, frequency in enumerate(frequencies, start=FIRST_WORD)}
    entries[0] = NO_WORD
    with open(path, "w", encoding="ascii") as file:
        for word, frequency in words.items():
            if "\0" in word:
                # Its key could be another word's, and no text reaches it: NUL ends a block.
                continue
            entry = NEVER_JOINED if word in dictionary.never_joined else entries[frequency]
            file.write(f"{_key(word, states)}\t{states.get(word, 0) * _ENTRIES + entry}\n")
    return (-float("inf"),) * FIRST_WORD + tuple(map(dictionary.log_probability, frequencies))


def _key(word: str, states: Mapping[str, int]) -> int:
    if len(word) > _DIRECT:
        return -(states[word[:-1]] * _CODE_POINTS + ord(word[-1]))
    return functools.reduce(lambda key, letter: key * _CODE_POINTS + ord(letter), word, 0)


class Trie(tf.Module):
    """Finds all dictionary words in runs of characters.

    Args:
        files: What `write_trie` wrote.
    """

    def __init__(self, files: TrieFiles):
        super().__init__()
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(files.edges, tf.int64, 0, tf.int64, 1, delimiter="\t"),
            default_value=0,
        )
        self.provenance = tf.saved_model.Asset(files.provenance)

    def words(self, codes: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
        """Finds the words that begin at each character.

        Args:
            codes: Int64 [n]; code points.
            room: Int64 [n]; how many characters from this one on a word may have, at least 0.

        Returns:
            int32 [n, m]; the entry of the word that begins at a character and has 1, 2, ..., m
            characters. No word that is found is longer than m.
        """
        count = tf.size(codes, out_type=tf.int64)
        keys, key, ahead = [], tf.zeros_like(codes), tf.pad(codes, [[0, _DIRECT]])
        for length in range(1, _DIRECT + 1):
            key = key * _CODE_POINTS + ahead[length - 1 : length - 1 + count]
            # No word has the key 0.
            keys.append(key * tf.cast(room >= length, tf.int64))
        values = self._table.lookup(tf.stack(keys))
        state = values[-1] // _ENTRIES
        live = tf.where((state > 0) & (room > _DIRECT))[:, 0]

        def step(length, live, state, words):
            value = self._table.lookup(-(state * _CODE_POINTS + tf.gather(codes, live + length)))
            entry = tf.cast(value % _ENTRIES, tf.int32)
            column = tf.scatter_nd(live[:, None], entry, count[None])
            state = value // _ENTRIES
            on = tf.where((state > 0) & (tf.gather(room, live) > length + 1))[:, 0]
            words = tf.concat([words, column[None]], axis=0)
            return length + 1, tf.gather(live, on), tf.gather(state, on), words

        *_, words = tf.while_loop(
            lambda length, live, state, words: tf.size(live) > 0,
            step,
            (
                tf.constant(_DIRECT, tf.int64),
                live,
                tf.gather(state, live),
                tf.cast(values % _ENTRIES, tf.int32),
            ),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape([None, None]),
            ),
        )
        return tf.transpose(words)
