"""Words that the dictionary lacks, among the single characters that a route leaves."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.chinese import characters
from trainer.text.chinese.hmm import HiddenMarkovModel
from trainer.text.chinese.latin import latin_word_starts
from trainer.text.chinese.trie import FIRST_WORD, NEVER_JOINED, NO_WORD
from trainer.text.runs import Runs


class UnknownWords(tf.Module):
    """Cuts runs of single characters anew: by the hidden Markov model, or as Latin words.

    Args:
        model: The hidden Markov model.
        some_are_never_joined: Whether the dictionary has a word that the model must not join.

    Reference: jieba 0.42.1, `jieba.Tokenizer.cut` and `jieba.finalseg.cut`.
    """

    def __init__(self, model: HiddenMarkovModel, some_are_never_joined: bool):
        super().__init__()
        self._model = model
        self._some_are_never_joined = some_are_never_joined

    # The model costs as much as all the rest, and many queries need it not.
    @apart
    def cut(
        self,
        codes: tf.Tensor,
        words: tf.Tensor,
        single: tf.Tensor,
        new_text: tf.Tensor,
        starts: tf.Tensor,
    ) -> tf.Tensor:
        """Moves where words begin; of use where two single characters stand side by side.

        Args:
            codes: Int64 [n]; code points.
            words: Int64 [n, m]; entries of the words that begin at each character, by their length.
            single: Bool [n]; characters of blocks that are words by themselves.
            new_text: Bool [n]; where a text begins.
            starts: Bool [n]; where words begin.

        Returns:
            bool [n]; where words begin now.
        """
        singles = Runs.of(single, new_text)
        again = (singles.lengths > 1) & (_entries(words, singles) < FIRST_WORD)
        mask, anew = singles.spread(again), singles.begins
        ideograph = characters.is_ideograph(codes)
        chinese = Runs.of(mask & ideograph, anew)
        begins = self._model.word_starts(codes, chinese)
        if self._some_are_never_joined:
            joined = Runs.of(mask & ideograph, begins)
            begins |= joined.spread(_entries(words, joined) == NEVER_JOINED)
        others = mask & ~ideograph
        begins = tf.cond(
            tf.reduce_any(others),
            lambda: begins | _latin(codes, Runs.of(others, anew)),
            lambda: begins,
        )
        return tf.where(mask, begins, starts)


@apart
def _latin(codes: tf.Tensor, runs: Runs) -> tf.Tensor:
    return latin_word_starts(codes, runs)


def _entries(words: tf.Tensor, runs: Runs) -> tf.Tensor:
    """The dictionary's entry of each run, int64 [r]; `NO_WORD` if it is not in there."""
    width = tf.shape(words, tf.int64)[1]
    index = tf.stack([runs.starts, tf.minimum(runs.lengths, width) - 1], axis=1)
    return tf.where(
        runs.lengths <= width, tf.gather_nd(words, index), tf.constant(NO_WORD, words.dtype)
    )
