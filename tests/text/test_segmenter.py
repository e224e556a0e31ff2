"""The segmenter against jieba itself (0.42.1), with and without the hidden Markov model."""

import functools
import gzip
import importlib.metadata
import json
import pathlib
import random

import jieba
import jieba.finalseg
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainer.text.chinese.segmenter import Segmenter
from trainer.text.chinese.trie import write_trie

_POETRY = pathlib.Path(__file__).parents[3] / "shared" / "data" / "poetry" / "events.jsonl.gz"
_LATIN = "ab1234.5%%.9Z+-#&_ ，中国1.2.3a7.%"


@functools.cache
def _segmenter(hmm):
    return Segmenter(write_trie(), hmm)


def _differences(texts, segmenter, cut, batch=1024):
    texts, differences = list(texts), []
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        for text, words in zip(
            part, segmenter(tf.constant(part, tf.string)).to_list(), strict=True
        ):
            words = [word.decode() for word in words]
            if words != (expected := cut(text)):
                differences.append((text, words, expected))
    return differences


@pytest.fixture(scope="module", params=[False, True], ids=["dictionary", "hmm"])
def differences(request):
    """Returns a function from texts to those that are not cut as by jieba."""
    return functools.partial(
        _differences,
        segmenter=_segmenter(request.param),
        cut=functools.partial(jieba.lcut, HMM=request.param),
    )


@pytest.fixture(scope="module")
def dictionary():
    jieba.initialize()
    return [word for word, frequency in jieba.dt.FREQ.items() if frequency]


def test_the_version_that_the_segmenter_follows():
    assert importlib.metadata.version("jieba") == "0.42.1"


@pytest.mark.parametrize(
    ("text", "without", "with_hmm"),
    [
        ("他来到了网易杭研大厦", "他 来到 了 网易 杭 研 大厦", "他 来到 了 网易 杭研 大厦"),
        ("wifi6路由器", "wifi6 路由器", "wifi6 路由器"),
        ("涨12.5%了", "涨 12 . 5 % 了", "涨 12.5% 了"),
        ("v1.2.3", "v1 . 2 . 3", "v1.2 . 3"),
    ],
)
def test_words(text, without, with_hmm):
    for hmm, expected in ((False, without), (True, with_hmm)):
        assert jieba.lcut(text, HMM=hmm) == expected.split()
        (words,) = _segmenter(hmm)(tf.constant([text])).to_list()
        assert [word.decode() for word in words] == expected.split()


def test_odd_texts(differences):
    texts = ["", " ", "\r\n", "\r", "\n\r\n\n", "\x00\x01\x1f\x85\u2028", "\ufffd", "。" * 50]
    texts += [
        "http://www.example.com/a-b?c=d&e=1.5%",
        "ＡＢＣ１２３，　全角",
        "🎉👨‍👩‍👧你好🇨🇳",
        "𠀀𠀁㐀鿖",
    ]
    texts += [
        "繁體中文與簡体中文混排",
        "AT&T和C++、c#、T恤、卡拉OK",
        "a\u0301é",
        "１２.５％",
        "12.5.6.7a8.9%%",
    ]
    assert not differences(texts)


def test_no_texts(differences):
    assert _segmenter(False)(tf.constant([], tf.string)).to_list() == []
    assert not differences([""])


def test_long_texts(differences, dictionary):
    rng = random.Random(1)
    characters = [word for word in dictionary if len(word) == 1]
    texts = [
        "".join(rng.choices(dictionary, k=4500))[:10_000],
        "".join(rng.choices(characters, k=3000)),
    ]
    texts += ["a1." * 1000, "中" * 2000, "的 " * 2000]
    assert not differences(texts)


def test_dictionary_words_joined(differences, dictionary):
    rng = random.Random(2)
    assert not differences(
        "".join(rng.choices(dictionary, k=rng.randint(1, 8))) for _ in range(20_000)
    )


def test_characters_joined(differences, dictionary):
    rng = random.Random(3)
    characters = [word for word in dictionary if len(word) == 1]
    assert not differences(
        "".join(rng.choices(characters, k=rng.randint(1, 20))) for _ in range(10_000)
    )


def test_equal_frequencies(differences, dictionary):
    # Words that overlap and are equally frequent: only rounding and order decide.
    rng = random.Random(4)
    rare = [word for word in dictionary if jieba.dt.FREQ[word] == 3 and len(word) > 1]
    by_first = {}
    for word in rare:
        by_first.setdefault(word[0], []).append(word)
    chains = []
    for _ in range(10_000):
        text = rng.choice(rare)
        for _ in range(rng.randint(1, 4)):
            text += rng.choice(by_first.get(text[-1], rare))[1:]
        chains.append(text)
    assert not differences(chains)


def test_few_characters_go_another_way(differences, dictionary):
    """All that is above comes in batches; these are some words at a time."""
    rng = random.Random(8)
    characters = [word for word in dictionary if len(word) == 1]
    texts = ["".join(rng.choices(dictionary, k=rng.randint(1, 14))) for _ in range(500)]
    texts += ["".join(rng.choices(_LATIN, k=rng.randint(1, 25))) for _ in range(150)]
    texts += ["".join(rng.choices(characters, k=rng.randint(1, 40))) for _ in range(150)]
    assert not differences(texts, batch=1)
    assert not differences(texts[::2], batch=3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=4))
