"""Configuration of the text preprocessing. Imports no TensorFlow: the command line reads it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

AUTO: Final = "95%"
"""Stands for the 95 % quantile of the training data, the paper's choice for |S| and |x|."""

AUTO_OF_ALL: Final = "95% of all"
"""Stands for that of history and target together: what users are represented from, unless the
division is by windows."""

_Number = Annotated[int, Field(ge=1)]


class JiebaConfig(BaseModel):
    """How jieba cuts Chinese; for `language: zh` and `mixed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hmm: bool = Field(
        True, description="Whether the hidden Markov model finds words that the dictionary lacks."
    )
    user_dictionary: str | None = Field(
        None,
        min_length=1,
        description="More words, in the format of jieba.load_userdict; in the spelling that "
        "half_width and lower_case leave.",
    )


class TextConfig(BaseModel):
    """How texts become word ids; fixed at Transform time and exported with the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Literal["en", "zh", "mixed", "characters", "bigrams"] = Field(
        "en",
        description="en: runs of letters and digits, Snowball stems. zh: jieba's words. mixed: "
        "jieba's words, Snowball stems of those in Latin letters. characters: every letter, "
        "ideograph or digit is a word of its own. bigrams: every two neighbouring characters.",
    )
    half_width: bool = Field(
        True, description="Whether full-width letters, digits and signs become plain ones, first."
    )
    lower_case: bool = Field(
        True,
        description="Whether texts are lower-cased, before they are cut; must be where words are "
        "stemmed.",
    )
    stem: bool = Field(
        True, description="en and mixed: whether words are stemmed, as in the paper."
    )
    punctuation: bool = Field(
        False,
        description="Whether punctuation and symbols are words too: in en every run of them, in "
        "zh and mixed what jieba cuts, in characters and bigrams every single one.",
    )
    stop_words: str | None = Field(
        None,
        min_length=1,
        description="File of words to leave out, one a line, as they are before stemming.",
    )
    known_forms: int = Field(
        200_000,
        ge=0,
        le=10_000_000,
        description="en: so many of the most frequent forms of words, as they stand in the texts, "
        "are looked up instead of cut and stemmed. Changes the speed of the model, not what it "
        "gives; 0: none.",
    )
    jieba: JiebaConfig = Field(JiebaConfig(), description="Settings of zh and mixed.")
    ngrams: Literal[1, 2] = Field(
        1,
        description="1: words alone, as in the paper. 2: also phrases of two neighbouring words, "
        "which compete with the words for vocabulary_size.",
    )
    vocabulary_size: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        description="|V|: the most frequent words (stems), and phrases, are kept.",
    )
    max_behaviors: Literal["95%", "95% of all"] | _Number = Field(
        AUTO,
        description="|S|: most recent behaviours that are read per user; a number of at least 1, "
        'or "95%" for that quantile of the training users\' histories, as in the paper, or "95% '
        'of all" for that of histories and targets together, which is as long as what users are '
        "represented from where `data.division` is not by windows.",
    )
    target_behaviors: Literal["max_behaviors", "all"] = Field(
        "max_behaviors",
        description="What is predicted of a target. all: every behaviour, as in the paper; "
        "max_behaviors: the first |S|.",
    )
    max_words: Literal["95%"] | _Number = Field(
        AUTO,
        description="|x|: first words that are read per behaviour, and as many phrases; a number "
        'of at least 1, or "95%" for that quantile of the training data.',
    )

    @model_validator(mode="after")
    def _check_case(self) -> TextConfig:
        if self.language in ("en", "mixed") and self.stem and not self.lower_case:
            raise ValueError(
                "lower_case: Snowball stems lower-case words; leave it true, or set stem: false"
            )
        return self

    def files(self) -> dict[str, str]:
        """The files that are read besides the data: key to path."""
        paths = {
            "stop_words": self.stop_words,
            "jieba.user_dictionary": self.jieba.user_dictionary,
        }
        return {key: path for key, path in paths.items() if path is not None}
