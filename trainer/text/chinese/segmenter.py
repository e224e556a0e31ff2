"""jieba's accurate mode: texts to words, all of them, spaces and punctuation too."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.chinese import characters
from trainer.text.chinese.hmm import HiddenMarkovModel
from trainer.text.chinese.route import best_lengths
from trainer.text.chinese.short_hmm import ShortHiddenMarkovModel
from trainer.text.chinese.short_texts import ShortTexts
from trainer.text.chinese.trie import Trie, TrieFiles
from trainer.text.chinese.unknown_words import UnknownWords
from trainer.text.ragged import row_ids
from trainer.text.runs import Runs, previous, reachable

_BYTES_AT_ONCE = 1 << 18
"""About so much text is cut at a time: memory does not grow with the batch."""

_FEW_BYTES = 256
"""Texts that have no more than this together, and one for each, are cut another way."""


class Segmenter(tf.Module):
    """Gives exactly what `jieba.lcut(text, HMM=hmm)` gives.

    jieba cuts a text into blocks of word characters (ideographs, Latin letters, digits, `+#&._%-`)
    and single other characters; finds the most probable route through the dictionary words of
    every block; and re-joins the single characters on that route: without the hidden Markov model
    Latin letters and digits in a row, with it whatever the model takes for an unknown word.

    Here all texts lie one after the other in one vector; a word is where it begins.

    Args:
        files: The dictionary, from `write_trie`.
        hmm: Whether unknown words are found by the hidden Markov model.

    Example:
        >>> from trainer.text.chinese.trie import write_trie
        >>> segmenter = Segmenter(write_trie(), hmm=True)
        >>> (words,) = segmenter(tf.constant(["他来到了网易杭研大厦"])).to_list()
        >>> [word.decode() for word in words]
        ['他', '来到', '了', '网易', '杭研', '大厦']

    Reference: jieba 0.42.1, `jieba.Tokenizer.cut` and `jieba.finalseg.cut`.
    """

    def __init__(self, files: TrieFiles, hmm: bool):
        super().__init__()
        self._trie = Trie(files)
        self._log_probabilities = files.log_probabilities
        never = files.some_are_never_joined
        self._unknown_words = UnknownWords(HiddenMarkovModel(), never) if hmm else None
        of_few = UnknownWords(ShortHiddenMarkovModel(), never) if hmm else None
        self._short_texts = ShortTexts(self._trie, files.log_probabilities, of_few)

    # One function, so that the graphs around it hold one operation and not some hundreds.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts texts.

        Args:
            texts: String [n]; UTF-8. What is not UTF-8 becomes U+FFFD, and so do Unicode's
                noncharacters (U+FFFE).

        Returns:
            string [n, (words)]; the words of a text, joined, are the text.
        """
        sizes = tf.strings.length(texts)
        words, splits = tf.cond(
            tf.reduce_sum(sizes + 1) <= _FEW_BYTES,
            lambda: self._short_texts.cut(texts),
            lambda: self._cut_many(texts, sizes),
        )
        return tf.RaggedTensor.from_row_splits(words, splits, validate=False)

    @apart
    def _cut_many(self, texts: tf.Tensor, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cond(
            tf.reduce_sum(sizes) < _BYTES_AT_ONCE,
            lambda: self._cut(texts),
            lambda: self._cut_by_parts(texts, sizes),
        )

    @apart
    def _cut_by_parts(self, texts: tf.Tensor, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part = tf.cumsum(sizes, exclusive=True) // _BYTES_AT_ONCE
        counts = tf.math.bincount(part, minlength=1, dtype=tf.int64)
        parts = _array(tf.size(counts)).split(texts, counts)

        def step(index, words, lengths):
            cut, splits = self._cut(parts.read(index))
            return (
                index + 1,
                words.write(index, cut),
                lengths.write(index, splits[1:] - splits[:-1]),
            )

        _, words, lengths = tf.while_loop(
            lambda index, *_: index < tf.size(counts),
            step,
            (tf.constant(0), _array(tf.size(counts)), _array(tf.size(counts), tf.int64)),
        )
        return words.concat(), tf.concat([[0], tf.cumsum(lengths.concat())], axis=0)

    def _cut(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Words, one after the other, and where those of each text begin and end."""
        letters = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        codes, text = tf.cast(letters.values, tf.int64), row_ids(letters.row_lengths())
        new_text = text != previous(text)
        positions = tf.range(tf.size(codes, tf.int64))

        its_letters = characters.letters_of(codes)
        inside = characters.is_letter_of_words(its_letters)
        blocks = Runs.of(inside, new_text)
        room = (blocks.spread(blocks.ends) - positions) * tf.cast(inside, tf.int64)
        words = self._trie.words(its_letters, room)
        lengths = best_lengths(words, blocks, room, self._log_probabilities)
        # Outside of the blocks every character is a word, but a line break of two is one.
        carriage_return = previous(codes == characters.CARRIAGE_RETURN) & ~new_text
        second_half = carriage_return & (codes == characters.LINE_FEED)
        starts = reachable(
            blocks.begins | ~inside,
            positions + lengths,
            jumps=tf.reduce_max(tf.concat([blocks.lengths, [1]], axis=0)),
        )
        starts &= ~second_half
        single = starts & inside & (lengths == 1)
        if self._unknown_words is not None:
            starts = tf.cond(
                tf.reduce_any(single & previous(single) & ~new_text),
                lambda: self._unknown_words.cut(codes, words, single, new_text, starts),
                lambda: starts,
            )
        else:
            latin = single & characters.is_alphanumeric_letter(its_letters)
            starts &= ~(latin & previous(latin)) | new_text
        return _gather_words(letters, starts)


def _array(size: tf.Tensor, dtype=tf.string) -> tf.TensorArray:
    return tf.TensorArray(dtype, size, element_shape=[None], infer_shape=False)


def _gather_words(letters: tf.RaggedTensor, starts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Characters of texts, int32 [n, (characters)], to words, string [words], and their splits."""
    size = tf.size(starts, tf.int64)
    first = tf.where(starts)[:, 0]
    words = tf.RaggedTensor.from_row_splits(
        letters.values, tf.concat([first, [size]], axis=0), validate=False
    )
    # How many words begin before each character gives the words of a text from its characters.
    before = tf.concat([[0], tf.cumsum(tf.cast(starts, tf.int64))], axis=0)
    return tf.strings.unicode_encode(words, "UTF-8"), tf.gather(before, letters.row_splits)
