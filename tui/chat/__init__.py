"""The chat without its screen: the conversation, its commands, the models' thread."""
