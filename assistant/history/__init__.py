"""The conversations kept on this machine."""
