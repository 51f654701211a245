"""One turn from the question to the checked answer: route, read, write, verify."""
