"""Measurements of the product, some of them against its peers; each script says what it measures and how to run it."""
