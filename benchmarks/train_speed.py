"""Users per second and peak memory of the encoder's training, against plain PyTorch.

    python -m benchmarks.train_speed --torch-python /path/to/venv/bin/python

Trains on the shapes of the paper's three data sets, with its dimensions (d = 256, 5 hops, batches
of 256): this project's model with the TensorFlow backend, and the same model in PyTorch, as one
would write it first (`benchmarks/train_step/torch_step.py`) and as one who knows PyTorch would tune
it (`tuned_torch_step.py`: compiled, Adam fused, glibc told to keep its memory). Words are drawn by
Zipf's law and every user has all behaviours and words that the shape allows. Each measurement runs
in a process of its own; the programs take turns and the best of several steps counts, since other
programs only slow down. Memory is the peak of the whole process. Ratios are of this project's
figure to PyTorch's.

"products" is what the machine's matrix products of a step alone take, in the same precision: three
between hops and vocabulary, six of the keys and values; "share" is the speed reached as a share of
that. "waiting" is the share of time that training waits for its input from files.

PyTorch is not a dependency of the project: install it anywhere (python -m venv DIR;
DIR/bin/pip install torch) and name that Python. Without it, only this project's figures are
printed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys

from benchmarks.train_step.shapes import BATCH, SHAPES
from benchmarks.train_step.tuned_torch_step import ENVIRONMENT

_ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> None:
    """Runs the command line: measures every program and prints the best rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument(
        "--precisions",
        nargs="+",
        choices=["float32", "bfloat16"],
        default=["float32", "bfloat16"],
    )
    parser.add_argument("--torch-python", help="a Python that has PyTorch")
    parser.add_argument("--steps", type=int, default=4, help="steps measured per process")
    parser.add_argument("--repeats", type=int, default=2, help="processes per measurement")
    parser.add_argument("--json", help="also write the figures here")
    args = parser.parse_args()

    rows = []
    print(
        f"{'shape':<11}{'precision':<10}{'PyTorch tuned':>16}{'as first written':>18}"
        f"{'this project':>16}{'ratio to tuned':>16}{'to first':>16}{'products':>10}{'share':>7}"
        f"{'waiting':>9}"
    )
    print(
        f"{'':<21}{'users/s':>9}{'GB':>7}{'users/s':>11}{'GB':>7}{'users/s':>9}{'GB':>7}"
        f"{'users/s':>9}{'GB':>7}{'users/s':>9}{'GB':>7}{'users/s':>10}"
    )
    for shape in args.shapes:
        for precision in args.precisions:
            row = _measure(shape, precision, args)
            rows.append(row)
            print(_line(row), flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=2)


def _line(row: dict) -> str:
    ours, products = row["keras"], row["products"]["users"]
    theirs = [row.get(name) for name in ("tuned_torch", "torch")]
    rates = [f"{each['users']:.0f}{each['gigabytes']:>7.2f}" if each else "" for each in theirs]
    ratios = [
        f"{ours['users'] / each['users']:.2f}{ours['gigabytes'] / each['gigabytes']:>7.2f}"
        if each
        else ""
        for each in theirs
    ]
    return (
        f"{row['shape']:<11}{row['precision']:<10}{rates[0]:>16}{rates[1]:>18}"
        f"{ours['users']:>9.0f}{ours['gigabytes']:>7.2f}{ratios[0]:>16}{ratios[1]:>16}"
        f"{products:>10.0f}{ours['users'] / products:>7.0%}{ours['waiting']:>9.1%}"
    )


def _measure(shape: str, precision: str, args: argparse.Namespace) -> dict:
    best: dict = {"shape": shape, "precision": precision, "batch": BATCH}
    programs = {"keras": sys.executable, "products": sys.executable}
    if args.torch_python:
        programs |= {"tuned_torch": args.torch_python, "torch": args.torch_python}
    for _ in range(args.repeats):
        for name, python in programs.items():
            result = _run(python, name, shape, precision, args.steps)
            if name not in best or result["users"] > best[name]["users"]:
                best[name] = result
    return best


def _run(python: str, name: str, shape: str, precision: str, steps: int) -> dict:
    own = ENVIRONMENT if name == "tuned_torch" else {}
    result = subprocess.run(
        [python, "-m", f"benchmarks.train_step.{name}_step", shape, precision, str(steps)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **own},
    )
    if result.returncode:
        sys.exit(f"{name}, {shape}, {precision} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
