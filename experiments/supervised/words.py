"""Words without the phrases beside them, for models that read words in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.labelled_users import LabelledUsers, PreparedData
from experiments.representations import sentences_of, vocabulary_of


class Words(NamedTuple):
    """The words of a vocabulary that are no phrases, in numbers of their own.

    Attributes:
        numbers: Int [vocabulary_size + 1], word id to number from 1; 0 of phrases and of padding.
        size: How many words there are.
    """

    numbers: np.ndarray
    size: int

    def of(self, word_ids: Iterable[int]) -> list[int]:
        """The numbers of those that are no phrases."""
        known = self.numbers[np.fromiter(word_ids, int)]
        return known[known > 0].tolist()

    def behaviors(self, users: LabelledUsers) -> list[list[list[int]]]:
        """Per user and behaviour the numbers of the words."""
        return [[self.of(behavior) for behavior in user] for user in users.word_ids]

    def sentences(self, data: PreparedData) -> list[list[int]]:
        """The behaviours of all training users, labelled or not, as `sentences` reads them."""
        return [self.of(sentence) for sentence in sentences_of(data)]


def words_of(phrases: Sequence[Sequence[int]] | np.ndarray) -> Words:
    """Numbers the words of a vocabulary.

    >>> words_of([[0, 0], [1, 3], [0, 0]]).of([3, 2, 1])
    [2, 1]

    Args:
        phrases: Int [vocabulary_size, 2], as `parts_of_phrases` makes it.
    """
    is_word = ~np.asarray(phrases).any(axis=1)
    return Words(np.concatenate([[0], np.cumsum(is_word) * is_word]), int(is_word.sum()))


def words(data: PreparedData) -> Words:
    """The words of prepared data."""
    from trainer.text.phrases import parts_of_phrases

    return words_of(parts_of_phrases(vocabulary_of(data)))


def words_alone(data: PreparedData) -> PreparedData:
    """The same labelled users without their phrases; words keep their ids."""
    known = words(data).numbers > 0

    def of(users: LabelledUsers) -> LabelledUsers:
        kept = [[[w for w in behavior if known[w]] for behavior in user] for user in users.word_ids]
        return users._replace(word_ids=kept)

    return data._replace(
        train=of(data.train), validation=of(data.validation), evaluation=of(data.evaluation)
    )
