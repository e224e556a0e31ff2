"""The segmenter in the graph against jieba in Python, on the same strings in one run.

    python -m benchmarks.segment_speed
    python -m benchmarks.segment_speed --stemmer

Texts are joined from jieba's own dictionary: queries of 8 words, titles of 20, long texts of 400
with punctuation. What the two give is compared first. Times are the best of several rounds, taken
in turns; memory is what the segmenter's tables add to the process. `--stemmer` compares the
English stemmer with snowballstemmer instead, on words made of the dictionary's Latin letters.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import resource
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_WORDS = {"queries": 8, "titles": 20, "long texts": 400}
_BATCHES = (1, 64, 1024)
_SUFFIXES = ("", "s", "ed", "ing", "ly", "ational", "iveness", "y", "ies", "er", "ment", "'s")


def main() -> None:
    """Runs the command line: compares the segmenters, or the stemmers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stemmer", action="store_true", help="compare the stemmers")
    parser.add_argument("--seconds", type=float, default=2.0, help="time per figure (default: 2)")
    args = parser.parse_args()
    if args.stemmer:
        _compare_stemmers(args.seconds)
    else:
        _compare_segmenters(args.seconds)


def _compare_segmenters(seconds: float) -> None:
    import jieba
    import tensorflow as tf

    from trainer.text.chinese.segmenter import Segmenter
    from trainer.text.chinese.trie import write_trie

    jieba.setLogLevel("WARNING")
    jieba.initialize()
    started = time.monotonic()
    files = write_trie()
    print(f"trie written in {time.monotonic() - started:.2f} s, ", end="")
    print(f"{os.path.getsize(files.edges) / 1e6:.1f} MB; ", end="")
    before, started = _resident(), time.monotonic()
    segmenters = {hmm: Segmenter(files, hmm) for hmm in (False, True)}
    print(f"tables loaded in {(time.monotonic() - started) / 2:.2f} s, ", end="")
    print(f"{(_resident() - before) / 2:.0f} MB")

    rng = random.Random(0)
    words, weights = zip(*((w, f) for w, f in jieba.dt.FREQ.items() if f), strict=True)
    print(f"{'':12}{'batch':>6}  {'HMM':<5}{'graph/s':>10}{'jieba/s':>10}{'ratio':>7}{'ms':>9}")
    for name, length in _WORDS.items():
        for batch in _BATCHES:
            texts = ["".join(_with_commas(rng, words, weights, length)) for _ in range(batch)]
            tensor = tf.constant(texts)
            for hmm, segmenter in segmenters.items():
                ours, jiebas = _in_turns(
                    lambda s=segmenter, t=tensor: s(t).to_list(),
                    lambda h=hmm, t=texts: [jieba.lcut(text, HMM=h) for text in t],
                    seconds,
                )
                print(
                    f"{name:12}{batch:>6}  {'on' if hmm else 'off':<5}{batch / ours:>10,.0f}"
                    f"{batch / jiebas:>10,.0f}{jiebas / ours:>7.2f}{ours * 1000:>9.2f}",
                    flush=True,
                )


def _compare_stemmers(seconds: float) -> None:
    import snowballstemmer
    import tensorflow as tf

    from trainer.text.english.stemmer import stem

    snowball = snowballstemmer.stemmer("english")
    rng = random.Random(0)
    print(f"{'words':>8}{'graph ms':>11}{'snowball ms':>13}{'ratio':>7}")
    for count in (1, 100, 100_000):
        words = [
            "".join(rng.choices("etaoinshrdlucmfwyp", k=rng.randint(2, 7))) + rng.choice(_SUFFIXES)
            for _ in range(count)
        ]
        tensor = tf.constant(words)
        ours, snowballs = _in_turns(
            lambda t=tensor: [word.decode() for word in stem(t).numpy()],
            lambda w=words: snowball.stemWords(w),
            seconds,
        )
        print(
            f"{count:>8}{ours * 1000:>11.2f}{snowballs * 1000:>13.2f}{snowballs / ours:>7.2f}",
            flush=True,
        )


def _with_commas(rng, words, weights, length):
    for place, word in enumerate(rng.choices(words, weights, k=length), start=1):
        yield word
        if place % 10 == 0 and place < length:
            yield "，"


def _in_turns(first: Callable, second: Callable, seconds: float) -> tuple[float, float]:
    """The best times of two functions, in seconds, called in turns; they must agree."""
    if (a := _decoded(first())) != (b := second()):
        raise SystemExit(f"The results differ: {a[:3]} and {b[:3]}")
    best = [float("inf")] * 2
    end = time.monotonic() + seconds
    gc.disable()
    while time.monotonic() < end:
        for index, function in enumerate((first, second)):
            started = time.perf_counter()
            function()
            best[index] = min(best[index], time.perf_counter() - started)
    gc.enable()
    return best[0], best[1]


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _resident() -> float:
    """Memory of this process, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
