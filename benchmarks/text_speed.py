"""What phrases, punctuation and stems cost in the graph that makes word ids of texts.

    python -m benchmarks.text_speed
    python -m benchmarks.text_speed --events logs/ --language zh

Analyses the texts of a log (without `--events` a generated one) once per setting, as Transform
does, and times the graph that is exported with the model, from texts to word ids, on 1,024 texts.
Times are the best of several rounds, taken in turns; ratios are to words alone, stemmed.
"""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_SETTINGS: dict[str, dict[str, Any]] = {
    "words": {},
    "unstemmed": {"stem": False},
    "punctuation": {"punctuation": True},
    "phrases": {"ngrams": 2},
    "phrases, punctuation": {"ngrams": 2, "punctuation": True},
    "the same, unstemmed": {"ngrams": 2, "punctuation": True, "stem": False},
}
_BATCH = 1024
_BEHAVIORS = 16
"""Of each of the users that the texts are given to, in the order of the log."""


def main() -> None:
    """Runs the command line: analyses the texts by every setting, then times them in turns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", help="log whose texts are read (default: a generated one)")
    parser.add_argument("--language", default="en", help="text.language (default: en)")
    parser.add_argument("--texts", type=int, default=65_536, help="read of the log at most")
    parser.add_argument("--rounds", type=int, default=50, help="rounds (default: 50)")
    args = parser.parse_args()

    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        texts = read_texts(args.events or _generate(folder), args.texts)
        users = [texts[i : i + _BEHAVIORS] for i in range(0, len(texts), _BEHAVIORS)]
        graphs = {
            name: _graph(users, os.path.join(folder, str(number)), args.language, settings)
            for number, (name, settings) in enumerate(_SETTINGS.items())
        }
        batch = tf.ragged.constant(users[: _BATCH // _BEHAVIORS]).to_sparse()
        best = dict.fromkeys(graphs, float("inf"))
        for graph in graphs.values():
            graph(batch)
        for _ in range(args.rounds):
            for name, graph in graphs.items():
                started = time.perf_counter()
                graph(batch)
                best[name] = min(best[name], time.perf_counter() - started)
    print(f"{'':22}{'ids':>8}{'ms':>8}{'ratio':>7}   of {_BATCH:,} texts, {args.language}")
    for name, seconds in best.items():
        ids = tf.size(graphs[name](batch).flat_values).numpy()
        print(f"{name:22}{ids:>8,}{seconds * 1000:>8.2f}{seconds / best['words']:>7.2f}")


def _generate(folder: str) -> str:
    from ingestion.synthetic_logs import generate

    events, _ = generate(folder, users=3_000)
    return str(events)


def read_texts(events: str, limit: int) -> list[str]:
    """Reads the first texts of a log, at most `limit`; ends the program if they are too few."""
    from ingestion.files import match_files
    from ingestion.readers import read_records

    files = match_files({"events": events})
    records = (r for file in files for r in read_records(file, ("text",), "Name another log."))
    values = (row[0] for _, row in records if not isinstance(row, ValueError))
    texts = [value for value in values if isinstance(value, str)][:limit]
    if len(texts) < _BATCH:
        raise SystemExit(f"{events} has {len(texts):,} texts; name a log of at least {_BATCH:,}.")
    return texts


def _graph(
    users: list[list[str]], folder: str, language: str, settings: dict[str, Any]
) -> Callable:
    """The graph of users' texts to word ids, analysed on them; a function of a SparseTensor."""
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam

    from contract.features import HISTORY, TARGET
    from trainer.text.preprocessing import preprocessing_fn

    metadata = tft.DatasetMetadata.from_feature_spec(
        {name: tf.io.VarLenFeature(tf.string) for name in (HISTORY, TARGET)}
    )
    rows = [{HISTORY: user, TARGET: []} for user in users]
    text = {"language": language, **settings}
    function = functools.partial(preprocessing_fn, custom_config={"text": text})
    with tft_beam.Context(temp_dir=os.path.join(folder, "temp")):
        transform_fn = (rows, metadata) | tft_beam.AnalyzeDataset(function)
        _ = transform_fn | tft_beam.WriteTransformFn(os.path.join(folder, "graph"))
    layer = tft.TFTransformOutput(os.path.join(folder, "graph")).transform_features_layer()
    return tf.function(lambda texts: layer({HISTORY: texts})[HISTORY])


if __name__ == "__main__":
    main()
