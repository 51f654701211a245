"""Training recipes for the models of the assistant."""
