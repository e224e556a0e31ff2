"""The graph within the graph that KFP's exit handlers need, put back into one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(
    tasks: Mapping[str, Mapping[str, Any]], components: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Puts the tasks of inner graphs in the place of those that stand for them.

    Only graphs that an exit handler waits for, whose outputs nobody reads, and which are run once;
    others stay.

    Args:
        tasks: Of the outer graph, as JSON.
        components: Name -> ComponentSpec as JSON.

    Returns:
        Name -> task. An exit handler waits for all tasks of what was its graph.
    """
    handled = {
        name
        for task in tasks.values()
        if task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
        for name in task.get("dependentTasks", [])
    }
    inner = {
        name: components[task["componentRef"]["name"]].get("dag", {}).get("tasks", {})
        for name, task in tasks.items()
        if name in handled
    }
    flat: dict[str, Mapping[str, Any]] = {}
    for name, task in tasks.items():
        if not inner.get(name):
            waited_for = [
                each
                for dependent in task.get("dependentTasks", [])
                for each in (inner.get(dependent) or [dependent])
            ]
            flat[name] = {**task, "dependentTasks": waited_for}
            continue
        given = task.get("inputs", {}).get("parameters", {})
        for own, each in inner[name].items():
            flat[own] = {**each, "inputs": _bound(each.get("inputs", {}), given)}
    return flat


def _bound(inputs: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A task's inputs, with what the inner graph was given in place of the graph's parameters."""
    parameters = {
        name: given.get(source.get("componentInputParameter"), source)
        for name, source in inputs.get("parameters", {}).items()
    }
    return {**inputs, "parameters": parameters}
