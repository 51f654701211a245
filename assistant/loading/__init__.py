"""Models from what lies on disk, ready for use."""
