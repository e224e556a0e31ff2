"""What every tokenizer does."""

from __future__ import annotations

import abc

import tensorflow as tf

from trainer.text.config import TextConfig


class Tokenizer(tf.Module, abc.ABC):
    """Cuts texts into tokens and says which tokens are the same word.

    With `config.punctuation` signs, which are punctuation and symbols, are tokens as well. They
    never change how the other tokens are cut.

    Lookup tables are made by the constructor and must be attributes.

    Args:
        config: How texts become word ids; a tokenizer reads its own settings from it.
    """

    cuts_at_spaces = False
    """Whether no token reaches over ASCII white space, and none depends on what is behind it, so
    that what stands between can be cut by itself."""

    def __init__(self, config: TextConfig):
        super().__init__()
        self._punctuation = config.punctuation

    @abc.abstractmethod
    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts every text into tokens.

        Args:
            texts: String [n]; what `normalize` gives.

        Returns:
            string [n, (tokens)]; tokens are valid UTF-8, never empty, without white space.
        """

    def stem(self, tokens: tf.Tensor) -> tf.Tensor:
        """Maps tokens, string [n], to the words that they are counted as, string [n]."""
        return tokens
