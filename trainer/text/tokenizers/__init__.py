"""Tokenizers: how a text is cut into words in the graph, and which words count as one.

They are made of TensorFlow operations and are exported with the model, so that training and
serving cannot differ. A new one is a subclass of `Tokenizer` and a line in `TOKENIZERS`.
"""

from trainer.text.tokenizers.base import Tokenizer
from trainer.text.tokenizers.characters import BigramTokenizer, CharacterTokenizer
from trainer.text.tokenizers.chinese import ChineseTokenizer, MixedTokenizer
from trainer.text.tokenizers.english import EnglishTokenizer

TOKENIZERS: dict[str, type[Tokenizer]] = {
    "en": EnglishTokenizer,
    "zh": ChineseTokenizer,
    "mixed": MixedTokenizer,
    "characters": CharacterTokenizer,
    "bigrams": BigramTokenizer,
}
