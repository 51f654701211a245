"""What terminals differ in: escape sequences, the clipboard, editors."""
