"""Snowball's English stemmer, for a batch of words at once.

Every step of the algorithm is a function of this module, in the algorithm's own order and with
its names. Reference: Snowball 3.1, https://snowballstem.org/algorithms/english/stemmer.html.
"""

from __future__ import annotations

import tensorflow as tf

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


# One function, so that the graphs around it hold one operation and not some hundreds.
@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def stem(words: tf.Tensor) -> tf.Tensor:
    """Stems English words; others, and numbers, mostly stay as they are.

    Args:
      words: string [n]; UTF-8, lower-case.

    Returns:
      string [n]; what `snowballstemmer.stemmer("english").stemWord` gives for each.

    Example:
      >>> stem(tf.constant(["running", "generously", "skies"])).numpy()
      array([b'run', b'generous', b'sky'], dtype=object)
    """
    unique, index = tf.unique(words, out_idx=tf.int64)
    return tf.gather(_stem(unique), index)


def _stem(words: tf.Tensor) -> tf.Tensor:
    state = read_words(words, _PREFIXES)
    apostrophe = tf.strings.length(words, "UTF8_CHAR") - tf.cast(state.lengths, tf.int32)
    exception = _EXCEPTIONS.match(state)
    is_exception = exception.found & (apostrophe == 0)
    excepted = state.replace_end(*exception.where(is_exception))
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


_POSSESSIVES = Rules({"'": "", "'s": "", "'s'": ""})


def _possessive(words: Words) -> Words:
    return words.replace_end(_POSSESSIVES.match(words).deleted)


_STEP_1A = Rules({"sses": "ss", "ied": "i", "ies": "i", "s": "", "us": "us", "ss": "ss"})


def _step_1a(words: Words) -> Words:
    match = _STEP_1A.match(words)
    # s goes behind a vowel, but not right behind it: gas stays, gaps does not.
    plural = (match.suffix > 1) | (words.first_vowel < words.lengths - 2)
    # ties keeps its e, cries does not.
    short = (match.suffix == 3) & (words.lengths < 5)
    return words.replace_end(tf.where(plural, match.deleted - tf.cast(short, tf.int64), 0))


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
    changes = ~_STEP_1B_UNCHANGED.match(words).found
    is_eed = match.deleted < match.suffix
    eed = is_eed & changes & (words.r1 <= words.lengths - match.suffix)

    ying = _STEP_1B_YING.match(words)
    is_ying = ying.found & (words.lengths == 5) & _is(letters.NO_VOWEL, words.letter(4))
    past = match.found & changes & ~(is_eed | is_ying)
    past &= words.first_vowel < words.lengths - match.suffix
    words = words.replace_end(*ying.where(is_ying)).replace_end(
        tf.where(eed | past, match.deleted, 0)
    )

    repair = _STEP_1B_REPAIR.match(words)
    # Of add, egg and off both letters stay.
    stays = (
        (repair.deleted > 0) & (words.lengths == 3) & _is(letters.members("aeo"), words.letter(2))
    )
    words_repaired = words.replace_end(*repair.where(past & ~stays))
    is_short = past & ~repair.found & (words.lengths == words.r1) & _ends_short(words)
    return words_repaired.replace_end(*_add_e(is_short))


def _add_e(where):
    """For `Words.replace_end`: nothing is deleted, an e is added."""
    added = tf.cast(where, tf.int64)
    return tf.zeros_like(added), added, added * letters.pack("e")


_STEP_1C = Rules({"y": "i", "Y": "i"})


def _step_1c(words: Words) -> Words:
    match = _STEP_1C.match(words)
    behind_consonant = _is(letters.NO_VOWEL, words.letter(1)) & (words.lengths > 2)
    return words.replace_end(*match.where(behind_consonant))


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
    return words.replace_end(*match.where(words.r1 <= words.lengths - match.suffix))


_STEP_3 = Rules(
    {
        **{"tional": "tion", "ational": "ate", "alize": "al"},
        **{"icate": "ic", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""},
    }
)

_STEP_3_ATIVE = Rules({"ative": ""})


def _step_3(words: Words) -> Words:
    match, ative = _STEP_3.match(words), _STEP_3_ATIVE.match(words)
    in_r2 = words.r2 <= words.lengths - ative.suffix
    return words.replace_end(*match.where(words.r1 <= words.lengths - match.suffix)).replace_end(
        tf.where(in_r2, ative.deleted, 0)
    )


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
    return words.replace_end(*match.where(words.r2 <= words.lengths - match.suffix))


_STEP_5 = Rules({"e": "", "l|l": ""})


def _step_5(words: Words) -> Words:
    match = _STEP_5.match(words)
    last = words.lengths - 1
    without = words.replace_end(match.deleted)
    is_e = tf.equal(words.letter(0), letters.pack("e"))
    in_r1 = is_e & (words.r1 <= last) & ~_ends_short(without)
    return words.replace_end(tf.where((words.r2 <= last) | in_r1, match.deleted, 0))


def _ends_short(words: Words) -> tf.Tensor:
    """Bool [n]; whether a word ends in a short syllable, or in past."""
    three = tf.bitwise.bitwise_and(words.end, letters.mask(3))
    four = tf.bitwise.bitwise_and(words.end, letters.mask(4))
    return _is(letters.SHORT_SYLLABLE, three) | (four == letters.pack("past"))


def _is(flags, values: tf.Tensor) -> tf.Tensor:
    return tf.gather(tf.constant(flags), values)
