"""What a combiner before the shuffle would save: events that a user's cap drops anyway.

    python -m benchmarks.dropped_early --behaviors 50 390

A run reads the most recent `data.max_behaviors` of a user's behaviours and drops the rest when they
have come together. A combiner sees a piece of the log, before the shuffle, and may drop there what
a user has beyond the cap within the piece. Users have as many behaviours as a log-normal
distribution says (the spread of the generated logs, and wider ones), in no order over the pieces.
"dropped" is the share of all events beyond the cap, "by a combiner" that of it that a combiner can
see; both in per cent of the events, which are what travels.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

_USERS = 2_000_000
_PIECE_BYTES = 64 * 2**20
_EVENT_BYTES = 100


def main() -> None:
    """Runs the command line: prints the shares for every mean and spread."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--behaviors", type=float, nargs="+", default=[50, 390])
    parser.add_argument("--spreads", type=float, nargs="+", default=[0.8, 1.5, 2.0])
    parser.add_argument("--cap", type=int, default=2000)
    args = parser.parse_args()
    print(f"{'behaviours':>10}{'spread':>8}{'dropped':>10}{'by a combiner':>15}")
    for mean in args.behaviors:
        for spread in args.spreads:
            dropped, combined = _shares(mean, spread, args.cap)
            print(f"{mean:>10g}{spread:>8g}{dropped:>10.2%}{combined:>15.4%}")


def _shares(mean: float, spread: float, cap: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    counts = rng.lognormal(math.log(mean) - spread**2 / 2, spread, _USERS)
    events = counts.sum()
    pieces = max(1.0, events * _EVENT_BYTES / _PIECE_BYTES)
    in_a_piece = rng.poisson(counts / pieces)
    combined = np.maximum(in_a_piece - cap, 0).sum() * pieces
    return np.maximum(counts - cap, 0).sum() / events, combined / events


if __name__ == "__main__":
    main()
