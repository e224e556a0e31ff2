"""Adapters: public data sets, in the form in which they are published, to events and labels."""

from __future__ import annotations

import types

from experiments.datasets import amazon, pan17, query_logs, twitter

DATASETS: dict[str, types.ModuleType] = {
    "amazon": amazon,
    "twitter": twitter,
    "pan17": pan17,
    "query-logs": query_logs,
}
"""Name to a module with `add_arguments(parser)` and `write(data, writer, options)`."""
