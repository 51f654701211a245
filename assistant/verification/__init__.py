"""The verifier: claims held against a document."""
