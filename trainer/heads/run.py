"""The second Trainer: one head per task on the frozen encoder, and the export of both."""

from __future__ import annotations

import os

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer.earlier_model import STATE_FILE
from trainer.heads.alignment import align, write_alignment
from trainer.heads.config import HeadsConfig
from trainer.heads.served import ServedHeads
from trainer.heads.training import encode_users, fit_heads


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point.

    Args:
        fn_args: `train_files`, `eval_files`: labelled examples, for fitting and early stopping;
            `base_model`: the exported encoder; `serving_model_dir`: where the model goes;
            `model_run_dir`: TensorBoard logs; `custom_config`: `heads`, a `HeadsConfig` as a dict,
            and `tasks`, the number of classes of each task; with `serving.compatible_with`
            `previous`, path of the model that the vectors are aligned to, "" if there is none.
    """
    config = HeadsConfig.model_validate(fn_args.custom_config["heads"])
    tasks = fn_args.custom_config["tasks"]
    encoder = tf.saved_model.load(fn_args.base_model)
    train_vectors, train_labels = encode_users(encoder, fn_args.train_files, tasks)
    valid_vectors, valid_labels = encode_users(encoder, fn_args.eval_files, tasks)

    alignment = None
    if previous := fn_args.custom_config.get("previous"):
        alignment = align(train_vectors, fn_args.train_files, previous)
        train_vectors, valid_vectors = (
            vectors @ alignment.rotation for vectors in (train_vectors, valid_vectors)
        )

    heads = fit_heads(
        config,
        tasks,
        (train_vectors, train_labels),
        (valid_vectors, valid_labels),
        log_dir=fn_args.model_run_dir,
    )
    rotation = alignment.rotation if alignment else None
    ServedHeads(encoder, heads, rotation).export(fn_args.serving_model_dir)
    if alignment:
        write_alignment(alignment, fn_args.serving_model_dir)
    state = os.path.join(fn_args.base_model, STATE_FILE)
    if tf.io.gfile.exists(state):
        # What the next encoder goes on from is pushed with this one.
        target = os.path.join(fn_args.serving_model_dir, STATE_FILE)
        tf.io.gfile.copy(state, target, overwrite=True)
