"""The dictionary as a trie in one lookup table, and the walk that finds all words of a text."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.text.chinese.characters import LETTERS, OTHER_LETTERS, letters_of_word
from trainer.text.chinese.dictionary import Dictionary, read_dictionary

DIRECT = 4
"""Words of so many letters are looked up by their letters, for all lengths at once: that many are
an int64, with `LETTERS` as its base. Longer ones are found step by step, by the state that the word
without its last letter has; such keys are negative, below the negative letters."""

_ENTRIES = 1 << 21
"""More than there are entries: a value is next state * this + entry."""

NO_WORD = 0
"""Entry of a mere beginning of words."""

NEVER_JOINED = 1
"""Entry of a word that the user's dictionary forbids; frequency 0, so no word for the route."""

UNKNOWN = 2
"""Entry of a character that no word begins with; no key has it."""

OUTSIDE = 3
"""Entry of a letter that no word has in it, under its negative. There a route is at its end."""

LINE_BREAK = 4
"""Entry of carriage return and line feed: not on any route, but together in any case."""

FIRST_WORD = 5
"""From here on an entry is a word's; words of the same frequency share one."""


class TrieFiles(NamedTuple):
    """What is written once, at Transform time, and goes into the exported model.

    Attributes:
        edges: File of the trie's edges, a line each: `key<TAB>value`.
        provenance: File of what the trie was made from, a line each: `name<TAB>value`.
        log_probabilities: By entry; 0 for `OUTSIDE`, -infinity for what is not on any route.
        some_are_never_joined: Whether a word has the entry `NEVER_JOINED`.
    """

    edges: str
    provenance: str
    log_probabilities: tuple[float, ...]
    some_are_never_joined: bool


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
    return TrieFiles(edges, provenance, log_probabilities, bool(dictionary.never_joined))


@functools.cache
def _temporary_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="jieba-trie-")


def _write_edges(dictionary: Dictionary, path: str) -> tuple[float, ...]:
    """Writes the edges; returns the log probabilities by entry."""
    letters = {word: letters_of_word(word) for word in dictionary.frequencies}
    # No text reaches words of other characters, which end a block.
    words = {word: its for word, its in letters.items() if its}
    # The beginnings of every word are keys too. A state that nothing follows is 0: the walk ends.
    inner = {its[:-1] for its in words.values() if len(its) > DIRECT}
    states = {its: state for state, its in enumerate(sorted(inner), start=1)}
    frequencies = sorted({frequency for frequency in dictionary.frequencies.values() if frequency})
    entries = {frequency: entry for entry, frequency in enumerate(frequencies, start=FIRST_WORD)}
    entries[0] = NO_WORD
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{-letter}\t{OUTSIDE}\n" for letter in OTHER_LETTERS)
        file.write(f"{_key(OTHER_LETTERS[:2], states)}\t{LINE_BREAK}\n")
        for word, its in words.items():
            never = word in dictionary.never_joined
            entry = NEVER_JOINED if never else entries[dictionary.frequencies[word]]
            file.write(f"{_key(its, states)}\t{states.get(its, 0) * _ENTRIES + entry}\n")
    no_word = -float("inf")
    others = (no_word, no_word, dictionary.log_probability(0), 0.0, no_word)
    return others + tuple(map(dictionary.log_probability, frequencies))


def _key(letters: tuple[int, ...], states: Mapping[tuple[int, ...], int]) -> int:
    if len(letters) > DIRECT:
        return -(states[letters[:-1]] * LETTERS + letters[-1])
    key = 0
    for letter in letters:
        key = key * LETTERS + letter
    return key


def _weights() -> np.ndarray:
    """What a product with letters gives the keys of: none, and the first 1, 2, ... of them."""
    weights = np.zeros([DIRECT + 1, DIRECT + 1], np.int64)
    weights[0, 0] = -1
    for length in range(1, DIRECT + 1):
        weights[:length, length] = [LETTERS ** (length - 1 - place) for place in range(length)]
    return weights


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

    def words(self, letters: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
        """Finds the words that begin at each character.

        Args:
            letters: Int64 [n]; of the characters.
            room: Int64 [n]; how many characters from this one on a word may have, at least 0.

        Returns:
            int64 [n, m]; the entry of the word that begins at a character and has 1, 2, ..., m
            characters. No word that is found is longer than m.
        """
        count = tf.size(letters, out_type=tf.int64)
        keys, key, ahead = [], tf.zeros_like(letters), tf.pad(letters, [[0, DIRECT]])
        for length in range(1, DIRECT + 1):
            key = key * LETTERS + ahead[length - 1 : length - 1 + count]
            # No word has the key 0.
            keys.append(key * tf.cast(room >= length, tf.int64))
        values = self._table.lookup(tf.stack(keys))
        return tf.transpose(self._with_longer(values % _ENTRIES, letters, values[-1], room))

    def words_in_windows(self, windows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the words that begin at each character and have up to `DIRECT` characters.

        Args:
            windows: Int64 [n, DIRECT + 1]; the letter of each character and of those behind it.

        Returns:
            The values of 0, 1, ..., `DIRECT` characters, int64 [n, DIRECT + 1], and their entries,
            of that shape. Of none it is `OUTSIDE`'s where a letter is of no word.
        """
        values = self._table.lookup(tf.matmul(windows, _weights()))
        return values, values % _ENTRIES

    def go_on(self, values: tf.Tensor) -> tf.Tensor:
        """Whether any word of `words_in_windows` may be longer than those; bool []."""
        return tf.reduce_any(values[:, DIRECT] >= _ENTRIES)

    def longer(self, letters: tf.Tensor, values: tf.Tensor, entries: tf.Tensor) -> tf.Tensor:
        """Finds what `words_in_windows` left out: entries of up to m characters, int64 [n, m + 1].

        Args:
            letters: Int64 [n]; the last one is of no word.
            values: From there.
            entries: From there.
        """
        room = tf.range(tf.size(letters, tf.int64), 0, -1)
        return tf.transpose(
            self._with_longer(tf.transpose(entries), letters, values[:, DIRECT], room)
        )

    def _with_longer(self, words, letters, values, room):
        """Entries by length, [DIRECT, n], with those of more letters below; values are the last."""
        count, state = tf.size(letters, out_type=tf.int64), values // _ENTRIES
        live = tf.where((state > 0) & (room > DIRECT))[:, 0]

        def step(length, live, state, words):
            value = self._table.lookup(-(state * LETTERS + tf.gather(letters, live + length)))
            column = tf.scatter_nd(live[:, None], value % _ENTRIES, count[None])
            state = value // _ENTRIES
            on = tf.where((state > 0) & (tf.gather(room, live) > length + 1))[:, 0]
            words = tf.concat([words, column[None]], axis=0)
            return length + 1, tf.gather(live, on), tf.gather(state, on), words

        *_, words = tf.while_loop(
            lambda length, live, state, words: tf.size(live) > 0,
            step,
            (tf.constant(DIRECT, tf.int64), live, tf.gather(state, live), words),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape([None, None]),
            ),
        )
        return words
