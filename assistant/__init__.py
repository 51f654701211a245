"""A chat assistant for the terminal that finds answers in documents and checks them."""

__version__ = "0.1.0"
