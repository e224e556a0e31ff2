"""Versions of a model on disk: what they are, which are served, and how they come and go."""
