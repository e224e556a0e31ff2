"""The dictionary of the segmenter: jieba's own, with a user's words added, read once."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math

import jieba


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Words and their frequencies, as a `jieba.Tokenizer` holds them.

    Attributes:
        frequencies: Every word and every beginning of a word to its frequency; a mere beginning has
            frequency 0.
        total: The sum that frequencies are divided by.
        never_joined: Words of frequency 0 in the user's dictionary; the hidden Markov model must
            not join them.
        provenance: Jieba's version and the SHA-256 digests of the files that were read.
    """

    frequencies: dict[str, int]
    total: int
    never_joined: frozenset[str]
    provenance: dict[str, str]

    def log_probability(self, frequency: int) -> float:
        """The natural logarithm of a word's share, rounded exactly as jieba rounds it."""
        return math.log(frequency or 1) - math.log(self.total)


class _Tokenizer(jieba.Tokenizer):
    """A tokenizer that keeps its words of frequency 0 to itself.

    jieba keeps them in a variable of its module, common to all tokenizers and threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.never_joined: set[str] = set()

    def add_word(self, word: str, freq: str | None = None, tag: str | None = None) -> None:
        """Adds a word of the user's dictionary, as `load_userdict` calls it."""
        if freq is None or int(freq) != 0:
            super().add_word(word, freq, tag)
            return
        self.never_joined.add(word)
        self.FREQ[word] = 0
        for end in range(1, len(word)):
            self.FREQ.setdefault(word[:end], 0)


def read_dictionary(user_words: bytes | None = None) -> Dictionary:
    """Reads the installed jieba's dictionary and adds the user's words.

    Args:
        user_words: Contents of a file in the format of `jieba.load_userdict`: UTF-8, one word a
            line, then optionally its frequency and its part of speech, separated by spaces.

    Returns:
        The dictionary.

    Raises:
        ValueError: If the user's words are not UTF-8.

    Example:
        >>> read_dictionary().frequencies["北京"]
        34488
    """
    tokenizer = _Tokenizer()
    with tokenizer.get_dict_file() as file:
        content = file.read()
    provenance = {
        "jieba": jieba.__version__,
        "dictionary_sha256": hashlib.sha256(content).hexdigest(),
    }
    # Not `initialize()`: it would trust a cache in /tmp, whatever jieba's version wrote it.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(io.BytesIO(content))
    tokenizer.initialized = True

    if user_words is not None:
        provenance["user_dictionary_sha256"] = hashlib.sha256(user_words).hexdigest()
        tokenizer.load_userdict(io.BytesIO(user_words))
    return Dictionary(
        tokenizer.FREQ, tokenizer.total, frozenset(tokenizer.never_joined), provenance
    )
