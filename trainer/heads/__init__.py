"""One classifier per task on the frozen user vector."""
