"""The segmenter of this checkout against that of an older one, as they are served, and jieba.

    git worktree add /tmp/older COMMIT
    python -m benchmarks.segment_against /tmp/older

Each is exported by its own code and run in a session with one thread, in turns on the same strings
of words of jieba's dictionary; what they give must be the same. Times are of the processor, so that
other programs matter less: the median of the rounds, and the best; the ratio is the geometric mean
of the rounds' ratios. Operations are those that one call runs, of a query alone.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jieba
import numpy as np
import tensorflow as tf

from contract.signatures import SERVING_DEFAULT

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_CASES = ((8, 1), (20, 1), (400, 1), (8, 64), (20, 64), (8, 1024))
"""Words a text, and texts."""

_EXPORT = """
import sys
import tensorflow as tf
from trainer.text.chinese.segmenter import Segmenter
from trainer.text.chinese.trie import write_trie

for hmm in (False, True):
    module = tf.Module()
    module.segmenter = Segmenter(write_trie(), hmm)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def cut(texts):
        words = module.segmenter(texts)
        return {"words": words.values, "splits": words.row_splits}

    tf.saved_model.save(module, f"{sys.argv[1]}/{hmm}", signatures=cut)
"""


class _Exported:
    """An exported segmenter in a session."""

    def __init__(self, path: str):
        graph = tf.Graph()
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        )
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], path)
        signature = loaded.signature_def[SERVING_DEFAULT]
        self._texts = signature.inputs["texts"].name
        self._outputs = [signature.outputs[name].name for name in ("words", "splits")]
        self.call = self._session.make_callable(self._outputs, [self._texts])

    def operations(self, texts: list[str]) -> int:
        """How many operations run."""
        options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        metadata = tf.compat.v1.RunMetadata()
        self._session.run(self._outputs, {self._texts: texts}, options, metadata)
        return sum(len(device.node_stats) for device in metadata.step_stats.dev_stats)


def _export(checkout: pathlib.Path, folder: str) -> list[_Exported]:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", _EXPORT, folder]
    subprocess.run(command, cwd=checkout, env=environment, check=True, stderr=subprocess.DEVNULL)
    return [_Exported(f"{folder}/{hmm}") for hmm in (False, True)]


def _seconds(call: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def main() -> None:
    """Exports both, and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("older", type=pathlib.Path, help="another checkout of this project")
    parser.add_argument("--rounds", type=int, default=25, help="(default: 25)")
    args = parser.parse_args()
    jieba.setLogLevel("WARNING")
    jieba.initialize()
    words, weights = zip(*((w, f) for w, f in jieba.dt.FREQ.items() if f), strict=True)
    rng = random.Random(0)
    print(f"{'words':>6}{'texts':>6}  {'HMM':<5}{'old ms':>8}{'best':>7}{'new ms':>8}{'best':>7}")
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        pairs = zip(_export(args.older.resolve(), first), _export(_ROOT, second), strict=True)
        for hmm, (old, new) in enumerate(pairs):
            for length, batch in _CASES:
                texts = ["".join(rng.choices(words, weights, k=length)) for _ in range(batch)]
                for before, after in zip(old.call(texts), new.call(texts), strict=True):
                    if not np.array_equal(before, after):
                        raise SystemExit(f"The results differ: {before[:5]} and {after[:5]}")
                times = max(1, 1200 // (60 + batch * length))
                rounds = np.array(
                    [
                        [
                            _seconds(lambda: old.call(texts), times),  # noqa: B023
                            _seconds(lambda: new.call(texts), times),  # noqa: B023
                            _seconds(lambda: [jieba.lcut(t, HMM=bool(hmm)) for t in texts], 1),  # noqa: B023
                        ]
                        for _ in range(args.rounds)
                    ]
                )
                middle, best = np.median(rounds, axis=0) * 1000, rounds.min(axis=0) * 1000
                ratio = np.exp(np.mean(np.log(rounds[:, 1] / rounds[:, 0])))
                print(
                    f"{length:6}{batch:6}  {'on' if hmm else 'off':<5}"
                    f"{middle[0]:8.2f}{best[0]:7.2f}"
                    f"{middle[1]:8.2f}{best[1]:7.2f}  ratio {ratio:.2f}, jieba {middle[2]:.2f}",
                    flush=True,
                )
                if batch == 1:
                    print(f"{'':14}{old.operations(texts)} and {new.operations(texts)} operations")


if __name__ == "__main__":
    main()
