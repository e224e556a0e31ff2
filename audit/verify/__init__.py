"""Whether an audit holds: digests (level 0), figures (level 1), scores (level 2)."""
