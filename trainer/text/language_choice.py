"""Which `text.language` suits some texts, for who has not chosen one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import NamedTuple

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# Japanese kana, Thai, Lao, Myanmar and Khmer are written without spaces, too.
_OTHERS_WITHOUT_SPACES = re.compile(
    "[\u3040-\u30ff\uff66-\uff9f\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)

_SOME = 0.02
_MANY = 0.3
_KNOWN_WORDS = 0.5


class LanguageChoice(NamedTuple):
    """A choice of `text.language`.

    Attributes:
        language: A value of `TextConfig.language`.
        reason: Why, in some words.
    """

    language: str
    reason: str


def language_for(texts: Iterable[str]) -> LanguageChoice:
    """Chooses a language by the letters of some texts.

    Chinese is cut by jieba where its dictionary knows the words. It is mostly in simplified
    characters and of today: of classical poems it knows few, and single characters serve better
    (docs/results.md).

    Example:
        >>> language_for(["running shoes", "trail map"]).language
        'en'
        >>> language_for(["登山鞋 防水", "北京 天气 预报"]).language
        'zh'
        >>> language_for(["錦石巖 巉巉怪石錦鮮明", "倚空峻壁列松杉"]).language
        'characters'

    Args:
        texts: A sample of the behaviours.

    Returns:
        The choice; `en` for scripts that put spaces between words.
    """
    text = "\n".join(texts)
    letters = max(sum(map(str.isalpha, text)), 1)
    han, others = len(_HAN.findall(text)), len(_OTHERS_WITHOUT_SPACES.findall(text))
    if others >= _MANY * letters:
        return LanguageChoice("characters", "a script without spaces between words")
    if han < _SOME * letters:
        return LanguageChoice("en", "words with spaces between them")
    known = _share_in_words(text)
    shown = f"jieba knows words for {known:.0%} of the Chinese characters"
    rest = letters - han
    if known < _KNOWN_WORDS and rest < _MANY * letters:
        return LanguageChoice("characters", shown)
    return LanguageChoice("mixed" if rest >= _SOME * letters else "zh", shown)


def _share_in_words(text: str) -> float:
    """The share of Chinese characters in words of several that are in jieba's dictionary."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    characters = in_words = 0
    for word in jieba.Tokenizer().cut(text, HMM=False):
        han = len(_HAN.findall(word))
        characters += han
        in_words += han if han > 1 else 0
    return in_words / max(characters, 1)
