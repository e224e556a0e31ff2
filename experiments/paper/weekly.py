"""Vectors of every week, pooled, with heads that are fitted and evaluated on the pooled ones."""

from __future__ import annotations

import functools
import glob
import os

import numpy as np

from audit.statistics.bootstrap import resampling_weights
from contract.errors import UsageError
from contract.event_channels import TIME
from contract.features import BEHAVIORS, HISTORY
from contract.splits import EVAL, TRAIN, VALIDATION
from experiments.areas import MEAN, task_areas
from experiments.paper.measure import figures_of
from experiments.paper.setting import Setting
from experiments.paper.tables import written
from experiments.paper.write import Grid, write_grid

WEEK = 7 * 24 * 3600
_BATCH = 512


def weekly(made: Setting) -> None:
    """Compares vectors of all behaviours with pooled vectors of weeks, by AUC.

    Raises:
        UsageError: The examples have no moments, so that there are no weeks.
    """
    if TIME.name not in made.config.data.ingestion.channels:
        raise UsageError(
            "weeks need the moments of behaviours: write `channels: [time]` into `data` of the "
            "configuration."
        )
    names = {"whole": "one vector of all behaviours", "weeks": "mean of the weeks' vectors"}
    runs: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in names}
    weeks = 0.0
    for seed in made.seeds:
        kept = made.rows.kept(f"weekly-{seed}", __name__, functools.partial(_fit, made, seed))
        weeks = float(kept["weeks"])
        for name in names:
            runs[name].append({task: kept[f"{name}-{task}"] for task in made.data.tasks})
    weights = resampling_weights(len(made.data.evaluation.word_ids), made.resamples)
    rows, content = [], {}
    for name, label in names.items():
        numbers = figures_of([task_areas(run, made.data.evaluation, weights) for run in runs[name]])
        rows.append([label, *map(written, numbers.values())])
        content[name] = {task: number._asdict() for task, number in numbers.items()}
    grid = Grid(
        "Vectors of weeks, pooled",
        ["", *made.data.tasks, MEAN],
        rows,
        [f"Users have {weeks:.1f} weeks with behaviours on average. The vector is SUMN's alone."],
        {"weeks": weeks, "rows": content},
    )
    write_grid(grid, made.folder, "weekly")


def _fit(made: Setting, seed: int, scratch: str) -> dict[str, np.ndarray]:
    """Probabilities of the users of the evaluation, by kind of vector and task."""
    from trainer.encoder.run import train_encoder
    from trainer.heads.training import fit_heads

    data = made.data
    trained = train_encoder(
        data.encoder.model_copy(update={"seed": seed}),
        data.transform_output,
        data.train_files,
        data.validation_files,
        log_dir=os.path.join(scratch, "logs"),
        backup_dir=os.path.join(scratch, "backup"),
    )
    layer = data.transform_output.transform_features_layer()
    parts = (TRAIN, VALIDATION, EVAL)
    encoded = {part: _vectors(trained.encoder, layer, made, part) for part in parts}
    vectors = {part: (whole, pooled) for part, (whole, pooled, _) in encoded.items()}
    labels = dict(zip(parts, (data.train, data.validation, data.evaluation), strict=True))
    kept = {"weeks": np.array(np.mean([weeks for *_, weeks in encoded.values()]))}
    for place, name in enumerate(("whole", "weeks")):
        heads = fit_heads(
            made.config.heads.model_copy(update={"seed": seed}),
            data.tasks,
            (vectors[TRAIN][place], labels[TRAIN].labels),
            (vectors[VALIDATION][place], labels[VALIDATION].labels),
            log_dir=os.path.join(scratch, name),
        )
        for task, head in heads.items():
            kept[f"{name}-{task}"] = np.asarray(head(vectors[EVAL][place], training=False))
    return kept


def _vectors(encoder, layer, made: Setting, split: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Of a split's labelled users: vectors of all, pooled vectors of weeks, and weeks a user."""
    import tensorflow as tf

    folders = glob.glob(str(made.folder / "prepared/artifacts/LabelledExampleGen/examples/*"))
    newest = max(folders, key=lambda path: int(os.path.basename(path)))
    files = sorted(glob.glob(os.path.join(newest, f"Split-{split}", "*")))
    spec = {
        BEHAVIORS: tf.io.RaggedFeature(tf.string),
        TIME.feature: tf.io.RaggedFeature(tf.int64),
    }
    whole, pooled, weeks = [], [], []

    def encode(texts: list[list[bytes]]) -> np.ndarray:
        ids = layer({HISTORY: tf.ragged.constant(texts, tf.string, 1).to_sparse()})[HISTORY]
        return np.asarray(encoder(ids.to_tensor())[:, -1])

    for serialized in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH):
        features = tf.io.parse_example(serialized, spec)
        texts, moments = features[BEHAVIORS].to_list(), features[TIME.feature].to_list()
        whole.append(encode(texts))
        of_weeks: list[list[bytes]] = []
        owners: list[int] = []
        for user, (own, times) in enumerate(zip(texts, moments, strict=True)):
            by_week: dict[int, list[bytes]] = {}
            for text, time in zip(own, times, strict=True):
                by_week.setdefault(time // WEEK, []).append(text)
            of_weeks += by_week.values()
            owners += [user] * len(by_week)
            weeks.append(len(by_week))
        pooled.append(mean_of(encode(of_weeks), np.array(owners), len(texts)))
    return np.concatenate(whole), np.concatenate(pooled), float(np.mean(weeks))


def mean_of(vectors: np.ndarray, owners: np.ndarray, users: int) -> np.ndarray:
    """The mean of each user's vectors.

    >>> mean_of(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2)
    array([[2.],
           [5.]])

    Args:
        vectors: Float [n, d].
        owners: Int [n], the user of each.
        users: How many users there are.

    Returns:
        Float [users, d].
    """
    sums = np.zeros((users, vectors.shape[1]), vectors.dtype)
    np.add.at(sums, owners, vectors)
    return sums / np.maximum(np.bincount(owners, minlength=users), 1)[:, np.newaxis]
