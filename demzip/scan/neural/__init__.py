"""Coding of blocks on a grid under a small causal network."""
