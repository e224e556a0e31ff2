"""One training step each, of this project, of PyTorch and of the products alone."""
