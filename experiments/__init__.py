"""Measurements of the quality of user vectors, on real data and against rivals."""
