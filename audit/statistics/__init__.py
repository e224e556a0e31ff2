"""How good a model is, how certain that is, and for whom it is worse."""
