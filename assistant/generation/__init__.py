"""The generator: prompts within a budget of tokens, decoding token by token, text as it comes."""
