"""What the neighbours of a cell say about it."""
