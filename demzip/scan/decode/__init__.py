"""The decoding loops."""
