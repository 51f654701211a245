"""What serves other programs: the Model Context Protocol and the OpenAI-compatible endpoint, over one queue of work."""
