"""The chat in the terminal. Imported only when it is opened: Textual is not needed for anything else."""
