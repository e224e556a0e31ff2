"""What the user sees of a run."""

import io

from rich.console import Console

from pipeline import display
from pipeline.display import RunDisplay, print_summary


def _shown(*events, terminal=False):
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=terminal, color_system=None)
    with RunDisplay(console) as shown:
        for event in events:
            shown.show(event)
    return stream.getvalue()


_START = {"event": "start", "component": "Transform", "number": 9, "of": 14}


def test_a_component_that_ran():
    text = _shown(
        _START,
        {"event": "progress", "text": "5 of 7"},
        {"event": "end", "component": "Transform", "seconds": 12.34, "state": "ran"},
    )
    assert text.split() == ["✓", "[", "9/14]", "Transform", "12.3", "s", "5", "of", "7"]


def test_earlier_results_are_told_apart():
    for state, expected in (("cached", "earlier result used"), ("resolved", "looked up")):
        text = _shown(_START, {"event": "end", "component": "T", "seconds": 0, "state": state})
        assert text.startswith("=")
        assert expected in text


def test_a_failure():
    text = _shown(_START, {"event": "failed", "component": "Transform", "error": "e"})
    assert text.startswith("✗")
    assert "failed" in text


def test_progress_is_printed_now_and_then_without_a_terminal(monkeypatch):
    progress = {"event": "progress", "text": "5 of 7"}
    assert _shown(_START, progress) == ""
    monkeypatch.setattr(display, "_QUIET_SECONDS", -1)
    assert "5 of 7" in _shown(_START, progress)


def test_progress_moves_on_a_terminal():
    text = _shown(_START, {"event": "progress", "text": "5 of 7"}, terminal=True)
    assert "Transform" in text


def test_the_summary_names_tasks_verdicts_and_reasons():
    stream = io.StringIO()
    metrics = {"example_count": 50, "sparse_categorical_accuracy": 0.75, "calibration": 1.1}
    print_summary(
        Console(file=stream, width=100),
        {
            "pipeline": "shop",
            "tasks": {
                "docs": {**metrics, "auc": 0.9, "min_auc": 0.8, "blessed": True},
                "age": {
                    **metrics,
                    "auc": 0.6,
                    "min_auc": 0.8,
                    "baseline_auc": 0.7,
                    "blessed": False,
                },
            },
            "reasons": ["age: auc is 0.600, at least 0.8 needed"],
        },
    )
    rows = {line.split()[1]: line for line in stream.getvalue().splitlines() if "0.750" in line}
    assert "passed" in rows["docs"]
    assert "0.900" in rows["docs"]
    assert "0.800" in rows["docs"]
    assert "failed" in rows["age"]
    assert "0.700" in rows["age"]
    assert "not blessed: age: auc is 0.600, at least 0.8 needed" in stream.getvalue()
