"""A local model server with TF Serving's interfaces, for development and tests."""
