"""Preferences: DPO."""
