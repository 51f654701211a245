"""One run and what it leaves: figures, reports, cards, published models."""
