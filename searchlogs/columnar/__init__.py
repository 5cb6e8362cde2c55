"""The same sessions from record batches: columns of numpy instead of Python objects."""