@example([b"\xe4\xb8", b"\xad\r", b"\n\0", b""])
def test_few_bytes_of_any_kind_are_cut_as_many_are(texts):
    many = [*texts, "中" * 100]
    for hmm in (False, True):
        alone, among = (_segmenter(hmm)(tf.constant(each, tf.string)) for each in (texts, many))
        assert alone.to_list() == among.to_list()[:-1]


def test_many_texts_are_cut_in_parts(monkeypatch, dictionary):
    monkeypatch.setattr("trainer.text.chinese.segmenter._BYTES_AT_ONCE", 1000)
    rng = random.Random(9)
    texts = ["".join(rng.choices(dictionary, k=rng.randint(0, 20))) for _ in range(200)]
    assert not _differences(texts, Segmenter(write_trie(), hmm=True), jieba.lcut)


def test_latin_and_digits(differences):
    rng = random.Random(5)
    assert not differences(
        "".join(rng.choices(_LATIN, k=rng.randint(1, 25))) for _ in range(10_000)
    )


def test_any_characters(differences):
    rng = random.Random(6)
    planes = [(0, 0x7F), (0x80, 0x2FF), (0x3000, 0x303F), (0x4E00, 0x9FFF), (0xFF00, 0xFFEF)]
    planes += [(0x1F300, 0x1F6FF), (0x20000, 0x2A6DF)]
    assert not differences(
        "".join(chr(rng.randint(*rng.choice(planes))) for _ in range(rng.randint(1, 20)))
        for _ in range(10_000)
    )


# Cn has Unicode's noncharacters, which TensorFlow does not encode.
@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cn"])), max_size=10))
@example(["中a\r", "\nb国"])
@example(["1.", "2"])
def test_any_texts_in_a_batch(texts):
    for hmm in (False, True):
        cut = functools.partial(jieba.lcut, HMM=hmm)
        assert not _differences(texts, _segmenter(hmm), cut)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("中国人民北京大学的了是123abc.%+-_，\r\n "), max_size=40))
def test_texts_of_few_characters(text):
    for hmm in (False, True):
        assert not _differences([text], _segmenter(hmm), functools.partial(jieba.lcut, HMM=hmm))


@pytest.mark.slow
@pytest.mark.one_stack
@pytest.mark.skipif(not _POETRY.exists(), reason="the poems are not part of the project")
def test_poems(differences):
    with gzip.open(_POETRY, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    assert len(texts) > 100_000
    assert not differences(texts)


def test_bytes_that_are_no_utf8():
    words = _segmenter(True)(tf.constant([b"\xff\xe5\x8c\x97\xe4\xba\xac\xe4"])).to_list()
    assert [word.decode() for word in words[0]] == ["\ufffd", "北京", "\ufffd"]


_USER_WORDS = """\
云计算
杭研大厦 5 nz
iPhone手机 10
大学生 0
王小明 0 nr
abc123 3

"""


@pytest.fixture
def user_dictionary(tmp_path, monkeypatch):
    monkeypatch.setattr(jieba.finalseg, "Force_Split_Words", set())
    path = tmp_path / "words.txt"
    path.write_text("\ufeff" + _USER_WORDS, encoding="utf-8")
    tokenizer = jieba.Tokenizer()
    tokenizer.load_userdict(str(path))
    return str(path), tokenizer


@pytest.mark.parametrize("hmm", [False, True])
def test_user_dictionary(user_dictionary, dictionary, hmm):
    path, tokenizer = user_dictionary
    segmenter = Segmenter(write_trie(path), hmm)
    rng = random.Random(7)
    words = [line.split()[0] for line in _USER_WORDS.split("\n") if line.strip()]
    pieces = [*dictionary[:2000], *words * 100, "了", "是", " "]
    texts = ["".join(rng.choices(pieces, k=rng.randint(1, 6))) for _ in range(3000)]
    texts += ["我在用iPhone手机学云计算", "大学生王小明住在杭研大厦", "王小明王小明", "xabc123"]
    cut = functools.partial(tokenizer.lcut, HMM=hmm)
    assert any(jieba.lcut(text, HMM=hmm) != cut(text) for text in texts)
    assert not _differences(texts, segmenter, cut)


def test_a_changed_user_dictionary_is_another_trie(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("云计算 5\n", encoding="utf-8")
    first = write_trie(str(path))
    assert write_trie(str(path)) == first
    path.write_text("云计算 6\n", encoding="utf-8")
    assert write_trie(str(path)) != first


def test_a_user_dictionary_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("云计算".encode("gbk"))
    with pytest.raises(ValueError, match=r"words\.txt is not UTF-8"):
        write_trie(str(path))


def test_the_provenance_names_jieba_and_the_dictionaries(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("云计算 5\n", encoding="utf-8")
    digests = (
        "7197c3211ddd98962b036cdf40324d1ea2bfaa12bd028e68faa70111a88e12a8",
        "3e450e62d8d1e08fa5338d19788a5d2ab570b4779e566873867515b81e64aa4a",
    )
    lines = pathlib.Path(write_trie(str(path)).provenance).read_text().splitlines()
    provenance = dict(line.split("\t") for line in lines)
    assert provenance == {
        "jieba": "0.42.1",
        "dictionary_sha256": digests[0],
        "user_dictionary_sha256": digests[1],
    }
