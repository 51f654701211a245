"""The three tasks that recipes train for."""
