"""The reader: extractive question answering over sliding windows."""
