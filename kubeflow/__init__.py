"""The pipeline on Kubeflow Pipelines 2 and Vertex AI.

An installed distribution may have the same name. `python -m kubeflow` in the project's folder, and
the steps' images, find this package first; what the other one has is found behind it.
"""

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
