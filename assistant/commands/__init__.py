"""The commands of `assistant`, one module each."""
