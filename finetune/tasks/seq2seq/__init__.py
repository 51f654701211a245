"""Answers written by an encoder-decoder."""
