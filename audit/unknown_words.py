"""The check that a model knows the words of those whom it is evaluated on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from contract.features import BEHAVIORS
from trainer.text.config import TextConfig
from trainer.text.texts_to_words import TextsToWords
from trainer.text.vocabulary import VOCABULARY_ASSET

USERS = 1000
"""So many users' words are looked up, the first of the files."""

WARN_ABOVE = 0.5
"""Share of unknown words that does not hold any more."""

_NAME = "Most words are known to the model"
_BATCH = 256


def unknown_words_check(
    pattern: str, model: str, configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """The share of the evaluated users' words that are not in the model's vocabulary.

    Args:
        pattern: Files of labelled examples, gzipped TFRecords.
        model: Folder of the SavedModel.
        configuration: Of the pipeline; its `text` says how texts are cut.

    Returns:
        As of `audit.checks.data_checks`.
    """
    path = os.path.join(model, "assets", VOCABULARY_ASSET)
    if not tf.io.gfile.exists(path) or "text" not in configuration:
        return {"name": _NAME, "holds": None, "evidence": "the model has no vocabulary"}
    with tf.io.gfile.GFile(path, "rb") as file:
        known = {line.split(b"\t")[0] for line in file.read().splitlines()}
    to_words = TextsToWords(TextConfig.model_validate(configuration["text"]))
    spec = {BEHAVIORS: tf.io.VarLenFeature(tf.string)}
    records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), "GZIP")
    words = unknown = 0
    for batch in records.take(USERS).batch(_BATCH):
        found = to_words(tf.io.parse_example(batch, spec)[BEHAVIORS].values).values.numpy()
        words += len(found)
        unknown += sum(word not in known for word in found)
    if not words:
        return {"name": _NAME, "holds": None, "evidence": "the evaluated users wrote no words"}
    return {
        "name": _NAME,
        "holds": unknown / words <= WARN_ABOVE,
        "evidence": f"{unknown / words:.1%} of {words:,} words of evaluated users are unknown, and "
        f"left out; the vocabulary has {len(known):,}. Above {WARN_ABOVE:.0%} it says little of "
        "them",
    }
