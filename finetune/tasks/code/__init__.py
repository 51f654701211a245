"""Code assistants."""
