"""What the app shows as a whole, one screen each."""
