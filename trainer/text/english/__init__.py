"""English stems as Snowball makes them, in TensorFlow operations."""
