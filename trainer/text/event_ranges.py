"""Which numbers Transform makes of events; what describes users by them needs no TensorFlow."""

KNOWN_TYPES = 50
"""So many types, the most frequent ones, have numbers of their own from 1 on; others the next."""

PERCENTILES = 100
"""Values lie in so many buckets, numbered from 1, which training users fill alike."""
