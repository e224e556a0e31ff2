"""The TFX pipeline that turns behaviour logs into user representations and task heads."""
