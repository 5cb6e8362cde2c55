"""Everything that the notebooks draw."""
