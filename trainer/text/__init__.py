"""Texts to word ids, inside the TensorFlow graph."""
