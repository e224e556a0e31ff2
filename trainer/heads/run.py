"""The second Trainer: one head per task on the frozen encoder, and the export of both."""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer.heads.config import HeadsConfig
from trainer.heads.model import build_head
from trainer.heads.served import ServedHeads
from trainer.heads.training import encode_users, fit_head

_log = logging.getLogger("progress")


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point.

    Args:
      fn_args: `train_files`, `eval_files`: labelled examples, for fitting and early stopping;
        `base_model`: the exported encoder; `serving_model_dir`: where the model goes;
        `model_run_dir`: TensorBoard logs; `custom_config`: `heads`, a `HeadsConfig` as a dict,
        and `tasks`, the number of classes of each task.
    """
    config = HeadsConfig.model_validate(fn_args.custom_config["heads"])
    tasks = fn_args.custom_config["tasks"]
    encoder = tf.saved_model.load(fn_args.base_model)
    train_vectors, train_labels = encode_users(encoder, fn_args.train_files, tasks)
    valid_vectors, valid_labels = encode_users(encoder, fn_args.eval_files, tasks)

    heads = {}
    for number, (task, classes) in enumerate(tasks.items(), start=1):
        head = build_head(task, classes, config, train_vectors)
        fit_head(
            head,
            _labelled(train_vectors, *train_labels[task]),
            _labelled(valid_vectors, *valid_labels[task]),
            config,
            log_dir=f"{fn_args.model_run_dir}/{task}",
        )
        _log.info("head %d/%d: %s", number, len(tasks), task)
        heads[task] = head
    ServedHeads(encoder, heads).export(fn_args.serving_model_dir)


def _labelled(vectors, classes, weights) -> tuple[np.ndarray, np.ndarray]:
    return vectors[weights > 0], classes[weights > 0]
