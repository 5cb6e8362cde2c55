"""Defaults of a run that its command line shows."""

from datetime import timedelta

ENDINGS = (".jsonl", ".csv", ".parquet")

LEAST_USERS = 10
"""A query of fewer users is not told by itself."""

SNAPSHOTS = timedelta(seconds=10)
"""A run with a recovery folder stores so often where it is."""

ENGINES = ("columnar", "events")
"""How the sessions are found: from record batches, or from events one by one."""
