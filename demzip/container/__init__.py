"""Bytes of a .dz file; knows bytes, not predictors."""
