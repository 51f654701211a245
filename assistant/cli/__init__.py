"""The `assistant` command, one file a subcommand. Nothing heavy is imported before a command needs it."""
