"""Time and memory of the audit of many evaluated users, from their predictions on.

    python -m benchmarks.audit_scale --users 1000000

Scoring the users is not measured: it is the model's. There are a task of two and one of three
classes, a last blessed model, and four groups of activity.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from audit.config import AuditConfig, Gate
from audit.gate import compare_with_baseline, write_comparison
from audit.locate import Located
from audit.make import Sources, make_audit
from audit.predictions import PREDICTIONS_FILE, Predictions, write_predictions
from audit.scoring import PROBES, Vectors
from audit.vectors_file import VECTORS_FILE, write_vectors
from audit.verify.verify import verify
from contract import exit_codes
from contract.features import ACTIVITY
from contract.splits import SPLITS
from ingestion.report import REPORT_FILE, WARNINGS
from serving.quiet import quiet_tensorflow

_TASKS = {"two": ("0", "1"), "three": ("a", "b", "c")}
_GROUPS = np.array(["00-09", "10-16", "17-30", "31+"])


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and measures; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audit_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=int, default=1_000_000, help="default: 1,000,000")
    args = parser.parse_args(arguments)
    quiet_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        _measure(folder, args.users)
    return exit_codes.OK


def _measure(folder: str, users: int) -> None:
    gate = Gate(
        classes=_TASKS,
        min_auc=dict.fromkeys(_TASKS, 0.5),
        max_auc_drop=0.02,
        comparison="interval",
        level=0.95,
    )
    sources = _sources(folder)
    _evaluate(users, gate, sources.evaluation)
    audit = os.path.join(folder, "audit")
    _timed("audit made", lambda: make_audit(sources, gate, AuditConfig(), {}, audit))
    _timed("verified, levels 0 and 1", lambda: list(verify(Located(audit, None), 1)))
    for name in sorted(os.listdir(audit)):
        print(f"{name:28s} {os.path.getsize(os.path.join(audit, name)) / 1e6:8.1f} MB")


def _evaluate(users: int, gate: Gate, folder: str) -> None:
    """Leaves what the Evaluator would."""
    predictions = _timed("predictions made", lambda: _predictions(users))
    compared = _timed("compared with the last", lambda: compare_with_baseline(predictions, gate))
    write_comparison(compared, folder)
    write_predictions(predictions, os.path.join(folder, PREDICTIONS_FILE))
    probes = predictions.users[:PROBES]
    vectors = np.random.default_rng(1).normal(size=(len(probes), 256)).astype(np.float32)
    write_vectors(
        Vectors(probes, vectors, np.zeros(len(probes), bool), vectors),
        os.path.join(folder, VECTORS_FILE),
    )


def _timed(what: str, work: Callable[[], Any]) -> Any:
    started, processor = time.monotonic(), time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{what:28s} {time.monotonic() - started:8.1f} s, {time.process_time() - processor:.1f} s "
        f"of a core, peak memory {peak:.2f} GB",
        flush=True,
    )
    return result


def _predictions(users: int) -> Predictions:
    rng = np.random.default_rng(0)
    labels, scores, others = {}, {}, {}
    for task, classes in _TASKS.items():
        truth = rng.integers(0, len(classes), users)
        logits = rng.normal(size=(users, len(classes))) + np.eye(len(classes))[truth]
        labels[task] = np.where(rng.random(users) < 0.1, -1, truth)
        scores[task] = _softmax(logits)
        others[task] = _softmax(logits + 0.3 * rng.normal(size=logits.shape))
    return Predictions(
        users=np.array([f"{number:032x}" for number in range(users)]),
        groups={ACTIVITY: _GROUPS[rng.integers(0, len(_GROUPS), users)]},
        labels=labels,
        scores=scores,
        baseline=others,
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def _sources(folder: str) -> Sources:
    paths = {name: os.path.join(folder, name) for name in ("model", "evaluation", "labelled")}
    for path in paths.values():
        os.mkdir(path)
    with open(os.path.join(paths["model"], "saved_model.pb"), "wb") as file:
        file.write(b"graph")
    source = {"records": 0, "bad": {}}
    report: dict[str, Any] = {
        **{key: source for key in ("events", "labels")},
        **{key: 0 for key in ("users", "labelled_users", "duplicate_events")},
        **{key: {} for key in ("skipped_users", "classes")},
        **{key: None for key in ("earliest", "latest")},
        **{key: [] for key in ("files", WARNINGS)},
        "examples": dict.fromkeys(SPLITS, 0),
    }
    with open(os.path.join(paths["labelled"], REPORT_FILE), "w", encoding="utf-8") as file:
        json.dump(report, file)
    return Sources(
        pipeline="scale",
        model=paths["model"],
        baseline=paths["model"],
        evaluation=paths["evaluation"],
        labelled_examples=paths["labelled"],
        checks=[],
        metrics={task: {"auc": 0.8} for task in _TASKS},
        blessed=True,
        reasons_against=[],
        configuration={},
        code_digests={},
        image=None,
        training={},
        created_at="2026-11-25T10:00:00+00:00",
    )


if __name__ == "__main__":
    sys.exit(main())
