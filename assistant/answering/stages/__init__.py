"""The stages of a turn, a module each: `flow.py` says in which order they come."""
