"""Chinese, with whatever else is written among it."""

from __future__ import annotations

import tensorflow as tf

from trainer.text.chinese.segmenter import Segmenter
from trainer.text.chinese.trie import write_trie
from trainer.text.config import TextConfig
from trainer.text.english.stemmer import stem
from trainer.text.ragged import keep
from trainer.text.tokenizers.base import Tokenizer


class ChineseTokenizer(Tokenizer):
    """jieba's words, without those that have neither a letter nor a digit.

    With punctuation: only without those that are nothing but space, marks and the like.

    >>> words = ChineseTokenizer(TextConfig()).split(tf.constant(["北京 天气，怎么样"]))
    >>> [word.decode() for word in words.to_list()[0]]
    ['北京', '天气', '怎么样']
    """

    def __init__(self, config: TextConfig):
        super().__init__(config)
        files = write_trie(config.jieba.user_dictionary)
        self._segmenter = Segmenter(files, hmm=config.jieba.hmm)

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """See base class."""
        tokens = self._segmenter(texts)
        kept = r".*[\pL\pN\pP\pS].*" if self._punctuation else r".*[\pL\pN].*"
        return keep(tokens, tf.strings.regex_full_match(tokens.values, kept))


class MixedTokenizer(ChineseTokenizer):
    """jieba's words, and Snowball's English stems of those in Latin letters."""

    def stem(self, tokens: tf.Tensor) -> tf.Tensor:
        """See base class."""
        return stem(tokens)
