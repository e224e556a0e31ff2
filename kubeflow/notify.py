"""A step's program that tells a webhook how a run ended.

The URL comes from a secret, as an environment variable. A webhook that cannot be reached fails this
step, and no other.

    python -m kubeflow.notify '{"inputs": {"parameterValues": {"pipeline": ..., ...}}}'
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from typing import Any

from contract.environment import WEBHOOK_URL

_SECONDS = 30


def message(executor_input: dict[str, Any]) -> dict[str, Any]:
    """What the webhook hears.

    Args:
        executor_input: KFP's `ExecutorInput` as JSON.

    Returns:
        JSON object: `pipeline`, `run`, `state` (as KFP has it: SUCCEEDED, FAILED, ...), and `text`,
        which Slack, Teams and others show.
    """
    values = executor_input["inputs"]["parameterValues"]
    state = values["status"].get("state", "UNKNOWN")
    pipeline, run = values["pipeline"], values["run"]
    return {
        "pipeline": pipeline,
        "run": run,
        "state": state,
        "text": f"{pipeline}: run {run} {state}",
    }


def main(arguments: Sequence[str]) -> None:
    """Sends the message.

    Args:
        arguments: KFP's `ExecutorInput` as JSON.

    Raises:
        OSError: If the webhook cannot be reached, or refuses.
    """
    text = json.dumps(message(json.loads(arguments[0])))
    url = os.environ.get(WEBHOOK_URL)
    if not url:
        # `run-locally` has no secrets. On a cluster, no pod starts without its secret.
        print(f"no {WEBHOOK_URL} is set; it would have heard {text}")
        return
    request = urllib.request.Request(  # noqa: S310 - what the operator's secret says
        url,
        data=text.encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        print(f"the webhook answered {answer.status}")


if __name__ == "__main__":
    main(sys.argv[1:])
