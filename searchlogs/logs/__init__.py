"""Your own logs: records in, rows out."""
