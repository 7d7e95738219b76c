"""Adaptive coding of blocks on a grid: the smallest files."""
