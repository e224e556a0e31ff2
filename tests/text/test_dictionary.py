"""The dictionary of the segmenter: jieba's and a user's, read by several threads at once."""

import concurrent.futures
import io
import threading

import jieba.finalseg

from trainer.text.chinese.dictionary import read_dictionary

_WORDS = ["中出", "云计", "凱特", "台中", "北京", "南京"]


def test_threads_do_not_mix_their_words(monkeypatch):
    """jieba keeps words of frequency 0 in a variable that all tokenizers share."""
    shared = jieba.finalseg.Force_Split_Words
    before = set(shared)
    barrier = threading.Barrier(3, timeout=60)
    load = jieba.Tokenizer.load_userdict

    def load_at_once(self, file):
        barrier.wait()
        load(self, file)
        barrier.wait()

    def read(number):
        content = "".join(f"{word} 0\n" for word in _WORDS[number::3])
        return read_dictionary(content.encode()).never_joined

    monkeypatch.setattr(jieba.Tokenizer, "load_userdict", load_at_once)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = list(pool.map(read, range(3)))
    assert results == [set(_WORDS[number::3]) for number in range(3)]
    assert jieba.finalseg.Force_Split_Words is shared
    assert shared == before


def test_the_users_words_are_read_as_by_jieba():
    """With and without a frequency, a part of speech, and frequency 0."""
    content = "\ufeff云计算 5\n创新办 3 i\n凱特琳 nz\n台中\n\n中出 0\n凱特 0 n\n韓玉賞鑑 00\n"
    with jieba.Tokenizer().get_dict_file() as file:
        expected = jieba.Tokenizer()
        expected.FREQ, expected.total = expected.gen_pfdict(file)
    expected.initialized = True
    shared = jieba.finalseg.Force_Split_Words
    jieba.finalseg.Force_Split_Words = never_joined = set()
    try:
        expected.load_userdict(io.BytesIO(content.encode()))
    finally:
        jieba.finalseg.Force_Split_Words = shared
    dictionary = read_dictionary(content.encode())
    assert dictionary.frequencies == expected.FREQ
    assert dictionary.total == expected.total
    assert dictionary.never_joined == never_joined == {"中出", "凱特", "韓玉賞鑑"}
