"""Documents: opening them, their sentences and passages."""
