"""An audited model, made in a moment: files that stand for it, and generated predictions."""

from __future__ import annotations

import json

import numpy as np

from audit.config import AuditConfig, Gate
from audit.gate import compare_with_baseline, is_refused, write_comparison
from audit.make import Sources, make_audit
from audit.predictions import PREDICTIONS_FILE, Predictions, write_predictions
from audit.scoring import Vectors
from audit.statistics.auc import task_auc
from audit.vectors_file import VECTORS_FILE, write_vectors
from ingestion.files import content_hash, match_files

TASKS = {"likes": ("0", "1"), "age": ("young", "grown", "old")}
USERS = 240


def made_predictions(seed=0, users=USERS, baseline=True, loss=0.0):
    """Predictions of a fair model; `loss` makes the baseline better than it."""
    rng = np.random.default_rng(seed)
    labels, scores, others = {}, {}, {}
    for task, classes in TASKS.items():
        truth = rng.integers(0, len(classes), users)
        logits = rng.normal(size=(users, len(classes))) + (1.5 - loss) * np.eye(len(classes))[truth]
        rivals = logits + 0.3 * rng.normal(size=logits.shape) + loss * np.eye(len(classes))[truth]
        labels[task] = np.where(rng.random(users) < 0.1, -1, truth)
        scores[task], others[task] = (_softmax(each) for each in (logits, rivals))
    return Predictions(
        users=np.array([f"{each:032x}" for each in rng.permutation(users)]),
        groups={"activity": np.where(rng.random(users) < 0.4, "00-09", "10+")},
        labels=labels,
        scores=scores,
        baseline=others if baseline else {},
    ).sorted()


def made_vectors(predictions, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(predictions.users), 8)).astype(np.float32)
    wordless = np.arange(len(vectors)) < 3
    vectors[wordless] = 0.5
    return Vectors(predictions.users, vectors, wordless, vectors[:, :6] if seed == 0 else None)


def _change(cosine, auc):
    return {
        "mean_cosine": cosine,
        "neighbours_across": None,
        "old_heads": dict.fromkeys(TASKS, auc),
    }


class Audited:
    """A model, its evaluation and its audit.

    Attributes:
        sources, gate, config: What `make_audit` gets.
        folder: The audit.
    """

    def __init__(self, folder, predictions, *, config=None, **gate):
        self.root = folder
        self.gate = Gate(
            **{
                "classes": TASKS,
                "min_auc": dict.fromkeys(TASKS, 0.6),
                "max_auc_drop": 0.02,
                "comparison": "interval",
                "level": 0.95,
                **gate,
            }
        )
        self.config = config or AuditConfig(
            intended_use="Ranks products.", limits=("Not for credit.",), owner="Team <ml@shop>"
        )
        self.folder = str(folder / "audit")
        model, baseline = folder / "model", folder / "baseline"
        for path in (model, baseline):
            (path / "variables").mkdir(parents=True)
            (path / "saved_model.pb").write_text(f"graph of the {path.name}")
            (path / "variables" / "data").write_bytes(b"weights")
        self.events = folder / "events.jsonl"
        evaluation, examples = folder / "evaluation", folder / "labelled"
        evaluation.mkdir()
        examples.mkdir()
        self.write_report(folder, examples / "ingestion_report.json")
        write_predictions(predictions, str(evaluation / PREDICTIONS_FILE))
        write_vectors(made_vectors(predictions), str(evaluation / VECTORS_FILE))
        compared = compare_with_baseline(predictions, self.gate)
        write_comparison(compared, str(evaluation))
        self.sources = Sources(
            pipeline="shop",
            model=str(model),
            baseline=str(baseline) if predictions.baseline else "",
            evaluation=str(evaluation),
            labelled_examples=str(examples),
            checks=[{"name": "No user is in two splits", "holds": True, "evidence": "none"}],
            metrics={task: {"auc": self._auc(predictions, task)} for task in TASKS},
            blessed=not is_refused(compared, self.gate),
            reasons_against=[e["sentence"] for e in compared.values() if not e["passed"]],
            configuration={
                "name": "shop",
                "encoder": {"seed": 1},
                "evaluation": {
                    "min_auc": self.gate.min_auc,
                    "max_auc_drop": self.gate.max_auc_drop,
                    "comparison": self.gate.comparison,
                    "comparison_level": self.gate.level,
                },
            },
            code_digests={"Transform": "0123456789abcdef"},
            image=None,
            training={
                "encoder": {
                    "epochs": [1, 2, 3],
                    "loss": [3.0, 2.0, 1.5],
                    "validation_loss": [3.1, 2.5, None],
                }
            },
            created_at="2026-11-25T10:00:00+00:00",
            compatibility={
                "previous": {"path": "serving/shop/7", "digest": "0" * 64},
                "probes": 100,
                "users": USERS,
                "neighbours_within": 0.5,
                "aligned": _change(0.987, 0.81),
                "unaligned": _change(0.012, 0.52),
                "new_heads": dict.fromkeys(TASKS, 0.83),
                "old_model": dict.fromkeys(TASKS, None),
            },
        )
        self.groups = {}

    def make(self):
        return make_audit(self.sources, self.gate, self.config, self.groups, self.folder)

    @staticmethod
    def write_report(folder, path):
        """Writes events, and what the ingestion might say of them."""
        events = folder / "events.jsonl"
        events.write_text('{"user_id": "a", "timestamp": 1700000000, "text": "boots"}\n')
        (file,) = match_files({"events": str(events)})
        report = {
            "events": {"records": 1000, "bad": {"invalid_json": 2}, "first_bad": []},
            "labels": {"records": 300, "bad": {}, "first_bad": []},
            "files": [
                {
                    "kind": "events",
                    "path": str(events),
                    "size": file.size,
                    "records": 1000,
                    "content": content_hash(file),
                }
            ],
            "earliest": 1704069561.0,
            "latest": None,
            "users": 500,
            "labelled_users": 300,
            "duplicate_events": 4,
            "skipped_users": {"no label row": 200},
            "examples": {"train": 100, "validation": 20, "eval": USERS},
            "classes": {task: {"train": dict.fromkeys(names, 5)} for task, names in TASKS.items()},
            "warnings": ["Some files are empty."],
        }
        path.write_text(json.dumps(report))

    @staticmethod
    def _auc(predictions, task):
        known, once = predictions.known(task), np.ones((1, len(predictions.users)))
        (auc,) = task_auc(predictions.scores[task], predictions.labels[task], known, once)
        return float(auc)


def _softmax(logits):
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
