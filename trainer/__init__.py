"""Preprocessing, models, losses and training: everything that ends up inside the exported model."""
