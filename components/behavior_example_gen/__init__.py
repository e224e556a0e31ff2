"""A TFX ExampleGen that turns behaviour logs, and labels, into one tf.Example a user."""
