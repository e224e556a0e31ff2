"""TFX's driver with this project's rules of which files are read.

TFX's own looks at one level of a folder and takes brackets in a path for a pattern: its fingerprint
of the input, and so the cache, would know other files than those that are read.
"""

from __future__ import annotations

from typing import Any

from tfx.components.example_gen import driver, utils

from components.behavior_example_gen.inputs import input_patterns
from ingestion.files import fingerprint_of, match_files


class Driver(driver.FileBasedDriver):
    """Looks at the input files before the executor is asked for; has no spans and no versions."""

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """See base class.

        Raises:
            DataError: The files cannot be used.
        """
        del pipeline_info, component_info
        files = match_files(input_patterns(exec_properties))
        exec_properties[utils.SPAN_PROPERTY_NAME] = 0
        exec_properties[utils.VERSION_PROPERTY_NAME] = None
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint_of(files)
        return exec_properties
