"""Faster layers of encoders on a CPU."""
