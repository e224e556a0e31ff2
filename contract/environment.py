"""Names of environment variables that one part of the project sets and another reads."""

TRAINING_BACKUPS = "TRAINING_BACKUPS"
"""Folder for the state of trainings that have not ended, where the usual one does not outlive a
step: on a cluster, in a volume."""

WEBHOOK_URL = "WEBHOOK_URL"
"""Where the end of a run on a cluster is told."""

TRAIN_JOB = "TRAIN_JOB"
"""JSON of the Kubernetes objects by which the encoder's step has others train."""
