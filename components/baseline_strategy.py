"""Resolver strategy that finds the model a candidate is compared with."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.common import resolver

MODEL = "model"
MODEL_BLESSING = "model_blessing"
CANDIDATE = "candidate"


class LatestOtherBlessedModelStrategy(resolver.ResolverStrategy):
    """The latest blessed model that is not the candidate itself.

    TFX's `LatestBlessedModelStrategy` would give the candidate as its own baseline when nothing
    changed since the last run, and so evaluate and push the same model again.
    """

    def resolve_artifacts(
        self, store, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """See base class.

        Args:
            store: unused.
            input_dict: `model`: all models; `model_blessing`: all blessings; `candidate`: the model
                of this run.

        Returns:
            The same keys; `model` and `model_blessing` have one artifact each, or none.
        """
        del store
        candidates = {artifact.id for artifact in input_dict[CANDIDATE]}
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in input_dict[MODEL_BLESSING]
            if blessing.get_int_custom_property("blessed") == 1
        }
        blessed = [
            model
            for model in input_dict[MODEL]
            if model.id in blessings and model.id not in candidates
        ]
        latest = sorted(blessed, key=lambda model: blessings[model.id].id)[-1:]
        return {
            MODEL: latest,
            MODEL_BLESSING: [blessings[model.id] for model in latest],
            CANDIDATE: input_dict[CANDIDATE],
        }
