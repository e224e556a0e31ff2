"""The pipeline on Kubeflow Pipelines 2 and Vertex AI.

An installed distribution may have the same name. Modules here import one another relatively,
nothing outside imports them, and no step's container does: `python -m kubeflow` in the project's
folder always finds this one.
"""
