"""What reader, verifier and embedder share: pairs of texts, batches, number formats."""
