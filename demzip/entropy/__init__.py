"""Numbers and symbols to words: the range coder and what it codes."""
