"""Which passages of a long document bear on a question."""
