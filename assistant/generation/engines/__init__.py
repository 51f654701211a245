"""What computes the next tokens of a generator."""
