"""The second Trainer: one head per task on the frozen encoder, and the export of both."""

from __future__ import annotations

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer.heads.config import HeadsConfig
from trainer.heads.served import ServedHeads
from trainer.heads.training import encode_users, fit_heads


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

    heads = fit_heads(
        config,
        tasks,
        (train_vectors, train_labels),
        (valid_vectors, valid_labels),
        log_dir=fn_args.model_run_dir,
    )
    ServedHeads(encoder, heads).export(fn_args.serving_model_dir)
