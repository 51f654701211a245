"""What tests and benchmarks stand on: a terminal, the chat with a played responder, a Hub on loopback."""
