"""The same sessions from record batches, for logs that outgrow objects."""
