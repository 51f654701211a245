"""Data sets as training examples."""
