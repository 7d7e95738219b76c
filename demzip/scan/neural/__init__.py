"""Adaptive coding with a small network: the smallest files of all."""
