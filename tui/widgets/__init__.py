"""What a person sees on the screens, one widget each."""
