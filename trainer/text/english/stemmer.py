"""Snowball's English stemmer, for a batch of words at once.

Every step of the algorithm is a function of this module, in the algorithm's own order and with
its names. Reference: Snowball 3.1, https://snowballstem.org/algorithms/english/stemmer.html.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from trainer.text.apart import apart
from trainer.text.english import letters
from trainer.text.english.rules import Rules
from trainer.text.english.words import Words, read_words

_PREFIXES = ("arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers")

_EXCEPTIONS = Rules(
    {
        "skis": "ski",
        "skies": "sky",
        "idly": "idl",
        "gently": "gentl",
        "ugly": "ugli",
        "early": "earli",
        "only": "onli",
        "singly": "singl",
        **{word: word for word in ("andes", "atlas", "bias", "cosmos", "howe", "news", "sky")},
    },
    whole_words=True,
)


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def stem(words: tf.Tensor) -> tf.Tensor:
    """Stems English words; others, and numbers, mostly stay as they are.

    Args:
        words: String [n]; UTF-8, lower-case.

    Returns:
        string [n]; what `snowballstemmer.stemmer("english").stemWord` gives for each.

    Example:
        >>> stem(tf.constant(["running", "generously", "skies"])).numpy()
        array([b'run', b'generous', b'sky'], dtype=object)
    """
    # Most words that no table knows are numbers and names, or not English.
    may_change = tf.strings.regex_full_match(words, _MAY_CHANGE)

    def stem_some():
        where = tf.where(may_change)
        unique, index = tf.unique(tf.gather_nd(words, where), out_idx=tf.int64)
        return tf.tensor_scatter_nd_update(words, where, tf.gather(_stem(unique), index))

    return tf.cond(tf.reduce_any(may_change), stem_some, lambda: words)


@functools.partial(apart, input_signature=[tf.TensorSpec([None], tf.string)])
def _stem(words: tf.Tensor) -> tf.Tensor:
    state = read_words(words, _PREFIXES)
    apostrophe = tf.strings.length(words, "UTF8_CHAR") - tf.cast(state.lengths, tf.int32)
    exception = _EXCEPTIONS.match(state)
    is_exception = exception.found & (apostrophe == 0)
    excepted = state.replace_end(exception.where(is_exception))
    for step in (_possessive, _step_1a, _step_1b, _step_1c, _step_2, _step_3, _step_4, _step_5):
        state = step(state)

    kept, added, added_letters = (
        tf.where(is_exception, getattr(excepted, name), getattr(state, name))
        for name in ("kept", "added", "added_letters")
    )
    is_short = tf.strings.length(words, "UTF8_CHAR") < 3
    first = tf.where(is_short, tf.zeros_like(apostrophe), apostrophe)
    stems = tf.strings.join(
        [
            tf.strings.substr(words, first, tf.cast(kept, tf.int32), unit="UTF8_CHAR"),
            letters.text(tf.where(added > 1, letters.shift_right(added_letters, 1), 0)),
            letters.text(
                tf.where(added > 0, tf.bitwise.bitwise_and(added_letters, letters.LETTER), 0)
            ),
        ]
    )
    return tf.where(is_short, words, stems)


_DELETE_ONE = np.array([1, 0, 0])
_ADD_E = np.array([0, 1, letters.pack("e")])

_POSSESSIVES = Rules({"'": "", "'s": "", "'s'": ""})


def _possessive(words: Words) -> Words:
    return words.replace_end(_POSSESSIVES.match(words).replacement)


_STEP_1A = Rules({"sses": "ss", "ied": "i", "ies": "i", "s": "", "us": "us", "ss": "ss"})


def _step_1a(words: Words) -> Words:
    match = _STEP_1A.match(words)
    # s goes behind a vowel, but not right behind it: gas stays, gaps does not.
    goes = (match.suffix > 1) | (words.first_vowel < words.lengths - 2)
    # ties keeps its e, cries does not.
    keeps_e = (match.suffix == 3) & (words.lengths < 5)
    replacement = tf.where(keeps_e[:, None], _DELETE_ONE, match.replacement)
    return words.replace_end(tf.where(goes[:, None], replacement, 0))


_STEP_1B = Rules({"eed": "ee", "eedly": "ee", "ed": "", "edly": "", "ing": "", "ingly": ""})

_STEP_1B_YING = Rules({"ying": "ie"})

_STEP_1B_UNCHANGED = Rules(
    {
        word: word
        for word in (
            *("succeed", "proceed", "exceed", "succeedly", "proceedly", "exceedly"),
            *("evening", "canning", "inning", "earring", "herring", "outing"),
        )
    },
    whole_words=True,
)

_STEP_1B_REPAIR = Rules(
    {"at": "ate", "bl": "ble", "iz": "ize"} | {letter * 2: letter for letter in "bdfgmnprt"}
)


def _step_1b(words: Words) -> Words:
    match = _STEP_1B.match(words)
    is_eed = match.suffix > match.replacement[:, 0]
    before = words.lengths - match.suffix
    applies = tf.where(is_eed, words.r1 <= before, words.first_vowel < before)
    applies &= match.found & ~_STEP_1B_UNCHANGED.match(words).found
    # dying is die.
    ying = _STEP_1B_YING.match(words)
    is_ying = ying.found & (words.lengths == 5) & _is(letters.NO_VOWEL, words.letter(4))
    words = words.replace_end(tf.where(is_ying[:, None], ying.replacement, match.where(applies)))

    applies &= ~(is_eed | is_ying)
    repair = _STEP_1B_REPAIR.match(words)
    # Of add, egg and off both letters stay.
    stays = (
        (repair.replacement[:, 0] > 0)
        & (words.lengths == 3)
        & _is(letters.members("aeo"), words.letter(2))
    )
    # hoping is hope.
    needs_e = ~repair.found & (words.lengths == words.r1) & _ends_short(words.end)
    replacement = tf.where(needs_e[:, None], _ADD_E, repair.replacement)
    return words.replace_end(tf.where((applies & ~stays)[:, None], replacement, 0))


_STEP_1C = Rules({"y": "i", "Y": "i"})


def _step_1c(words: Words) -> Words:
    match = _STEP_1C.match(words)
    behind_consonant = _is(letters.NO_VOWEL, words.letter(1)) & (words.lengths > 2)
    return words.replace_end(match.where(behind_consonant))


_STEP_2 = Rules(
    {
        **{"tional": "tion", "enci": "ence", "anci": "ance", "abli": "able", "entli": "ent"},
        **{"izer": "ize", "ization": "ize", "ational": "ate", "ation": "ate", "ator": "ate"},
        **{"alism": "al", "aliti": "al", "alli": "al", "fulli": "ful", "fulness": "ful"},
        **{"ousli": "ous", "ousness": "ous", "iveness": "ive", "iviti": "ive"},
        **{"biliti": "ble", "bli": "ble", "ogist": "og", "l|ogi": "og", "lessli": "less"},
        **{f"{letter}|li": "" for letter in "cdeghkmnrt"},
    }
)


def _step_2(words: Words) -> Words:
    match = _STEP_2.match(words)
    return words.replace_end(match.where(words.r1 <= words.lengths - match.suffix))


_STEP_3 = Rules(
    {
        **{"tional": "tion", "ational": "ate", "alize": "al"},
        **{"icate": "ic", "iciti": "ic", "ical": "ic", "ful": "", "ness": "", "ative": ""},
    }
)


def _step_3(words: Words) -> Words:
    match = _STEP_3.match(words)
    # Of the suffixes of five letters ative is the one that goes as a whole, and only in R2.
    is_ative = (match.suffix == 5) & (match.replacement[:, 0] == 5)
    region = tf.where(is_ative, words.r2, words.r1)
    return words.replace_end(match.where(region <= words.lengths - match.suffix))


_STEP_4 = Rules(
    {
        suffix: ""
        for suffix in (
            *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent"),
            *("ism", "ate", "iti", "ous", "ive", "ize", "s|ion", "t|ion"),
        )
    }
)


def _step_4(words: Words) -> Words:
    match = _STEP_4.match(words)
    return words.replace_end(match.where(words.r2 <= words.lengths - match.suffix))


_STEP_5 = Rules({"e": "", "l|l": ""})


def _step_5(words: Words) -> Words:
    match = _STEP_5.match(words)
    before = words.lengths - 1
    is_e = words.letter(0) == letters.pack("e")
    in_r1 = is_e & (words.r1 <= before) & ~_ends_short(letters.shift_right(words.end, 1))
    return words.replace_end(match.where((words.r2 <= before) | in_r1))


_FIRST_TO_FIT = (
    *(_EXCEPTIONS, _POSSESSIVES, _STEP_1A, _STEP_1B, _STEP_1C),
    *(_STEP_2, _STEP_3, _STEP_4, _STEP_5),
)

_LAST_LETTERS = set().union(*(rules.last_letters for rules in _FIRST_TO_FIT))

_MAY_CHANGE = f"(?s)'.*|.*[{''.join(sorted(_LAST_LETTERS))}]"
"""What begins with no apostrophe and ends like no rule stays as it is."""


def _ends_short(end: tf.Tensor) -> tf.Tensor:
    """Whether packed letters, int64 [n], end in a short syllable, or in past; bool [n]."""
    three = tf.bitwise.bitwise_and(end, letters.mask(3))
    four = tf.bitwise.bitwise_and(end, letters.mask(4))
    return _is(letters.SHORT_SYLLABLE, three) | (four == letters.pack("past"))


def _is(flags, values: tf.Tensor) -> tf.Tensor:
    return tf.gather(tf.constant(flags), values)
