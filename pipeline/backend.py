"""What differs between the places where the pipeline runs; the wiring is the same everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.types import BaseChannel, Channel, standard_artifacts

from components.baseline_strategy import LatestOtherBlessedModelStrategy
from pipeline.config import PipelineConfig


class Part(NamedTuple):
    """A node and what it gives others.

    Attributes:
        node: To be added to the pipeline; None if the backend needs none.
        arguments: Keyword arguments of the components that use it.
    """

    node: BaseNode | None
    arguments: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Backend:
    """This machine: ML Metadata finds what earlier runs left.

    Attributes:
        pipeline_root: Folder of all artifacts.
        serving_dir: Folder that a blessed model is pushed to, as a numbered version.
        metadata_connection_config: ML Metadata's connection.
        image: Of the steps' containers; "" without such.
    """

    pipeline_root: str
    serving_dir: str
    metadata_connection_config: Any = None
    image: str = ""

    def as_steps_see_it(self, config: PipelineConfig) -> PipelineConfig:
        """The configuration with the paths as the components see them."""
        return config

    def parameter(self, name: str, value: Any) -> Any:
        """A value that people change from run to run.

        Args:
            name: Of the parameter.
            value: From the configuration.

        Returns:
            The value, or a `RuntimeParameter` of that name where the backend has them.
        """
        del name
        return value

    def data_fingerprint(self, input_base: Any, patterns: Mapping[str, str]) -> Part:
        """What tells a changed input from an unchanged one, for the examples' cache.

        Args:
            input_base: Folder of the input files, a string or a parameter.
            patterns: Kind of file -> file, folder or pattern, relative to it.

        Returns:
            Nothing here: the ExampleGen's driver looks at the files itself.
        """
        del input_base, patterns
        return Part(None, {})

    def baseline(self, candidate: BaseChannel) -> Part:
        """The last blessed model that is not the candidate.

        Args:
            candidate: The model of this run.

        Returns:
            The node that finds it, and the Evaluator's arguments.
        """
        node = Resolver(
            strategy_class=LatestOtherBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
            candidate=candidate,
        ).with_id("BaselineResolver")
        return Part(node, {"baseline_model": node.outputs["model"]})
