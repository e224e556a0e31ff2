"""Raw logs to users to tf.Examples: files, records, values, and what is wrong with them."""
