"""What the network sees of a sample."""
