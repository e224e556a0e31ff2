"""The training step of `torch_step.py` as one who knows PyTorch would tune it, timed.

Model and loss are compiled (`torch.compile`, which needs a C++ compiler) and Adam is fused; the
process is to be started with `ENVIRONMENT`, by which glibc keeps the memory of a step for the next.
"""

from __future__ import annotations

import sys

ENVIRONMENT = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
}


if __name__ == "__main__":
    from benchmarks.train_step.torch_step import main

    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), tuned=True)
