"""What all tasks share while they train."""
